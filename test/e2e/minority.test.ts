import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { Ledger, publishAll } from './ledger.ts'
import { RawClient, history } from './raw-client.ts'

/** Two of three nodes stand still: the third refuses within its bound, says why, and goes on after (P9). */
let cluster: TestCluster
let token = ''
const topics: string[] = []

/** `limits.requestDeadlineMs`, and room for a busy machine. */
const answeredWithinMs = 4_000 + 1_500

beforeAll(async () => {
  cluster = await TestCluster.start(3)
  const maker = await RawClient.signUp(cluster.nodes[0]!.client, 'maker')
  token = maker.token
  for (let i = 0; i < 6; i++) topics.push(await maker.newGroup())
  maker.close()
}, 60_000)

afterAll(async () => {
  for (const at of [1, 2]) cluster?.signal(at, 'SIGCONT')
  await cluster?.[Symbol.asyncDispose]()
})

test('SIGSTOP of two of three', async () => {
  const ledger = new Ledger()
  const client = await RawClient.logIn(cluster.nodes[0]!.client, token)
  for (const topic of topics) await client.must({ sub: { topic } })
  const publish = async (topic: string, content: string): Promise<[code: number, ms: number]> => {
    const began = performance.now()
    ledger.sending(topic, content)
    const answer = await client.publish(topic, content)
    ledger.answered(topic, content, answer)
    return [answer.code, performance.now() - began]
  }
  for (const topic of topics) expect((await publish(topic, 'before 0'))[0]).toBe(202)

  for (const at of [1, 2]) cluster.signal(at, 'SIGSTOP')
  const rounds: Promise<[number, number][]>[] = []
  const round = (n: number): void => {
    rounds.push(Promise.all(topics.map((topic) => publish(topic, `before ${n}`))))
  }
  round(1)
  const why = await until('503 of /readyz', async () => {
    const { code, body } = await cluster.admin(0, '/readyz')
    return code === 503 ? (body.reasons as string[]) : undefined
  })
  expect(why.join()).toMatch(/leader|minority/)
  round(2)
  const answers = (await Promise.all(rounds)).flat()
  for (const [code, ms] of answers) {
    expect([503, 504]).toContain(code)
    expect(ms).toBeLessThan(answeredWithinMs)
  }
  expect((await cluster.admin(0, '/healthz')).code).toBe(200)
  expect(client.isOpen).toBe(true)

  for (const at of [1, 2]) cluster.signal(at, 'SIGCONT')
  await cluster.ready()
  // The same session goes on where its refused publishes left holes in its numbers.
  for (const topic of topics) {
    await until(`an ack in ${topic}`, async () => {
      const n = 3 + ledger.failures.length
      return (await publish(topic, `before ${n}`))[0] === 202
    })
  }
  const others = await Promise.all(
    [1, 2].map((at) => RawClient.logIn(cluster.nodes[at]!.client, token)),
  )
  const goal = ledger.acks + 600
  const options = { window: 8, stopped: () => ledger.acks > goal }
  await Promise.all(others.map((it, i) => publishAll(it, `after${i}`, topics, ledger, options)))
  for (const it of [client, ...others]) it.close()
  for (const [i, topic] of topics.entries()) {
    ledger.check(topic, await history(cluster.nodes[i % 3]!.client, token, topic))
  }
}, 60_000)
