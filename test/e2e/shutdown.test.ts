import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { Ledger, publishAll } from './ledger.ts'
import { RawClient, history } from './raw-client.ts'

/** SIGTERM drains; a second signal forces; a stopped node comes back. */
let cluster: TestCluster
let token = ''
const topics: string[] = []
const ledger = new Ledger()

beforeAll(async () => {
  cluster = await TestCluster.start(3)
  const maker = await RawClient.signUp(cluster.nodes[0]!.client, 'maker')
  token = maker.token
  for (let i = 0; i < 8; i++) topics.push(await maker.newGroup())
  maker.close()
}, 60_000)

afterAll(() => cluster?.[Symbol.asyncDispose]())

const logIn = (at: number): Promise<RawClient> => RawClient.logIn(cluster.nodes[at]!.client, token)

test('SIGTERM hands over, tells clients, and ends with 0; publishers elsewhere see nothing', async () => {
  const victim = (await until('an owner', () => cluster.ownerOf(topics[0]!))) as number
  const others = [0, 1, 2].filter((at) => at !== victim)
  const guests = await Promise.all(Array.from({ length: 12 }, () => logIn(victim)))
  const publishers = await Promise.all(others.map(logIn))
  let stopped = false
  const publishing = publishers.map((client, i) =>
    publishAll(client, `elsewhere${i}`, topics, ledger, { window: 16, stopped: () => stopped }),
  )
  await until('acks', () => ledger.acks > 500)

  const exit = cluster.stop(victim, 'SIGTERM')
  const said = await until('503 of /readyz', async () => {
    const { code, body } = await cluster.admin(victim, '/readyz')
    return code === 503 ? body : undefined
  })
  expect(said).toEqual({ ready: false, reasons: expect.arrayContaining(['draining']) })
  expect(await exit).toBe(0)

  // Nobody had to be elected: each partition was given to another before the exit.
  const { partitions } = (await cluster.admin(others[0]!, '/v1/ring')).body
  const name = cluster.nodes[victim]!.name
  expect(partitions.map((p: any) => p.actual)).not.toContain(null)
  expect(partitions.map((p: any) => p.actual)).not.toContain(name)

  for (const guest of guests) {
    expect(await guest.closed).toBe(1012)
    expect(guest.unasked).toMatchObject([{ code: 205, text: 'server shutdown' }])
  }
  const atExit = ledger.acks
  await until('acks after the exit', () => ledger.acks > atExit + 500)

  await cluster.restart(victim)
  const back = await logIn(victim)
  const here = publishAll(back, 'back', topics, ledger, { window: 16, stopped: () => stopped })
  const atRestart = ledger.acks
  await until('acks after the restart', () => ledger.acks > atRestart + 500)
  stopped = true
  await Promise.all([...publishing, here])
  expect(ledger.failures).toEqual([])
  for (const client of [...publishers, back]) {
    expect(client.isOpen).toBe(true)
    client.close()
  }
  for (const [i, topic] of topics.entries()) {
    ledger.check(topic, await history(cluster.nodes[i % 3]!.client, token, topic))
  }
}, 60_000)

test('a second signal forces', async () => {
  // Sessions are sent away over a second: the first to be told comes long before the last.
  const guests = await Promise.all(Array.from({ length: 20 }, () => logIn(1)))
  const exit = cluster.exit(1)
  cluster.signal(1, 'SIGTERM')
  await until('a first goodbye', () => guests.some((guest) => guest.unasked.length > 0))
  cluster.signal(1, 'SIGINT')
  expect(await exit).toBe(1)
  expect(guests.some((guest) => guest.unasked.length === 0)).toBe(true)
  await cluster.restart(1)
  const again = await logIn(1)
  await again.must({ sub: { topic: topics[0]! } })
  expect((await again.publish(topics[0]!, 'again 0')).code).toBe(202)
  again.close()
}, 30_000)
