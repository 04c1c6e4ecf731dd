import { expect, test } from 'vitest'
import { group, Scene } from '../conformance/topic.ts'
import { VirtualEdge } from './virtual-edge.ts'

/** Sessions whose clients read too slowly: real queues and rooms, virtual sockets and time (T24, G26, P10). */
const spread = { nodes: 2, owner: 1, place: () => 2 }
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from)
const word = 'x'.repeat(200)

async function scene(bounds?: { frames: number; bytes: number }) {
  const { world, clients } = await Scene.make(spread, 2)
  const edge = new VirtualEdge(world, world.node(2), bounds)
  const [a, b] = [clients[0]!, clients[1]!]
  const publish = (count: number, text = word): void => {
    for (let i = 0; i < count; i++) a.publish(group, text)
  }
  return { world, edge, a, b, publish }
}

test('T24: a socket stalls for 60 s under load and lets go: all of it, once, in order', async () => {
  const { world, edge, b, publish } = await scene()
  const [slow, fast] = [edge.connect(b.uid, 'slow'), edge.connect(b.uid, 'fast')]
  for (const client of [slow, fast]) await client.ask('sub', { topic: group })
  slow.pipe.isStalled = true
  let most = 0
  for (let second = 0; second < 60; second++) {
    publish(second % 30 === 0 ? 1_000 : 10)
    await world.settle(50)
    fast.say({ note: { topic: group, what: 'kp' } })
    world.time.advance(950)
    most = Math.max(most, slow.queue.frames)
  }
  const total = 2 * 1_000 + 58 * 10
  expect(slow.closed).toBeNull()
  expect(most).toBeLessThanOrEqual(2_048)
  expect(fast.seqs(group)).toEqual(upTo(total))
  slow.pipe.letGo()
  publish(100)
  await world.settle(1_000)
  expect(slow.seqs(group)).toEqual(upTo(total + 100))
  expect(slow.queue.isSlow).toBe(false)
})

test('a thousand messages in one turn do not make a reader slow that takes them', async () => {
  const { world, edge, b, publish } = await scene({ frames: 256, bytes: 64 * 1024 })
  const fast = edge.connect(b.uid, 'fast', { notices: true })
  await fast.ask('sub', { topic: group })
  for (let turn = 0; turn < 3; turn++) {
    publish(1_000)
    await world.settle(20)
  }
  expect(fast.seqs(group)).toEqual(upTo(3_000))
  expect(fast.got.filter((m) => m.pres?.what === 'pull')).toEqual([])
})

test('it stalls again and again, and gets no more than it takes: the queue stays bounded', async () => {
  const bounds = { frames: 128, bytes: 64 * 1024 }
  const { world, edge, b, publish } = await scene(bounds)
  const slow = edge.connect(b.uid, 'slow', { notices: true })
  await slow.ask('sub', { topic: group })
  for (let round = 0; round < 10; round++) {
    slow.pipe.isStalled = true
    publish(200)
    await world.settle(30)
    expect(slow.queue.frames).toBeLessThanOrEqual(bounds.frames)
    expect(slow.queue.bytes).toBeLessThanOrEqual(bounds.bytes)
    slow.pipe.letGo()
    slow.pipe.isStalled = round % 3 !== 0
    await world.settle(10)
  }
  slow.pipe.letGo()
  for (let i = 0; i < 10; i++) {
    await world.settle(50)
    slow.pipe.letGo()
  }
  expect(slow.seqs(group)).toEqual(upTo(2_000))
  const turns = slow.got.filter((m) => ['pull', 'push'].includes(m.pres?.what)).map((m) => m.pres)
  expect(turns.length).toBeGreaterThan(2)
  expect(turns.map(({ what }) => what)).toEqual(turns.map((_, i) => (i % 2 ? 'push' : 'pull')))
})

test('while it is slow answers go, typing is dropped, marks are told once, at the end', async () => {
  const { world, edge, a, b, publish } = await scene({ frames: 256, bytes: 4 * 1024 * 1024 })
  const slow = edge.connect(b.uid, 'slow')
  await slow.ask('sub', { topic: group })
  slow.pipe.isStalled = true
  publish(300)
  await world.settle()
  expect(slow.queue.isSlow).toBe(true)
  a.send(group, { kind: 'note', what: 'kp', seq: 0 })
  for (const seq of [10, 20, 30]) a.send(group, { kind: 'note', what: 'read', seq: 270 + seq })
  for (let i = 0; i < 5; i++) a.send(group, { kind: 'note', what: 'kp', seq: 0 })
  const id = slow.send('pub', { topic: group, content: 'mine', noecho: true })
  await world.settle()
  slow.pipe.letGo()
  await world.settle()
  expect(slow.answer(id)).toMatchObject({ code: 202, params: { seq: 301 } })
  expect(slow.got.findIndex((m) => m.ctrl?.id === id)).toBeLessThan(
    slow.got.findIndex((m) => m.data?.seq === 300),
  )
  expect(slow.seqs(group)).toEqual(upTo(300))
  expect(slow.got.filter((m) => m.info).map((m) => [m.info.what, m.info.seq])).toEqual([])
  expect(edge.counts.get('session_passed_by_total')).toBe(6)
})

test('marks that could not be told are told once, the last of each', async () => {
  const { world, edge, a, b, publish } = await scene({ frames: 256, bytes: 4 * 1024 * 1024 })
  const slow = edge.connect(b.uid, 'slow')
  const third = edge.connect(b.uid, 'third')
  for (const client of [slow, third]) await client.ask('sub', { topic: group })
  slow.pipe.isStalled = true
  publish(300)
  await world.settle()
  for (const seq of [280, 290, 299]) {
    third.send('note', { topic: group, what: 'read', seq })
    await world.settle(2_000)
  }
  await a.ask(group, { kind: 'del', what: 'msg', delseq: [{ low: 3 }], hard: true })
  await world.settle()
  slow.pipe.letGo()
  await world.settle()
  const told = slow.got.filter((m) => m.info !== undefined || m.pres?.what === 'del')
  expect(told.map((m) => m.info?.seq ?? m.pres.what)).toEqual([299, 'del'])
})

test('over the hard bound with answers alone: closed with 1013', async () => {
  const { world, edge, b } = await scene({ frames: 64, bytes: 4 * 1024 * 1024 })
  const slow = edge.connect(b.uid, 'slow')
  await slow.ask('sub', { topic: group })
  slow.pipe.isStalled = true
  slow.pipe.writableLength = 1
  for (let i = 0; i < 200; i++) slow.send('get', { topic: group, what: 'desc' })
  await world.settle()
  expect(slow.closed).toBe(1013)
  expect(edge.counts.get('session_queue_overflows_total')).toBe(1)
})

test('a client whose machine takes nothing for two minutes is given up, one that takes a little is not', async () => {
  const { world, edge, b, publish } = await scene()
  const [dead, dripping] = [edge.connect(b.uid, 'dead'), edge.connect(b.uid, 'dripping')]
  for (const client of [dead, dripping]) {
    await client.ask('sub', { topic: group })
    client.pipe.isStalled = true
  }
  for (let second = 0; second < 260; second++) {
    publish(5, 'y'.repeat(1_000))
    await world.settle(10)
    if (second % 40 === 0) {
      dripping.pipe.letGo()
      dripping.session.heardPong()
      await world.settle(10)
      dripping.pipe.isStalled = true
    }
    world.time.advance(970)
  }
  expect(dead.closed).toBe(1013)
  expect(dripping.closed).toBeNull()
})
