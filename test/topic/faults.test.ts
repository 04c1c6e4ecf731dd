import { expect, test } from 'vitest'
import { grpTopic } from '../../src/ids/topic-name.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import { Calls } from '../../src/topic/calls.ts'
import { Hub } from '../../src/topic/hub.ts'
import type { TopicMessage } from '../../src/topic/messages.ts'
import { VirtualTime } from '../peer/virtual-time.ts'
import { proxyWorld, quick, uid } from './proxy-world.ts'
import { group, Scene } from '../conformance/topic.ts'
import { Client } from './world.ts'

/** Faults that the chaos test has found, each by itself. */
const spread = { nodes: 3, owner: 1, place: (i: number) => (i % 2) + 2 }
test('an owner that begins anew in its term is told again who listens', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const partition = world.node(1).partition(world.groupOf(group).id)
  const { term } = partition
  partition.lead(term)
  await world.settle()
  scene.client(0).publish(group, 'after')
  await world.settle()
  expect(scene.client(1).data(group)).toEqual([[1, 'after']])
})

test('a publish that was stored stays accepted when its sender may not write any more', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  world.cut.add('1 3')
  const id = b.publish(group, 'stored')
  await world.settle(50)
  const taken = a.ask(group, { kind: 'set', sub: { user: b.uid, mode: 'JRP' } })
  await world.settle(50)
  expect(await taken).toMatchObject({ code: 200 })
  world.kill(1)
  for (const line of world.groups.slice(1)) line.elect(2)
  await world.settle(500)
  expect(b.answer(id)).toMatchObject({ code: 202, params: { seq: 1 } })
})

test('the link to the owner broke at this end only, and is back: calls go there again', () => {
  const time = new VirtualTime()
  const sent: number[] = []
  const post = (to: number): boolean => sent.push(to) > 0
  const calls = new Calls({ partitions: 4, post, clock: time, timers: time, metrics: noMetrics })
  calls.owns(2, 3, 1)
  calls.down(3)
  calls.call(
    2,
    (id) => [32, id, 'x', { kind: 'card' }],
    1_000,
    () => 'done',
    () => {},
  )
  expect(sent).toEqual([])
  expect(calls.up(3)).toEqual([2])
  expect(sent).toEqual([3])
  calls.down(3)
  calls.owns(2, 1, 2)
  expect(calls.up(3)).toEqual([])
})

test('a page that begins behind the place of a session that came meanwhile is asked for anew', () => {
  const { proxy, asked, session } = proxyWorld()
  proxy.enter(session('a'), 0x0f, 0x0f, 10)
  proxy.attached(1, 12, [])
  proxy.enter(session('b'), 0x0f, 0x0f, 5)
  expect(asked).toEqual([
    [11, 13],
    [6, 11],
  ])
  proxy.caughtUp([], 13, false, 11)
  expect(asked.at(-1)).toEqual([6, 13])
})

test('who is not a member for the new owner is evicted, though the news of it was lost', () => {
  const { proxy, got, session } = proxyWorld()
  proxy.enter(session('a'), 0x0f, 0x0f, 0)
  proxy.attached(2, 0, [[uid, 0, 0, false, false]])
  expect(got).toMatchObject([{ ctrl: { code: 205 } }])
  expect(proxy.sessions.size).toBe(0)
})

test('a second {sub} that was not waited for keeps the place of the first', () => {
  const { proxy, got, session } = proxyWorld()
  const a = session('a')
  proxy.enter(a, 0x0f, 0x0f, 1)
  proxy.enter(a, 0x0f, 0x0f, 2)
  const message = { kind: 'data', seq: 2, from: uid, ts: 0, head: null, content: '2' } as const
  proxy.events(1, [{ ...message, skipSid: '' }])
  expect(got.map(({ data }) => data.seq)).toEqual([2])
})

test('a {sub} behind a {leave} whose facts are under way is answered behind it, and holds', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  const other = new Client(world, 3, b.uid, 'other')
  const list = world.groupOf(b.uid)
  const topics = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => grpTopic(77, i))
  const topic = topics.find((name) => world.groupOf(name) !== list)!
  await a.sub(topic, { create: 'grp' }, 'new2')
  await b.sub(topic)
  list.commits = false // the news that he left cannot arrive
  const left = b.send(topic, { kind: 'leave', unsub: true })
  await world.settle(50)
  other.send(topic, { kind: 'sub' }) // he is a member again, so that nothing waits for the next {sub}
  await world.settle(50)
  const back = b.send(topic, { kind: 'sub' })
  await world.settle(50)
  expect(b.answer(back)).toBeUndefined()
  a.publish(topic, 'meanwhile')
  await world.settle(2_000)
  const codes = b.got.filter(({ ctrl }) => [left, back].includes(ctrl?.id)).map((m) => m.ctrl)
  expect(codes).toMatchObject([
    { id: left, code: 200 },
    { id: back, code: 200 },
  ])
  a.publish(topic, 'after')
  await world.settle()
  expect(b.data(topic)).toEqual([
    [1, 'meanwhile'],
    [2, 'after'],
  ])
})

