import { describe, expect, test } from 'vitest'
import { reset } from '../../jepsen-lite/proxy/reset.ts'
import { limits } from '../../src/limits.ts'
import { eventually, group, TestEdge } from './edge-fixture.ts'

describe('requests of one session', () => {
  test.for(['sub', 'leave'] as const)('wait behind a %s, in order', async (verb) => {
    await using edge = await TestEdge.open()
    const client = await edge.client(await edge.user('ann'))
    edge.topics.held = []
    client.send({ [verb]: { id: 'a', topic: group(1) } })
    client.send({ get: { id: 'b', topic: group(2), what: 'desc' } })
    client.send({ get: { id: 'c', topic: group(3), what: 'desc' } })
    client.send('1')
    await client.until((m) => m === 0) // the probe does not wait
    expect(edge.topics.requests.map((request) => request.id)).toEqual(['a'])
    edge.topics.release()
    await client.until((m) => m.ctrl?.id === 'c')
    expect(edge.topics.requests.map((request) => request.id)).toEqual(['a', 'b', 'c'])
  })

  test('are pipelined when they are no barriers', async () => {
    await using edge = await TestEdge.open()
    const client = await edge.client(await edge.user('ann'))
    edge.topics.held = []
    for (let n = 0; n < 20; n++) client.send({ pub: { id: `p${n}`, topic: group(1), content: n } })
    await eventually(() => edge.topics.requests.length === 20)
    edge.topics.release()
    await client.until((m) => m.ctrl?.id === 'p19')
  })

  test('stop the socket from being read when too many are open, and none is lost', async () => {
    await using edge = await TestEdge.open()
    const client = await edge.client(await edge.user('ann'))
    await client.ask({ sub: { topic: group(1) } })
    const total = 5_000
    edge.topics.held = []
    for (let n = 0; n < total; n++) {
      client.send({ pub: { id: `p${n}`, topic: group(1), noecho: true, content: 'x'.repeat(100) } })
    }
    await eventually(() => edge.counts.get('session_paused_total') === 1)
    expect(edge.topics.requests.length - 1).toBe(limits.maxOutstandingPerSession)
    // What waits is what the socket had been read for already: far from all of it.
    expect(edge.counts.get('session_frames_in_total')).toBeLessThan(2_000)
    edge.topics.release()
    await client.until((m) => m.ctrl?.id === `p${total - 1}`)
    const seqs = client.heard.filter((m) => m.ctrl?.code === 202).map((m) => m.ctrl.params.seq)
    expect(seqs).toEqual(Array.from({ length: total }, (_, i) => i + 1))
  })

  test('of a user are limited in rate', async () => {
    await using edge = await TestEdge.open({ requestsPerUser: 5 })
    const uid = await edge.user('ann')
    const [one, two] = [await edge.client(uid), await edge.client(uid)]
    const codes: number[] = []
    for (let n = 0; n < 8; n++) {
      const ctrl = await (n % 2 === 0 ? one : two).ask({ get: { topic: 'me', what: 'desc' } })
      codes.push(ctrl.code)
    }
    expect(codes.slice(0, 5)).toEqual(Array(5).fill(204))
    expect(codes).toContain(429)
    const other = await edge.client(await edge.user('ben'))
    expect((await other.ask({ get: { topic: 'me', what: 'desc' } })).code).toBe(204)
  })
})

test('a session is forgotten exactly once, however it ends', async () => {
  await using edge = await TestEdge.open()
  const uid = await edge.user('ann')
  const clients = await Promise.all(Array.from({ length: 40 }, () => edge.client(uid)))
  expect(edge.edge.sessions).toBe(40)
  expect(edge.counts.get('session_users')).toBe(1)
  for (const [n, client] of clients.entries()) {
    if (n % 4 === 0) client.socket.terminate()
    else if (n % 4 === 1) client.socket.close(1000)
    else if (n % 4 === 2) reset((client.socket as any)._socket)
    else (client.socket as any)._socket.write(Buffer.from([0x81, 0x00])) // not masked
  }
  await eventually(() => edge.edge.sessions === 0)
  expect(edge.topics.forgotten).toHaveLength(40)
  expect(new Set(edge.topics.forgotten).size).toBe(40)
  expect(edge.counts.get('session_users')).toBe(0)
  expect(edge.thrown).toEqual([])
})
