import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, program, until } from './cluster.ts'
import { Ledger, publishAll } from './ledger.ts'
import { RawClient, history } from './raw-client.ts'

/** A cluster of one and a cluster of five: the same code path as three. */
const run = promisify(execFile)

/** About 150 publishes through each of these nodes, none of which may fail. */
async function load(
  cluster: TestCluster,
  at: readonly number[],
  token: string,
  topics: readonly string[],
  ledger: Ledger,
  round: string,
): Promise<void> {
  const goal = ledger.acks + 150 * at.length
  const clients = await Promise.all(
    at.map((node) => RawClient.logIn(cluster.nodes[node]!.client, token)),
  )
  const stopped = (): boolean => ledger.acks >= goal
  await Promise.all(
    clients.map((client, i) =>
      publishAll(client, `${round}p${i}`, topics, ledger, { window: 16, stopped }),
    ),
  )
  for (const client of clients) client.close()
  expect(ledger.failures).toEqual([])
  expect(ledger.acks).toBeGreaterThanOrEqual(goal)
}

let one: TestCluster

beforeAll(async () => {
  one = await TestCluster.start(1)
}, 60_000)

afterAll(() => one?.[Symbol.asyncDispose]())

test('a cluster of one, stopped politely and not', async () => {
  const cluster = one
  const { client } = cluster.nodes[0]!
  const maker = await RawClient.signUp(client, 'maker')
  const { token } = maker
  const topics = [await maker.newGroup(), await maker.newGroup()]
  maker.close()
  const ledger = new Ledger()
  await load(cluster, [0, 0], token, topics, ledger, 'first')
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    expect(await cluster.stop(0, signal)).toBe(signal === 'SIGTERM' ? 0 : null)
    await cluster.restart(0)
    for (const topic of topics) ledger.check(topic, await history(client, token, topic))
    await load(cluster, [0, 0], token, topics, ledger, signal)
  }
  for (const topic of topics) ledger.check(topic, await history(client, token, topic))
}, 90_000)

test('a session that leaves a topic and comes again goes on publishing', async () => {
  const client = await RawClient.signUp(one.nodes[0]!.client, 'again')
  const topic = await client.newGroup()
  for (let round = 1; round <= 3; round++) {
    // The second time the same words: two messages all the same.
    const answer = await client.publish(topic, round < 3 ? 'hello' : 'other')
    expect({ code: answer.code, seq: answer.params.seq }).toEqual({ code: 202, seq: round })
    await client.must({ leave: { topic } })
    await client.must({ sub: { topic } })
  }
}, 30_000)

test('five nodes, three replicas', async () => {
  await using cluster = await TestCluster.start(5)
  const all = [0, 1, 2, 3, 4]
  const maker = await RawClient.signUp(cluster.nodes[0]!.client, 'maker')
  const { token } = maker
  const topics: string[] = []
  for (let i = 0; i < 6; i++) topics.push(await maker.newGroup())
  maker.close()

  // Every node is a stranger to some of the topics, and serves them all.
  const ledger = new Ledger()
  for (const topic of topics) {
    const { replicas } = (await cluster.admin(0, `/v1/locate?topic=${topic}`)).body
    expect(new Set(replicas).size).toBe(3)
  }
  await load(cluster, all, token, topics, ledger, 'first')
  for (const topic of topics) {
    const { replicas } = (await cluster.admin(0, `/v1/locate?topic=${topic}`)).body
    const strangers = all.filter((at) => !replicas.includes(cluster.nodes[at]!.name))
    for (const at of strangers) {
      ledger.check(topic, await history(cluster.nodes[at]!.client, token, topic))
    }
  }

  // Leadership goes where the table wishes it, and every node says so.
  const rings = await until('all wished owners on all nodes', async () => {
    const told = await Promise.all(
      all.map(async (at) => (await cluster.admin(at, '/v1/ring')).body),
    )
    const settled = told.every((ring) => ring.partitions.every((p: any) => p.wished === p.actual))
    return settled ? told : undefined
  })
  const printed = await Promise.all(
    [0, 4].map(async (at) => {
      const { admin } = cluster.nodes[at]!
      const { stdout } = await run(process.execPath, [program, 'ring', '--json', '--admin', admin])
      const { version, hash, partitions, agree } = JSON.parse(stdout)
      expect(agree).toBe(true)
      return { version, hash, partitions }
    }),
  )
  for (const ring of [...rings, ...printed]) expect(ring).toEqual(rings[0])
  const owned = cluster.nodes.map(
    ({ name }) => rings[0].partitions.filter((p: any) => p.wished === name).length,
  )
  expect(Math.max(...owned)).toBeLessThanOrEqual(4) // 1.25 × 16 / 5
}, 60_000)
