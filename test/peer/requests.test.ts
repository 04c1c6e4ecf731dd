import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Deadlines } from '../../src/peer/deadlines.ts'
import { Requests, type Reply } from '../../src/peer/requests.ts'
import type { PeerMessage } from '../../src/wire/peer-frames.ts'
import {
  allUp,
  introduce,
  realClock,
  realTimers,
  Seen,
  startNode,
  until,
  type TestNode,
} from './surroundings.ts'
import { VirtualTime } from './virtual-time.ts'

/** Node 1 asks node 2; messages are carried by hand, so a test may lose, hold or repeat them. */
function pair(more: { maxOutstanding?: number; bootId?: number } = {}) {
  const time = new VirtualTime()
  const seen = new Seen()
  const wire: { to: number; message: PeerMessage }[] = []
  const held: { body: unknown; reply: Reply }[] = []
  let isUp = true
  const make = (self: number, bootId: number) =>
    new Requests({
      post: (to, message) => {
        if (isUp) wire.push({ to, message })
        return isUp
      },
      bootId,
      serve: (from, body, reply) => {
        if (body === 'hold') held.push({ body, reply })
        else reply([self, from, body])
      },
      timers: time,
      clock: time,
      metrics: seen,
      ...more,
    })
  const one = make(1, more.bootId ?? 100)
  const two = make(2, 200)
  const carry = () => {
    while (wire.length > 0) {
      const { to, message } = wire.shift() as { to: number; message: PeerMessage }
      if (to === 1) one.receive(2, message)
      else two.receive(1, message)
    }
  }
  const ends: [unknown, string][] = []
  const done = (answer: unknown, end: string) => void ends.push([answer, end])
  return {
    time,
    seen,
    wire,
    held,
    one,
    two,
    carry,
    ends,
    done,
    setUp: (up: boolean) => (isUp = up),
  }
}

describe('a question', () => {
  test('gets its answer', () => {
    const { one, carry, ends, done } = pair()
    one.ask(2, { what: 'x' }, 1_000, done)
    expect(ends).toEqual([])
    carry()
    expect(ends).toEqual([[[2, 1, { what: 'x' }], 'answer']])
    expect(one.outstanding).toBe(0)
  })

  test('times out once, not before its time and at most a slot late', () => {
    const { time, one, ends, done, seen } = pair()
    one.ask(2, 'lost', 500, done)
    time.advance(499)
    expect(ends).toEqual([])
    time.advance(41)
    expect(ends).toEqual([[null, 'timeout']])
    expect(seen.values.get('peer_request_timeouts_total')).toBe(1)
    time.advance(60)
    expect(time.waiting).toBe(0) // no timer while nothing waits
  })

  test('is lost at once when the node goes down, and only that node counts', () => {
    const { one, ends, done, carry } = pair()
    one.ask(2, 'a', 1_000, done)
    one.ask(3, 'b', 1_000, done)
    one.down(2)
    expect(ends).toEqual([[null, 'lost']])
    carry()
    expect(ends.length).toBe(1)
    one.close()
    expect(ends[1]).toEqual([null, 'lost'])
  })

  test('is not sent when the link is down, or above the bound', () => {
    const { one, ends, done, setUp, wire } = pair({ maxOutstanding: 2 })
    setUp(false)
    one.ask(2, 'a', 1_000, done)
    setUp(true)
    for (let n = 0; n < 3; n++) one.ask(2, n, 1_000, done)
    expect(ends).toEqual([
      [null, 'not-sent'],
      [null, 'not-sent'],
    ])
    expect(wire.length).toBe(2)
  })

  test('ends once, whatever comes later or twice', () => {
    const { one, wire, held, carry, ends, done, time } = pair()
    one.ask(2, 'hold', 100, done)
    carry()
    time.advance(200)
    held[0]?.reply('late')
    held[0]?.reply('twice')
    expect(wire.length).toBe(1)
    carry()
    expect(ends).toEqual([[null, 'timeout']])
    one.ask(2, 'x', 100, done)
    wire.push(wire[0] as (typeof wire)[number])
    carry()
    expect(ends.length).toBe(2)
  })

  test('takes no answer from another node, nor one for an earlier start', () => {
    const { one, ends, done } = pair({ bootId: 100 })
    one.ask(2, 'x', 1_000, done)
    expect(one.receive(3, [13, 100, 1, 'forged'])).toBe(true)
    expect(one.receive(2, [13, 99, 1, 'for the one before me'])).toBe(true)
    expect(ends).toEqual([])
    expect(one.receive(2, [13, 100, 1, 'mine'])).toBe(true)
    expect(ends).toEqual([['mine', 'answer']])
    expect(one.receive(2, [20, 1])).toBe(false)
  })
})

