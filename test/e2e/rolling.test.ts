import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { Follower, KeyedPublisher } from './follower.ts'
import type { Wanderer } from './follower.ts'
import { Ledger } from './ledger.ts'
import { RawClient, history } from './raw-client.ts'

/** All nodes are restarted one after another under load; nobody loses, misses or gets twice anything (P1 to P4). */
let cluster: TestCluster
let token = ''
const topics: string[] = []

beforeAll(async () => {
  cluster = await TestCluster.start(3)
  const maker = await RawClient.signUp(cluster.nodes[0]!.client, 'maker')
  token = maker.token
  for (let i = 0; i < 4; i++) topics.push(await maker.newGroup())
  maker.close()
}, 60_000)

const wanderers: Wanderer[] = []

afterAll(async () => {
  for (const wanderer of wanderers) wanderer.stop()
  await cluster?.[Symbol.asyncDispose]()
})

test('a rolling restart', async () => {
  const ledger = new Ledger()
  const addresses = cluster.nodes.map(({ client }) => client)
  const followers = [0, 1, 2].map((at) => new Follower(addresses, at, token, topics))
  const publishers = [0, 1, 2].map(
    (at) => new KeyedPublisher(addresses, at, token, { name: `p${at}`, ledger, topics, window: 2 }),
  )
  wanderers.push(...followers, ...publishers)
  const reading = followers.map((follower) => follower.run())
  const publishing = publishers.map((publisher) => publisher.run())

  // Clients go to the next node, so in this order every node has some when its turn comes.
  for (const at of [0, 2, 1]) {
    const acks = ledger.acks
    await until('acks before the stop', () => ledger.acks > acks + 300)
    expect(await cluster.stop(at, 'SIGTERM')).toBe(0)
    await cluster.restart(at)
  }
  const acks = ledger.acks
  await until('acks after the last', () => ledger.acks > acks + 300)
  for (const publisher of publishers) publisher.stopped = true
  await Promise.all(publishing)

  expect(ledger.failures).toEqual([])
  for (const [i, topic] of topics.entries()) {
    const stored = await history(cluster.nodes[i % 3]!.client, token, topic)
    ledger.check(topic, stored)
    for (const follower of followers) {
      const seen = follower.seen(topic)
      await until('the end of the stream', () => seen.size >= stored.size)
      expect([...seen].sort(([a], [b]) => a - b)).toEqual([...stored].sort(([a], [b]) => a - b))
    }
  }
  for (const follower of followers) {
    expect(follower.problems).toEqual([])
    expect(follower.connections).toBeGreaterThan(1)
    follower.stop()
  }
  await Promise.all(reading)
}, 150_000)
