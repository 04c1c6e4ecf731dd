import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { Links } from './links.ts'
import type { CutOff } from './links.ts'
import { RawClient } from './raw-client.ts'
import { Residents } from './residents.ts'

/**
 * An owner is cut off while people talk on every node, and no connection breaks: the others go on, it
 * acknowledges and reads nothing, and afterwards nobody has lost, missed or got twice anything (P1 to P6, P9).
 */
let cluster: TestCluster
let residents: Residents
const links = new Links()

/** `limits.requestDeadlineMs`, and room for a busy machine. */
const answeredWithinMs = 4_000 + 1_500

beforeAll(async () => {
  cluster = await TestCluster.start(3, {}, 16, 3, (nodes, dir) => links.between(nodes, dir))
  residents = await Residents.settle(cluster)
}, 60_000)

afterAll(async () => {
  residents?.leave()
  await cluster?.[Symbol.asyncDispose]()
  await links.close()
})

afterEach(() => links.heal())

/** What a client of the cut node is told about publishes and reads of all topics. */
async function answersAt(client: RawClient, name: string): Promise<void> {
  const began = performance.now()
  const { topics, quiet, ledger } = residents
  const publishes = topics.map(async (topic) => {
    ledger.sending(topic, name)
    const answer = await client.publish(topic, name)
    ledger.answered(topic, name, answer)
    return answer
  })
  // In a quiet partition no write that waits for its commit is before a read.
  const reads = [...topics, ...quiet].map((topic) => client.ask({ get: { topic, what: 'desc' } }))
  for (const { code, text } of await Promise.all([...publishes, ...reads])) {
    expect([503, 504], `${code} ${text}`).toContain(code)
  }
  expect(performance.now() - began).toBeLessThan(answeredWithinMs)
}

test.each<[CutOff, number]>([
  ['both', 0],
  ['deaf', 1],
  ['mute', 2],
])('an owner is cut off: %s', { timeout: 60_000 }, async (how, topic) => {
  const { topics, quiet, followers } = residents
  const owner = await until('an owner', async () => {
    const at = await cluster.ownerOf(topics[topic]!)
    return at === undefined ? undefined : { at }
  })
  const [victim, rest] = [owner.at, [0, 1, 2].filter((at) => at !== owner.at)]
  const client = await RawClient.logIn(cluster.nodes[victim]!.client, residents.token)
  for (const it of [...topics, ...quiet]) await client.must({ sub: { topic: it } })

  const swallowed = links.swallowed
  links.cut(cluster.nodes[victim]!.name, how)
  const cutAt = performance.now()
  const first = answersAt(client, `${how} 1`)
  await residents.talk(rest)
  expect(links.swallowed).toBeGreaterThan(swallowed)
  await Promise.all([first, answersAt(client, `${how} 2`)])
  expect(residents.acked(victim, cutAt)).toEqual([])

  const heard = followers.map(({ connections }) => connections)
  links.heal()
  await residents.talk([0, 1, 2])
  expect(followers.map(({ connections }) => connections)).toEqual(heard)
  client.close()
})

test('what is left of it', async () => {
  await cluster.ready()
  await residents.agree()
}, 60_000)