test('a link breaks between the answers to a {leave} and to the {sub} behind it: the {sub} holds', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  const other = new Client(world, 3, b.uid, 'other')
  const list = world.groupOf(b.uid)
  const topics = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => grpTopic(77, i))
  const topic = topics.find((name) => world.groupOf(name) !== list)!
  await a.sub(topic, { create: 'grp' }, 'new2')
  await b.sub(topic)
  list.commits = false // the answers wait for the news of them to arrive
  const left = b.send(topic, { kind: 'leave', unsub: true })
  await world.settle(50)
  other.send(topic, { kind: 'sub' })
  await world.settle(300)
  const back = b.send(topic, { kind: 'sub' })
  const post = world.post.bind(world)
  let lost = 0
  world.post = (from, to, m) => {
    // The first answer is lost with its link, which is back before the second leaves.
    const isAnswer = from === 1 && to === 3 && m[0] === 22
    if (!isAnswer || lost++ > 0) return post(from, to, m)
    world.node(3).hub.nodeDown(1)
    world.node(3).hub.nodeUp(1)
    return true
  }
  await world.settle(1_700)
  list.commits = true
  await world.settle(3_000)
  expect(lost).toBeGreaterThan(1)
  const codes = b.got.filter(({ ctrl }) => [left, back].includes(ctrl?.id)).map((m) => m.ctrl)
  expect(codes).toMatchObject([
    { id: left, code: 504 },
    { id: back, code: 200 },
  ])
  a.publish(topic, 'after')
  await world.settle()
  expect(b.data(topic).map(([, text]) => text)).toEqual(['after'])
})

test('a publish refused at first and stored at the second try is accepted, though the refusal comes last', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  await a.ask(group, { kind: 'set', sub: { user: b.uid, mode: 'JRP' } })
  await world.settle()
  const late: TopicMessage[] = []
  const post = world.post.bind(world)
  world.post = (from, to, m) => {
    if (from !== 1 || to !== 3 || m[0] !== 22 || late.length > 0) return post(from, to, m)
    return late.push(m) > 0
  }
  const id = b.publish(group, 'x')
  await world.settle(50)
  expect(late).toHaveLength(1)
  await a.ask(group, { kind: 'set', sub: { user: b.uid, mode: 'JRWP' } })
  world.node(3).hub.nodeDown(1)
  world.node(3).hub.nodeUp(1)
  world.node(3).hub.receive(1, late[0]!)
  expect(b.answer(id)).toBeUndefined() // it was sent again, so this is not the last word
  await world.settle()
  expect(b.answer(id)).toMatchObject({ code: 202, params: { seq: 1 } })
})

test('what still comes for a proxy that everybody left does not take its successor away', () => {
  const time = new VirtualTime()
  const sent: TopicMessage[] = []
  const hub = new Hub({
    self: 1,
    partitions: 1,
    post: (_to, message) => sent.push(message) > 0,
    nodes: () => [2],
    clock: time,
    timers: time,
    logger: silentLogger,
    metrics: noMetrics,
    presenceGraceMs: 1_000,
  })
  const topic = grpTopic(1, 2)
  const call = (): number => sent.at(-1)?.[1] as number
  const join = (sid: string): void => {
    const from = { ...quick, sid, uid, deliver: () => true }
    const command = { kind: 'sub' } as const
    hub.request(from, { id: sid, said: topic, topic, asChan: false, command }, () => {})
    const parts = [{ kind: 'ctrl', code: 200 }] as const
    hub.receive(2, [22, call(), 0, parts, [0x0f, 0x0f, 3, false, 1], false, null, null])
  }
  hub.receive(2, [37, [[1, 1]]])
  join('a')
  // A gap, and behind it the end of his membership: both wait for what was missed.
  hub.receive(2, [25, topic, 1, [[5, uid, 0, null, '5', ''], { kind: 'evict', uid, unsub: false }]])
  expect(sent.at(-1)).toMatchObject([31, expect.anything(), topic, 4, 5])
  const missed = call()
  hub.forget('a')
  join('b')
  expect(hub.isAttached('b', topic)).toBe(true)
  hub.receive(2, [24, missed, [[4, uid, 0, null, '4', '']]])
  expect(hub.isAttached('b', topic)).toBe(true)
  hub.close()
})
