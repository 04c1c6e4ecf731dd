import { afterEach, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { Crowd } from './crowd.ts'

/** The cluster changes while people talk: nobody loses, misses or gets twice anything (P1 to P4, P8). */
let cluster: TestCluster | undefined
let crowd: Crowd | undefined

afterEach(async () => {
  crowd?.close()
  await cluster?.[Symbol.asyncDispose]()
})

test('three nodes become five; an owner is drained and leaves; a killed one is replaced', async () => {
  cluster = await TestCluster.start(3)
  crowd = await Crowd.gather(cluster)

  await cluster.join()
  await cluster.settled(['n1', 'n2', 'n3', 'n4'])
  await cluster.join()
  await cluster.settled(['n1', 'n2', 'n3', 'n4', 'n5'])
  await crowd.talks()

  const owner = (await cluster.ownerOf(crowd.topics[0]!))!
  const name = cluster.nodes[owner]!.name
  const removed = await cluster.flotilla('nodes', 'remove', name)
  expect(removed, JSON.stringify(removed)).toMatchObject({ code: 0 })
  // The process learns that it is no member any more, and ends by itself.
  await until(
    'the end of the removed node',
    () => cluster!.nodes[owner]!.process!.exitCode !== null,
  )
  cluster.nodes[owner]!.process = null
  await crowd.talks()

  const left = [0, 1, 2, 3, 4].filter((at) => at !== owner)
  const victim = left[1]!
  await cluster.stop(victim, 'SIGKILL')
  await crowd.talks()
  await cluster.join()
  const stay = [...left.filter((at) => at !== victim), 5].map((at) => cluster!.nodes[at]!.name)
  const dead = await cluster.flotilla('nodes', 'remove', cluster.nodes[victim]!.name, '--dead')
  expect(dead, JSON.stringify(dead)).toMatchObject({ code: 0 })
  await cluster.settled(stay)
  await crowd.talks()
  await crowd.agrees()
}, 180_000)

test('one node becomes three', async () => {
  cluster = await TestCluster.start(1, {}, 16, 3)
  crowd = await Crowd.gather(cluster)
  await cluster.join()
  await cluster.join()
  await cluster.settled(['n1', 'n2', 'n3'])
  await crowd.talks()
  // The founder alone is no majority any more, and nothing depends on it.
  await cluster.stop(0, 'SIGKILL')
  await crowd.talks()
  await crowd.agrees()
}, 120_000)
