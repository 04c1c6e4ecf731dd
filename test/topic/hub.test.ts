import { expect, test } from 'vitest'
import { Client } from './world.ts'
import { group, Scene, topicConformance } from '../conformance/topic.ts'

topicConformance('owner here', { nodes: 1, owner: 1, place: () => 1 })
topicConformance('owner elsewhere', { nodes: 2, owner: 2, place: () => 1 })
topicConformance('spread', { nodes: 3, owner: 3, place: (i) => (i % 3) + 1 })

const spread = { nodes: 3, owner: 1, place: (i: number) => (i % 2) + 2 }

test('the owner dies with publishes under way: answered once, stored once, and nobody misses anything', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  const line = world.groupOf(group)
  a.publish(group, 'committed, answered')
  await world.settle()
  line.commits = false
  const ids = ['1', '2', '3'].map((text) => a.publish(group, text))
  await world.settle(50)
  expect(ids.map((id) => a.answer(id))).toEqual([undefined, undefined, undefined])
  world.kill(1)
  line.commits = true
  for (const g of world.groups.slice(1)) g.elect(2)
  await world.settle(500)
  expect(ids.map((id) => a.answer(id))).toMatchObject([
    { code: 202, params: { seq: 2 } },
    { code: 202, params: { seq: 3 } },
    { code: 202, params: { seq: 4 } },
  ])
  expect(b.data(group)).toEqual([
    [1, 'committed, answered'],
    [2, '1'],
    [3, '2'],
    [4, '3'],
  ])
})

test('the answer is lost but the message was stored: the re-sent one gets the same seq', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  world.cut.add('1 2')
  world.cut.add('1 3')
  const id = a.publish(group, 'stored')
  await world.settle(50)
  expect(a.answer(id)).toBeUndefined()
  world.kill(1)
  for (const g of world.groups.slice(1)) g.elect(3)
  await world.settle(500)
  expect(a.answer(id)).toMatchObject({ code: 202, params: { seq: 1 } })
  expect(b.data(group)).toEqual([[1, 'stored']])
  const late = new Client(world, 2, b.uid, 'late')
  await late.sub(group, { get: { what: ['data'] } })
  await world.settle()
  expect(late.data(group)).toEqual([[1, 'stored']])
})

test('a stream that loses messages on the way is made whole from history', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  for (let i = 1; i <= 5; i++) {
    if (i === 2) world.cut.add('1 3')
    if (i === 5) world.cut.delete('1 3')
    a.publish(group, `${i}`)
    await world.settle(50)
  }
  await world.settle()
  expect(b.data(group).map(([seq]) => seq)).toEqual([1, 2, 3, 4, 5])
})

test('an owner that is deposed answers nothing: what it evaluated dies with its term', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  const a = scene.client(0)
  const line = world.groupOf(group)
  line.commits = false
  const id = a.publish(group, 'never committed by the old owner')
  await world.settle(50)
  line.commits = true
  line.elect(3)
  await world.settle(500)
  expect(a.answer(id)).toMatchObject({ code: 202, params: { seq: 1 } })
  expect(scene.client(1).data(group)).toHaveLength(1)
})

test('no owner: the answer comes by the deadline and says that nothing was done', async () => {
  const scene = await Scene.make(spread, 2)
  const { world } = scene
  world.kill(1)
  const id = scene.client(0).publish(group, 'x')
  await world.settle(3_900)
  expect(scene.client(0).answer(id)).toBeUndefined()
  await world.settle(300)
  expect(scene.client(0).answer(id)).toMatchObject({ code: 503 })
})