test('the wheel fires every item once, in time, as a sorted list would', () => {
  const item = fc.record({ wait: fc.nat(12_000), removeAfter: fc.option(fc.nat(12_000)) })
  const step = fc.record({ ms: fc.integer({ min: 1, max: 900 }), isStall: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 30 }),
      fc.array(step, { maxLength: 60 }),
      (items, steps) => {
        const time = new VirtualTime(7)
        const fired = new Map<number, number>()
        interface Entry {
          id: number
          dueAt: number
          removeAt: number
          before: Entry | null
          after: Entry | null
          slot: number
        }
        const wheel = new Deadlines<Entry>(time, time, ({ id }) => {
          expect(fired.has(id)).toBe(false)
          fired.set(id, time.monotonic())
        })
        const entries = items.map(({ wait, removeAfter }, id): Entry => {
          const links = { before: null, after: null, slot: -1 }
          return { id, dueAt: 7 + wait, removeAt: 7 + (removeAfter ?? Infinity), ...links }
        })
        for (const entry of entries) wheel.add(entry)
        for (const { ms, isStall } of steps) {
          time.advance(ms, isStall)
          const now = time.monotonic()
          for (const entry of entries) {
            if (entry.removeAt <= now) wheel.remove(entry)
            const at = fired.get(entry.id)
            if (at !== undefined) expect(at).toBeGreaterThanOrEqual(entry.dueAt)
            else if (entry.dueAt + 40 < now && entry.removeAt > now) expect.fail(`${entry.id} late`)
          }
        }
      },
    ),
  )
})

test('over real links: answers, and an end at once when the node dies', async () => {
  const requests = new Map<number, Requests>()
  const nodes: TestNode[] = []
  const start = async (index: number) => {
    const node = await startNode(
      { index },
      {
        handlers: {
          message: (from, message) => void requests.get(index)?.receive(from, message),
          up: () => {},
          down: (node) => requests.get(index)?.down(node),
        },
      },
    )
    nodes.push(node)
    const serve = (_from: number, body: unknown, reply: Reply) => {
      if (body !== 'never') reply(`re: ${String(body)}`)
    }
    const { peers, seen: metrics } = node
    const post = (to: number, message: PeerMessage) => peers.post(to, message)
    const surroundings = { timers: realTimers, clock: realClock, metrics }
    requests.set(index, new Requests({ post, bootId: 1, serve, ...surroundings }))
  }
  await start(1)
  await start(2)
  introduce(nodes)
  await until(() => allUp(nodes), 'up')
  const ends: unknown[] = []
  const done = (answer: unknown, end: string) => ends.push([answer, end])
  requests.get(1)?.ask(2, 'hello', 5_000, done)
  requests.get(1)?.ask(1, 'myself', 5_000, done)
  requests.get(1)?.ask(2, 'never', 60_000, done)
  await until(() => ends.length === 2, 'two answers')
  expect(ends).toContainEqual(['re: hello', 'answer'])
  expect(ends).toContainEqual(['re: myself', 'answer'])
  nodes[1]?.close()
  await until(() => ends.length === 3, 'the end of the third')
  expect(ends[2]).toEqual([null, 'lost'])
  nodes[0]?.close()
})
