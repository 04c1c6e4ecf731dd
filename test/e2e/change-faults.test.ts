import { rmSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { Crowd } from './crowd.ts'

/** Nodes die and lie while the cluster changes (P1 to P4, P6, P8). */
let cluster: TestCluster
let crowd: Crowd | undefined

afterEach(async () => {
  crowd?.close()
  await cluster[Symbol.asyncDispose]()
})

/** Some partitions are not where the table wants them. */
async function inTheMiddle(by: number): Promise<void> {
  await until(
    'a move under way',
    async () => (await cluster.admin(by, '/v1/nodes')).body.moving > 0,
    60_000,
  )
}

async function leaderOfMeta(by: number): Promise<number> {
  return until('a leader of meta', async () => {
    const { body } = await cluster.admin(by, '/v1/status')
    const meta = body.groups.find((it: { group: number }) => it.group === 0)
    const name = body.members.find((it: { index: number }) => it.index === meta.lead)?.name
    const at = cluster.nodes.findIndex((node) => node.name === name)
    return at < 0 ? undefined : { at }
  }).then(({ at }) => at)
}

test('the meta leader, the joining node and an owner die in the middle of a move', async () => {
  cluster = await TestCluster.start(3)
  crowd = await Crowd.gather(cluster)
  const joined = await cluster.join()
  await inTheMiddle(0)

  const meta = await leaderOfMeta(0)
  await cluster.stop(meta, 'SIGKILL')
  await crowd.talks()
  await cluster.restart(meta)

  await cluster.stop(joined, 'SIGKILL')
  await crowd.talks()
  await cluster.restart(joined)

  const owner = await until('an owner', async () => {
    const at = await cluster.ownerOf(crowd!.topics[0]!)
    return at === undefined ? undefined : { at }
  })
  await cluster.stop(owner.at, 'SIGKILL')
  await crowd.talks()
  await cluster.restart(owner.at)

  await cluster.settled(['n1', 'n2', 'n3', 'n4'])
  await crowd.talks()
  await crowd.agrees()
}, 180_000)

test('a frozen node is drained without its help, and thaws as a member without duties', async () => {
  cluster = await TestCluster.start(4)
  crowd = await Crowd.gather(cluster)
  const victim = (await leaderOfMeta(0)) === 3 ? 2 : 3
  const { name } = cluster.nodes[victim]!
  cluster.signal(victim, 'SIGSTOP')
  const drained = await cluster.flotilla('nodes', 'drain', name)
  expect(drained, JSON.stringify(drained)).toMatchObject({ code: 0 })
  await until(
    'the others holding everything',
    async () => {
      const { body } = await cluster.admin(0, '/v1/nodes')
      const it = body.nodes.find((node: { name: string }) => node.name === name)
      return it.actual.replicas === 0 && body.moving === 0
    },
    60_000,
  )
  await crowd.talks()
  cluster.signal(victim, 'SIGCONT')
  await crowd.talks()
  await cluster.settled(['n1', 'n2', 'n3', 'n4'])
  await crowd.agrees()
}, 120_000)

test('an emptied disk and a removed member are refused, with the cure', async () => {
  cluster = await TestCluster.start(3)
  const wiped = cluster.nodes[2]!
  await cluster.stop(2, 'SIGTERM')
  rmSync(wiped.data, { recursive: true })
  cluster.launch(2)
  expect(await cluster.exit(2)).not.toBe(0)
  expect(cluster.tail(wiped)).toMatch(
    /the data folder of n3 was emptied.*flotilla nodes remove n3 --dead/,
  )
  wiped.process = null

  expect(await cluster.flotilla('nodes', 'remove', 'n3', '--dead')).toMatchObject({ code: 0 })
  // Two that contradict each other: the second hears that there is nothing left to do it to.
  const again = await cluster.flotilla('nodes', 'drain', 'n3')
  expect(again.code).not.toBe(0)
  expect(again.error).toMatch(/n3/)
  cluster.launch(2)
  expect(await cluster.exit(2)).not.toBe(0)
  expect(cluster.tail(wiped)).toMatch(/removed from the cluster/)
  wiped.process = null
  await cluster.settled(['n1', 'n2'])
}, 90_000)
