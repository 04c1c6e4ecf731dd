import { afterEach, describe, expect, test } from 'vitest'
import type { PeerMessage } from '../../src/wire/peer-frames.ts'
import { FaultyProxy } from './faulty-proxy.ts'
import {
  allUp,
  introduce,
  realTimers,
  startNode,
  startNodes,
  until,
  type TestNode,
} from './surroundings.ts'

const open: { close(): void }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

async function nodes(count: number, more = {}): Promise<TestNode[]> {
  const started = await startNodes(count, more)
  open.push(...started)
  return started
}

/** Two nodes; what 1 sends to 2 goes through the proxy. */
async function proxied(more = {}): Promise<{ one: TestNode; two: TestNode; proxy: FaultyProxy }> {
  const one = await startNode({ index: 1 }, more)
  const two = await startNode({ index: 2 }, more)
  const proxy = await FaultyProxy.to(() => two.peers.port)
  open.push(one, two, proxy)
  introduce([one, two], (from, to) => (from === 1 && to === 2 ? proxy.port : undefined))
  await until(() => allUp([one, two]), 'both up')
  return { one, two, proxy }
}

const numbersOf = (node: TestNode) => node.got.map(({ message }) => message[1] as number)

describe('messages', () => {
  test('reach every node, in order, with their bytes; to oneself without encoding', async () => {
    const [one, two, three] = (await nodes(3)) as [TestNode, TestNode, TestNode]
    const self: PeerMessage = [20, Symbol('not encodable')]
    expect(one.peers.post(1, self)).toBe(true)
    expect(one.got).toEqual([])
    for (let n = 0; n < 5_000; n++) {
      expect(one.peers.post(2 + (n % 2), [20, n, Buffer.from(`b${n}`)])).toBe(true)
    }
    await until(() => two.got.length + three.got.length === 5_000, 'all to arrive')
    expect(numbersOf(two)).toEqual(Array.from({ length: 2_500 }, (_, n) => 2 * n))
    expect(numbersOf(three)).toEqual(Array.from({ length: 2_500 }, (_, n) => 2 * n + 1))
    expect(two.got[7]).toEqual({ from: 1, message: [20, 14, Buffer.from('b14')] })
    expect(one.got).toEqual([{ from: 1, message: self }])
    expect(one.got[0]?.message).toBe(self)
  })

  test('survive being cut into single bytes', async () => {
    const { one, two, proxy } = await proxied()
    proxy.maxPiece = 1
    for (let n = 0; n < 20; n++) one.peers.post(2, [20, n, 'x'.repeat(n)])
    await until(() => two.got.length === 20, 'all to arrive')
    expect(numbersOf(two)).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  test('are refused for unknown and down nodes, and above the loopback bound', async () => {
    const [one] = (await nodes(1, { settings: { maxLoopback: 2 } })) as [TestNode]
    expect(one.peers.post(7, [20])).toBe(false)
    expect([1, 2, 3].map((n) => one.peers.post(1, [20, n]))).toEqual([true, true, false])
    await until(() => one.got.length === 2, 'the loopback')
    expect(one.peers.post(1, [20, 4])).toBe(true)
    expect(one.seen.values.get('peer_loopback_refused_total')).toBe(1)
  })

  test('too large for any frame are dropped alone', async () => {
    const [one, two] = (await nodes(2)) as [TestNode, TestNode]
    expect(one.peers.post(2, [20, 1, Buffer.alloc(9 * 1024 * 1024)])).toBe(false)
    expect(one.peers.post(2, [20, 2, Buffer.alloc(4 * 1024 * 1024)])).toBe(true)
    await until(() => two.got.length === 1, 'the large one')
    expect(numbersOf(two)).toEqual([2])
    expect(one.seen.values.get('peer_message_oversize_total')).toBe(1)
    expect(one.events).toEqual(['up 2 boot 1'])
  })
})

describe('up and down', () => {
  test('a killed peer is noticed within 100 ms, on both kinds of links', async () => {
    const [one, two] = (await nodes(2, { settings: {} })) as [TestNode, TestNode]
    const from = performance.now()
    two.close()
    await until(() => !one.peers.isUp(2), 'down')
    expect(performance.now() - from).toBeLessThan(100)
    expect(one.events).toEqual(['up 2 boot 1', 'down 2'])
    expect(one.peers.post(2, [20])).toBe(false)
  })

  test('only the incoming link breaks: down at once, up again after a ping', async () => {
    const { one, two, proxy } = await proxied()
    const link = two.peers.rtt(1)
    expect(link).toBeDefined()
    proxy.refuse = true
    proxy.cut()
    await until(() => two.events.length === 3, 'down and up')
    expect(two.events).toEqual(['up 1 boot 1', 'down 1', 'up 1 boot 1'])
    expect(one.peers.isUp(2)).toBe(false)
    expect(two.peers.post(1, [20, 1])).toBe(true)
    await until(() => one.got.length === 1, 'the direction that is whole')
    proxy.refuse = false
    await until(() => one.peers.isUp(2), 'the other direction to heal')
  })

  test.for(['both', 'from-dialler', 'to-dialler'] as const)(
    'a link that swallows bytes (%s) is noticed within the keepalive and replaced',
    async (swallow) => {
      const { one, two, proxy } = await proxied()
      const from = performance.now()
      const heals = proxy.connections + 1
      proxy.swallow = swallow
      await until(() => one.events.includes('down 2'), 'down at the dialler')
      if (swallow !== 'to-dialler') await until(() => two.events.includes('down 1'), 'down')
      const took = performance.now() - from
      expect(took).toBeGreaterThan(100)
      expect(took).toBeLessThan(1_000)
      proxy.freeze()
      proxy.swallow = 'nothing'
      await until(() => allUp([one, two]) && proxy.connections >= heals, 'up again')
      one.peers.post(2, [20, 9])
      await until(() => numbersOf(two).includes(9), 'a message')
    },
  )

  const patient = { pingEveryMs: 60_000, deadAfterMs: 120_000 }

  test('the answer that tells a node up again is asked for, not waited for', async () => {
    const { two, proxy } = await proxied({ settings: { ...patient, backoffMinMs: 30_000 } })
    proxy.refuse = true
    proxy.cut()
    await until(() => two.events.length === 3, 'down and up', 2_000)
  })

  test('a restart shows by its own link, though the link to its earlier start looks alive', async () => {
    const settings = { ...patient, backoffMinMs: 5 }
    const { one, two, proxy } = await proxied({ settings })
    proxy.freeze()
    two.close()
    await until(() => one.events.at(-1) === 'down 2', 'the incoming link to break')
    const later = await startNode({ index: 2, bootId: 7 }, { settings })
    open.push(later)
    proxy.retarget(() => later.peers.port)
    later.members.set(1, { name: 'n1', host: '127.0.0.1', port: one.peers.port })
    later.peers.refresh()
    await until(() => one.events.at(-1) === 'up 2 boot 7', 'the new start', 2_000)
    expect(proxy.connections).toBe(2)
  })

  test('a node that dials us is dialled at once, whatever the backoff says', async () => {
    const settings = { ...patient, backoffMinMs: 60_000, backoffMaxMs: 60_000 }
    const one = await startNode({ index: 1 }, { settings })
    const two = await startNode({ index: 2 }, { settings })
    const proxy = await FaultyProxy.to(() => two.peers.port)
    open.push(one, two, proxy)
    proxy.refuse = true
    one.members.set(2, { name: 'n2', host: '127.0.0.1', port: proxy.port })
    one.peers.refresh()
    await until(() => one.seen.lines.some((line) => line.includes('link not made')), 'a refusal')
    proxy.refuse = false
    two.members.set(1, { name: 'n1', host: '127.0.0.1', port: one.peers.port })
    two.peers.refresh()
    await until(() => one.peers.isUp(2) && two.peers.isUp(1), 'both up', 2_000)
  })

  test('a restarted node is up with its new boot id; its earlier life is refused', async () => {
    const [one, two] = (await nodes(2)) as [TestNode, TestNode]
    const port = two.peers.port
    two.close()
    const later = await startNode({ index: 2, bootId: 7 })
    open.push(later)
    for (const node of [one, later]) {
      node.members.set(1, { name: 'n1', host: '127.0.0.1', port: one.peers.port })
      node.members.set(2, { name: 'n2', host: '127.0.0.1', port: later.peers.port })
      node.peers.refresh()
    }
    expect(port).not.toBe(later.peers.port)
    await until(() => one.events.includes('up 2 boot 7'), 'the new start')
    const stale = await startNode({ index: 2, bootId: 6 })
    open.push(stale)
    stale.members.set(1, { name: 'n1', host: '127.0.0.1', port: one.peers.port })
    stale.peers.refresh()
    await until(() => (one.seen.values.get('peer_refused_stale_boot_total') ?? 0) > 0, 'refusal')
    expect(one.peers.isUp(2)).toBe(true)
    expect(stale.events).toEqual([])
  })

  test('a member that is removed goes down and is not dialled again', async () => {
    const [one, two] = (await nodes(2)) as [TestNode, TestNode]
    one.members.delete(2)
    one.peers.refresh()
    expect(one.events).toEqual(['up 2 boot 1', 'down 2'])
    const refused = 'peer_refused_unknown_member_total'
    await until(() => (one.seen.values.get(refused) ?? 0) > 0, 'the removed one refused')
    expect(two.peers.isUp(1)).toBe(false)
    expect(one.peers.rtt(2)).toBeUndefined()
  })

  test('a long round trip is measured; none to oneself', async () => {
    const [one] = (await nodes(2)) as [TestNode]
    await until(() => one.peers.rtt(2) !== undefined, 'a pong')
    expect(one.peers.rtt(2)).toBeGreaterThan(0)
    expect(one.peers.rtt(1)).toBe(0)
  })

  test('the own stall of a node does not make it give up its peers', async () => {
    const [one, two] = (await nodes(2)) as [TestNode, TestNode]
    const until_ = performance.now() + 500
    while (performance.now() < until_) Math.sqrt(until_)
    let ticks = 0
    const cancel = realTimers.every(20, () => ticks++)
    await until(() => ticks > 10, 'some ticks')
    cancel()
    expect([one.events, two.events]).toEqual([['up 2 boot 1'], ['up 1 boot 1']])
  })
})

describe('bounds', () => {
  test('a queue over its bound resets the link; after it messages flow again', async () => {
    const settings = { maxQueueBytes: 4 * 1024 * 1024, deadAfterMs: 60_000 }
    const { one, two } = await proxied({ settings })
    const block = Buffer.alloc(512 * 1024, 7)
    let refusedAt = -1
    for (let n = 0; refusedAt < 0 && n < 100; n++) {
      if (!one.peers.post(2, [20, n, block])) refusedAt = n
    }
    expect(refusedAt).toBeGreaterThan(4)
    expect(one.events).toEqual(['up 2 boot 1']) // not told from inside post
    await until(() => one.events.length === 3, 'down and up')
    expect(one.events.slice(1)).toEqual(['down 2', 'up 2 boot 1'])
    expect(one.seen.values.get('peer_link_overflow_total')).toBe(1)
    expect(two.got).toEqual([]) // the queue was dropped as a whole
    one.peers.post(2, [20, 777])
    await until(() => numbersOf(two).includes(777), 'a message after the reset')
  })
})
