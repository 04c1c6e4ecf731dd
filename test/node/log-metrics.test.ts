import { expect, test } from 'vitest'
import { openLog } from '../../src/node/log.ts'
import { MetricRegistry } from '../../src/node/metrics.ts'

function captured(level: 'debug' | 'info' = 'info') {
  const lines: any[] = []
  const log = openLog({
    level,
    fields: { node: 'n1' },
    to: { write: (line) => void lines.push(JSON.parse(line)) },
  })
  return { log, lines }
}

test('a line is JSON with level, time, fields and message', () => {
  const { log, lines } = captured()
  log.child({ room: 'raft' }).warn({ term: 4 }, 'stepped down')
  log.debug({}, 'unseen')
  expect(lines).toEqual([
    {
      level: 'warn',
      time: expect.any(String),
      node: 'n1',
      room: 'raft',
      term: 4,
      msg: 'stepped down',
    },
  ])
})

test.for(['secret', 'password', 'token', 'apiKey', 'authorization', 'content'])(
  '%s never reaches a line',
  (name) => {
    const { log, lines } = captured()
    log.info({ [name]: 'xyzzy', a: { [name]: 'xyzzy', b: { [name]: 'xyzzy' } } }, 'm')
    log.child({ [name]: 'xyzzy' }).info({}, 'm')
    expect(JSON.stringify(lines)).not.toContain('xyzzy')
  },
)

test('the text of the registry has every kind, process figures and the lag of the event loop', async () => {
  const metrics = new MetricRegistry({ node: 'n1' })
  const counter = metrics.counter('publishes_total', 'Publishes.')
  counter.add()
  counter.add(4)
  metrics.gauge('sessions', 'Sessions.').set(3)
  const seconds = metrics.histogram('ack_seconds', 'Acks.', [0.001, 0.01])
  for (const value of [0.0005, 0.001, 0.005, 7]) seconds.observe(value)
  const text = await metrics.text()
  for (const line of [
    '# TYPE flotilla_publishes_total counter',
    'flotilla_publishes_total{node="n1"} 5',
    'flotilla_sessions{node="n1"} 3',
    '# TYPE flotilla_ack_seconds histogram',
    'flotilla_ack_seconds_bucket{le="0.001",node="n1"} 2',
    'flotilla_ack_seconds_bucket{le="0.01",node="n1"} 3',
    'flotilla_ack_seconds_bucket{le="+Inf",node="n1"} 4',
    'flotilla_ack_seconds_sum{node="n1"} 7.0065',
    'flotilla_ack_seconds_count{node="n1"} 4',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
  expect(text).toContain('flotilla_process_resident_memory_bytes')
  expect(text).toContain('flotilla_nodejs_eventloop_lag_seconds')
})

test('a name asked for twice is one metric; with another kind it is a bug (NODE-1)', async () => {
  const metrics = new MetricRegistry({})
  metrics.counter('a_total', 'A.').add()
  metrics.counter('a_total', 'A.').add()
  expect(await metrics.text()).toContain('flotilla_a_total 2')
  expect(() => metrics.gauge('a_total', 'A.')).toThrow('NODE-1')
})
