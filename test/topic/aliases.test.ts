import { expect, test } from 'vitest'
import { grpTopic } from '../../src/ids/topic-name.ts'
import { group, Scene } from '../conformance/topic.ts'

/** The client is on node 2; of all partitions but the name's the owner is node 1. */
const spread = { nodes: 3, owner: 1, place: () => 2 }
const alias = 'alias:team1'

test('an alias that was given up and taken again is not lost when the name hears of it late', async () => {
  const scene = await Scene.make(spread, 1)
  const { world } = scene
  const a = scene.client(0)
  const line = world.groupOf(`nam:${alias}`)
  expect(line).not.toBe(world.groupOf(group))
  line.elect(3)
  await world.settle()
  const set = (topic: typeof group, tags: string[]) => a.ask(topic, { kind: 'set', tags })
  expect(await set(group, [alias])).toMatchObject({ code: 200 })
  world.cut.add('1 3')
  expect(await set(group, ['other'])).toMatchObject({ code: 200 })
  expect(await set(group, [alias])).toMatchObject({ code: 200 })
  world.cut.delete('1 3')
  await world.settle(6_000)
  const rival = grpTopic(77, 99)
  expect(await a.sub(rival, { create: 'grp' }, 'new2')).toMatchObject({ code: 200 })
  expect(await set(rival, [alias])).toMatchObject({ code: 409 })
  expect(await set(group, ['other'])).toMatchObject({ code: 200 })
  expect(await set(rival, [alias])).toMatchObject({ code: 200 })
})

test('an owner that goes when the name is taken already leaves it open what became of the request', async () => {
  const scene = await Scene.make(spread, 1)
  const { world } = scene
  const a = scene.client(0)
  const line = world.groupOf(`nam:${alias}`)
  line.elect(3)
  await world.settle()
  world.cut.add('2 3')
  const id = a.send(group, { kind: 'set', tags: [alias] })
  await world.settle(50)
  world.kill(1)
  world.cut.delete('2 3')
  await world.settle(10_000)
  // Everybody can see that the name is the group's: a 503 would say that nothing was done.
  expect(a.answer(id)).toMatchObject({ code: 504, params: { error: 'no-answer' } })
})
