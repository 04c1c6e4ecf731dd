import { afterEach, beforeEach, expect, test } from 'vitest'
import { FlotillaClient, type ClientOptions } from '../../src/client/client.ts'
import { Publisher } from '../../src/client/publisher.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import { realSurroundings } from '../../src/client/surroundings.ts'
import { FakeCluster, type FakeNode } from './fake-server.ts'

/** Coming back with cursors, and what a named 503 means to the library. */
let cluster: FakeCluster
let nodes: FakeNode[]
const clients: FlotillaClient[] = []

beforeEach(async () => {
  cluster = new FakeCluster()
  nodes = [await cluster.start(), await cluster.start()]
})
afterEach(() => {
  for (const client of clients.splice(0)) client.close()
  cluster.stop()
})

async function ready(name: string, options: Partial<ClientOptions> = {}): Promise<FlotillaClient> {
  const client = new FlotillaClient({
    addresses: nodes.map((node) => node.address),
    apiKey: 'key',
    backoff: { minMs: 5, maxMs: 50 },
    requestTimeoutMs: 2_000,
    ...options,
  })
  clients.push(client)
  expect((await client.connect()).kind).toBe('ok')
  await client.createAccount({ login: name, password: 'secret' })
  return client
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from)
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const asked = (verb: string) => cluster.log.filter((line) => line.startsWith(verb)).length

test('cut at every point of the stream: each message once, in order, and none asked for', async () => {
  cluster.pace = turn
  const anna = await ready('anna')
  const topics: string[] = []
  for (let i = 0; i < 3; i++) {
    topics.push(((await anna.createGroup(i)).subscription as Subscription).topic)
  }
  const ben = await ready('ben')
  const seen = topics.map((): number[] => [])
  for (const [i, topic] of topics.entries()) {
    await ben.subscribe(topic, { since: 1, data: ({ seq }) => seen[i]?.push(seq) })
  }
  const before = asked('get')
  let n = 0
  for (let round = 0; round < 25; round++) {
    for (let i = 0; i < 20; i++) {
      n++
      for (const topic of topics) cluster.publish(topic, 'x', n)
      if (i === round % 20) for (const node of nodes) node.cut()
      if (i % 7 === 0) await turn()
    }
    if (round % 3 === 0) await until(() => ben.isReady, 'a connection')
  }
  await until(() => seen.every((seqs) => seqs.length === n), 'all of them')
  for (const seqs of seen) expect(seqs).toEqual(upTo(n))
  expect(asked('get')).toBe(before)
})

test('fifty topics come back by fifty requests at once', async () => {
  const anna = await ready('anna')
  const topics: string[] = []
  for (let i = 0; i < 50; i++) {
    topics.push(((await anna.createGroup(i)).subscription as Subscription).topic)
  }
  const ben = await ready('ben')
  let seen = 0
  for (const topic of topics) await ben.subscribe(topic, { data: () => seen++ })
  for (const topic of topics) cluster.publish(topic, 'x', 1)
  await until(() => seen === 50, 'live ones')
  const [subs, gets] = [asked('sub'), asked('get')]
  for (const node of nodes) node.cut()
  for (const topic of topics) cluster.publish(topic, 'x', 2)
  await until(() => seen === 100, 'those in between')
  // 50 of each client: the other one's are only attached.
  await until(() => asked('sub') - subs >= 100, 'all subscriptions')
  expect([asked('sub') - subs, asked('get') - gets]).toEqual([100, 0])
})

test('deleted meanwhile: passed over without asking; a topic that is gone ends', async () => {
  const anna = await ready('anna')
  const { topic } = (await anna.createGroup('g')).subscription as Subscription
  const ben = await ready('ben')
  const seen: number[] = []
  const ended: unknown[] = []
  const { subscription } = await ben.subscribe(topic, {
    data: ({ seq }) => seen.push(seq),
    ended: (why) => ended.push(why),
  })
  cluster.publish(topic, 'x', 1)
  await until(() => seen.length === 1, 'the first')
  const gets = asked('get')
  for (const node of nodes) node.cut()
  for (let n = 2; n <= 30; n++) cluster.publish(topic, 'x', n)
  for (let n = 5; n <= 20; n++) cluster.delete(topic, n)
  await until(() => subscription?.lastSeq === 30, 'the last')
  expect(seen).toEqual([...upTo(4), ...upTo(30, 21)])
  expect(asked('get')).toBe(gets)
  cluster.topics.delete(topic)
  for (const node of nodes) node.cut()
  await until(() => ended.length === 1, 'the end')
  expect(ended).toMatchObject([{ kind: 'fail', code: 404 }])
})

test('a topic that began anew is read from where it stands', async () => {
  const anna = await ready('anna')
  const { topic } = (await anna.createGroup('g')).subscription as Subscription
  const ben = await ready('ben')
  const seen: number[] = []
  await ben.subscribe(topic, { data: ({ seq }) => seen.push(seq) })
  for (let n = 1; n <= 9; n++) cluster.publish(topic, 'x', n)
  await until(() => seen.length === 9, 'nine')
  cluster.topic(topic).messages.length = 3
  for (const node of nodes) node.cut()
  const back = () =>
    nodes.flatMap((node) => [...node.sessions]).filter((session) => session.places.has(topic))
  await until(() => back().length === 2, 'both back')
  cluster.publish(topic, 'x', 4)
  await until(() => seen.length === 10, 'the next')
  expect(seen.at(-1)).toBe(4)
})

test('a definite 503 is failed, and tried again: publish, sub and login', async () => {
  const anna = await ready('anna')
  const { topic } = (await anna.createGroup('g')).subscription as Subscription
  let faults = 0
  for (const node of nodes) {
    node.names = 'queue-full'
    node.fault = () => (faults-- > 0 ? 503 : undefined)
  }
  faults = 1
  expect(await anna.publish(topic, 'x')).toMatchObject({ kind: 'fail', code: 503 })
  faults = 2
  const publisher = new Publisher(anna, realSurroundings)
  expect(await publisher.publish(topic, 'y')).toMatchObject({ kind: 'ok', params: { seq: 1 } })
  const ended: unknown[] = []
  const ben = await ready('ben', { events: { loggedOut: (why) => ended.push(why) } })
  const seen: number[] = []
  await ben.subscribe(topic, { data: ({ seq }) => seen.push(seq), ended: (why) => ended.push(why) })
  for (const node of nodes) {
    const left = new Map([
      ['login', 3],
      ['sub', 3],
    ])
    node.fault = (verb) => {
      const times = left.get(verb) ?? 0
      left.set(verb, times - 1)
      return times > 0 ? 503 : undefined
    }
    node.cut()
  }
  cluster.publish(topic, 'x', 2)
  await until(() => seen.length === 1, 'the message')
  expect(ended).toEqual([])
})
