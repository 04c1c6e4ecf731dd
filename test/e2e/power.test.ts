import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { Ledger, publishAll } from './ledger.ts'
import { RawClient, history } from './raw-client.ts'

/** All nodes are killed -9 at once under load, twice; what was acked is there (P1, P2). */
let cluster: TestCluster
let token = ''
const topics: string[] = []
const ledger = new Ledger()

beforeAll(async () => {
  cluster = await TestCluster.start(3)
  const maker = await RawClient.signUp(cluster.nodes[0]!.client, 'maker')
  token = maker.token
  for (let i = 0; i < 4; i++) topics.push(await maker.newGroup())
  maker.close()
}, 60_000)

afterAll(() => cluster?.[Symbol.asyncDispose]())

test.each([1, 2])('round %i', { timeout: 120_000 }, async (round) => {
  const before = ledger.acks
  const clients = await Promise.all(
    [0, 1, 2, 0, 1, 2].map((at) => RawClient.logIn(cluster.nodes[at]!.client, token)),
  )
  const publishing = clients.map((client, i) =>
    publishAll(client, `r${round}p${i}`, topics, ledger, { window: 32, stopped: () => false }),
  )
  await until('acks', () => ledger.acks > before + 4_000)
  await Promise.all([0, 1, 2].map((at) => cluster.stop(at, 'SIGKILL')))
  await Promise.all(publishing)
  expect(ledger.failures).toEqual([])

  for (const at of [0, 1, 2]) cluster.launch(at)
  await cluster.ready()
  for (const [i, topic] of topics.entries()) {
    ledger.check(topic, await history(cluster.nodes[(i + round) % 3]!.client, token, topic))
  }
})
