import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClockFile } from '../../jepsen-lite/world/clock-file.ts'
import { findFaketime } from '../../jepsen-lite/world/preload.ts'
import { makeProducerId } from '../../src/ids/producer-id.ts'
import { TestCluster, until } from './cluster.ts'
import { RawClient, history } from './raw-client.ts'
import type { Answer } from './raw-client.ts'

/** The same publish under the same key, again and again, whatever became of the nodes: one message at one seq (P3). */
let cluster: TestCluster
let token = ''
let topic = ''
/** What is stored, by seq, as far as answers have told. */
const told: string[] = []
const producer = makeProducerId(Date.now(), 4_711)
const faketime = findFaketime().path
const clocks: ClockFile[] = []

beforeAll(async () => {
  cluster = await TestCluster.start(3, {}, 16, 3, async (nodes, dir) => {
    if (faketime === undefined) return
    for (const node of nodes) {
      mkdirSync(dir, { recursive: true })
      const clock = new ClockFile(join(dir, `${node.name}-clock`))
      clocks.push(clock)
      node.environment = { ...clock.environment, LD_PRELOAD: faketime }
    }
  })
  const maker = await RawClient.signUp(cluster.nodes[0]!.client, 'maker')
  token = maker.token
  topic = await maker.newGroup()
  maker.close()
}, 60_000)

afterAll(() => cluster?.[Symbol.asyncDispose]())

/** By a connection of its own, until it is said whether it is stored. */
async function publish(node: number, n: number, content: string, by = token): Promise<Answer> {
  return until(`an answer to ${content}`, async () => {
    const client = await RawClient.logIn(cluster.nodes[node]!.client, by)
    try {
      await client.must({ sub: { topic } })
      const answer = await client.publish(topic, content, { producer, n })
      if (answer.code >= 500 || answer.code === 0) throw new Error(JSON.stringify(answer))
      return answer
    } finally {
      client.close()
    }
  })
}

const running = (): number[] => [0, 1, 2].filter((at) => cluster.nodes[at]!.process !== null)

/** A new publish through one node, and then the same through all that run. */
async function once(n: number, node = running()[0]!): Promise<void> {
  const content = `body ${n}`
  const first = await publish(node, n, content)
  expect(first.code).toBe(202)
  expect(first.params).toEqual({ seq: told.length + 1 })
  told.push(content)
  await again(n)
}

/** Publish n is known everywhere, and nothing else under its key is taken. */
async function again(n: number): Promise<void> {
  const seq = told.indexOf(`body ${n}`) + 1
  for (const node of running()) {
    expect(await publish(node, n, `body ${n}`)).toMatchObject({ code: 202, params: { seq } })
    expect(await publish(node, n, 'forged')).toMatchObject({ code: 409, text: 'key reused' })
  }
}

async function allAgain(): Promise<void> {
  for (let n = 1; told.includes(`body ${n}`); n++) await again(n)
}

/** Every node that runs has what was told, and nothing else. */
async function check(): Promise<void> {
  for (const node of running()) {
    const stored = await history(cluster.nodes[node]!.client, token, topic)
    expect([...stored].sort(([a], [b]) => a - b)).toEqual(told.map((body, i) => [i + 1, body]))
  }
}

async function owner(): Promise<number> {
  const by = running()[0]!
  return (
    await until('an owner', async () => {
      const at = await cluster.ownerOf(topic, by)
      return at === undefined || cluster.nodes[at]!.process === null ? undefined : { at }
    })
  ).at
}

test('through every node, and another body is refused', async () => {
  for (const node of [0, 1, 2]) await once(node + 1, node)
  await check()
}, 60_000)

test('the key is the user’s own', async () => {
  const other = await RawClient.signUp(cluster.nodes[1]!.client, 'other')
  for (const node of [1, 2]) {
    const seq = 4
    const answer = await publish(node, 1, 'of somebody else', other.token)
    expect(answer).toMatchObject({ code: 202, params: { seq } })
  }
  told.push('of somebody else')
  other.close()
  await allAgain()
  await check()
}, 60_000)

test('after kill -9 of the owner, also of what was on its way', async () => {
  for (let round = 0; round < 2; round++) {
    const victim = await owner()
    const n = 4 + round
    // Through a node that stays, so that the connection does; and through the one that dies.
    const stays = (victim + 1) % 3
    const lost = await RawClient.logIn(cluster.nodes[victim]!.client, token)
    await lost.must({ sub: { topic } })
    const sent = [lost.publish(topic, `body ${n}`, { producer, n }), publish(stays, n, `body ${n}`)]
    if (round === 1) await Promise.race(sent) // stored, and perhaps not told to all
    await cluster.stop(victim, 'SIGKILL')
    const seq = told.push(`body ${n}`)
    for (const { code, params } of await Promise.all(sent)) {
      if (code !== 0) expect([code, params]).toEqual([202, { seq }])
    }
    await allAgain()
    await check()
    await cluster.restart(victim)
  }
  await allAgain()
}, 150_000)

test('after kill -9 of all', async () => {
  await Promise.all([0, 1, 2].map((at) => cluster.stop(at, 'SIGKILL')))
  for (const at of [0, 1, 2]) cluster.launch(at)
  await cluster.ready()
  await allAgain()
  await once(6)
  await check()
}, 150_000)

const title =
  faketime === undefined
    ? 'libfaketime is not here: an hour passes only in test/topic/once-for-ever.test.ts'
    : 'an hour later by every clock, with another owner, and after a start of all'

test(
  title,
  async () => {
    for (const [at, clock] of clocks.entries()) {
      clock.set(3_600)
      await until(`an hour at n${at + 1}`, async () => {
        const { headers } = await fetch(`http://${cluster.nodes[at]!.admin}/healthz`)
        return Date.parse(headers.get('date') ?? '') > Date.now() + 3_500_000
      })
    }
    await allAgain()
    await cluster.stop(await owner(), 'SIGKILL')
    await allAgain()
    for (const at of running()) await cluster.stop(at, 'SIGKILL')
    for (const at of [0, 1, 2]) cluster.launch(at)
    await cluster.ready()
    await allAgain()
    await once(7)
    await check()
    await cluster.digestsAgree()
  },
  90_000,
)
