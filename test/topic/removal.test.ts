import { expect, test } from 'vitest'
import type { TopicMessage } from '../../src/topic/messages.ts'
import { topicKinds } from '../../src/topic/messages.ts'
import { group, Scene } from '../conformance/topic.ts'

/** A partition that has moved away from this node (OwnerDesk.remove). */
const spread = { nodes: 3, owner: 1, place: () => 3 }
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

async function scene() {
  const { world, clients } = await Scene.make(spread, 2)
  const line = world.groupOf(group)
  const refusals: TopicMessage[] = []
  const post = world.post.bind(world)
  world.post = (from, to, m) => {
    if (m[0] === topicKinds.refused) refusals.push(m)
    return post(from, to, m)
  }
  const { desk } = world.node(1).hub
  return { world, line, desk, refusals, a: clients[0]!, b: clients[1]! }
}

test('moved and removed: the conversation goes on with the next owner, nobody notices', async () => {
  const { world, line, desk, a, b } = await scene()
  a.publish(group, 'before')
  await world.settle()
  line.elect(2)
  await world.settle()
  desk.remove(line.id)
  desk.remove(line.id)
  a.publish(group, 'after')
  await world.settle()
  expect(b.data(group).map(([, text]) => text)).toEqual(['before', 'after'])
  expect(b.got.filter((m) => m.ctrl?.code === 205)).toEqual([])
  expect(desk.leads.map(([id]) => id)).not.toContain(line.id)
})

test('who asks the node that holds it no more is told who does', async () => {
  const { world, line, desk, refusals } = await scene()
  line.elect(2)
  await world.settle()
  desk.remove(line.id)
  world.node(1).hub.receive(3, [topicKinds.ask, 7, group, { kind: 'list' }])
  world.node(1).hub.receive(3, [topicKinds.catchUp, 8, group, 1, 2])
  world.node(1).hub.receive(3, [topicKinds.letters, 9, 1, line.id, []])
  expect(refusals).toEqual([7, 8, 9].map((call) => [36, call, 'not-owner', 2, line.term]))
})

test('removed while it owns, with publishes under way: each is stored once, none is lost', async () => {
  const { world, line, desk, a, b } = await scene()
  line.commits = false
  const ids = Array.from({ length: 20 }, (_, i) => a.publish(group, `m${i}`))
  await world.settle(20)
  desk.remove(line.id)
  expect(desk.leads.map(([id]) => id)).not.toContain(line.id)
  a.publish(group, 'later')
  await world.settle(20)
  line.commits = true
  line.elect(2)
  await world.settle(500)
  expect(ids.map((id) => a.answer(id)?.params?.seq as number)).toEqual(upTo(20))
  expect(b.data(group).map(([seq]) => seq)).toEqual(upTo(21))
})

test('a page that is being read is not answered from rows that may be going', async () => {
  const { world, line, desk, refusals, a } = await scene()
  for (let i = 0; i < 5; i++) a.publish(group, `m${i}`)
  await world.settle()
  const pages: TopicMessage[] = []
  const post = world.post.bind(world)
  world.post = (from, to, m) => {
    if (m[0] === topicKinds.page) pages.push(m)
    return post(from, to, m)
  }
  desk.receive(3, [topicKinds.catchUp, 77, group, 1, 6])
  world.time.advance(0)
  world.time.advance(0)
  desk.remove(line.id)
  await world.settle()
  expect(pages).toEqual([])
  expect(refusals).toEqual([[36, 77, 'not-owner', 0, 1]])
})

test('topics of other partitions are not touched', async () => {
  const { world, line, desk, a, b } = await scene()
  const other = line.id === 1 ? 2 : 1
  desk.remove(other)
  a.publish(group, 'x')
  await world.settle()
  expect(b.data(group)).toEqual([[1, 'x']])
})
