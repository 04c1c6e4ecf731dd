import { describe, expect, test } from 'vitest'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import { noMetrics } from '../../src/ports.ts'
import { sessionMetrics } from '../../src/session/session-metrics.ts'
import { SessionTable } from '../../src/session/session-table.ts'
import type { Session } from '../../src/session/session.ts'
import { group, TestClient, TestEdge } from './edge-fixture.ts'
import { RawClient, upgradeRequest } from './raw-client.ts'

const table = (): SessionTable => new SessionTable(10, sessionMetrics(noMetrics))
const users = Array.from({ length: 5_000 }, (_, i) => userIdFromBigInt(BigInt(i + 1)))
const fake = (sid: string, user: number): Session =>
  ({ sid, uid: users[user] }) as unknown as Session

describe('the table', () => {
  test('finds by id and by user, and forgets whole', () => {
    const sessions = table()
    const [a, b, c] = [fake('a', 1), fake('b', 1), fake('c', 2)]
    for (const each of [a, b, c]) {
      sessions.add(each)
      sessions.identify(each, 0)
    }
    expect(sessions.of(a.uid)).toEqual([a, b])
    expect(sessions.get('c')).toBe(c)
    sessions.remove(a)
    sessions.remove(a)
    expect(sessions.of(a.uid)).toEqual([b])
    sessions.remove(b)
    expect([sessions.size, sessions.users, sessions.of(a.uid).length]).toEqual([1, 1, 0])
  })

  test('300,000 sessions come and go', () => {
    const sessions = table()
    const some = Array.from({ length: 10_000 }, (_, i) => fake(`s${i}`, i % 5_000))
    for (let round = 0; round < 30; round++) {
      for (const each of some) {
        sessions.add(each)
        sessions.identify(each, 0)
      }
      if (sessions.users !== 5_000) throw new Error(String(sessions.users))
      for (const each of some) sessions.remove(each)
    }
    expect([sessions.size, sessions.users]).toEqual([0, 0])
  })

  test('(SESSION-2) no two sessions have one id', () => {
    const sessions = table()
    sessions.add(fake('a', 1))
    expect(() => sessions.add(fake('a', 2))).toThrow('SESSION-2')
  })
})

test('(SESSION-3) a session logs in once, and after hi', async () => {
  await using edge = await TestEdge.open()
  const uid = await edge.user('ann')
  const client = await edge.client(uid)
  await client.ask({ sub: { topic: group(1) } })
  const session = edge.topics.askers.at(-1) as Session
  expect(() => session.identified(uid, 'auth', '')).toThrow('SESSION-3')
})

test('while no ids can be minted, what needs one is 503 and the rest goes on', async () => {
  let canMint = true as boolean
  const edge = new TestEdge({}, { canMint: () => canMint })
  edge.port = (await edge.edge.listen('127.0.0.1', 0)).port
  const client = await edge.client(await edge.user('ann'))
  const early = await TestClient.open(edge.url)
  await early.hi()
  canMint = false
  expect(await client.ask({ sub: { topic: 'new1' } })).toMatchObject({
    code: 503,
    topic: 'new1',
    params: { error: 'no-id' },
  })
  const acc = { user: 'new', scheme: 'anonymous' }
  expect(await early.ask({ acc })).toMatchObject({ code: 503, params: { error: 'no-id' } })
  expect((await client.ask({ sub: { topic: 'me' } })).code).toBe(200)
  const raw = await RawClient.open(edge.port)
  raw.socket.write(upgradeRequest())
  expect(await raw.status()).toBe(503)
  await edge.edge.close()
})
