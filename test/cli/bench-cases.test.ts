import { afterEach, expect, test } from 'vitest'
import type { BenchTarget } from '../../src/cli/bench/bench-target.ts'
import { benchFanout } from '../../src/cli/bench/fanout.ts'
import { benchIdle } from '../../src/cli/bench/idle.ts'
import { benchPublish } from '../../src/cli/bench/publish.ts'
import { fakeChat } from './fake-chat-server.ts'
import type { FakeChat, Faults } from './fake-chat-server.ts'

/** A measurement is worth what it notices: servers with known faults are measured. */
let chat: FakeChat | undefined
afterEach(() => chat?.close())

async function target(faults: Faults = {}): Promise<BenchTarget> {
  chat = await fakeChat(3, faults)
  return {
    urls: chat.urls,
    names: ['n1', 'n2', 'n3'],
    admins: [],
    pids: () => [process.pid],
    apiKey: 'key',
    own: undefined,
    cuts: undefined,
    close: async () => {},
  }
}

const silent = () => {}
const short = { seconds: 0.2, warmup: 0.05, runs: 1, size: 200 }

test.for([
  ['nothing', {}, { lost: 0, dup: 0, misplaced: 0 }, true],
  ['forgotten messages', { forgetEvery: 10 }, { dup: 0 }, false],
  ['doubled messages', { doubleEvery: 10 }, { lost: 0 }, false],
] as const)('publish against a server with %s', async ([_what, faults, history, clean]) => {
  const settings = { ...short, inflight: [1, 16], topics: 2 }
  const result = await benchPublish(await target(faults), settings, silent)
  expect(result.clean).toBe(clean)
  expect(result.history).toMatchObject(history)
  expect(result.history.acked).toBeGreaterThan(0)
  expect(result.rows.map((row) => row.inflight)).toEqual([1, 16])
  for (const row of result.rows) {
    expect(row.acksPerS).toBeGreaterThan(0)
    expect(row.p99Ms).toBeGreaterThanOrEqual(row.p50Ms!)
    expect(row.errors).toBe(0)
  }
  if ('forgetEvery' in faults) expect(result.history.lost).toBeGreaterThan(0)
  if ('doubleEvery' in faults) expect(result.history.dup).toBeGreaterThan(0)
})

const room = { ...short, subscribers: 12, users: 5, window: 4 }

test('fan-out reaches all, in order', async () => {
  const result = await benchFanout(await target(), room, silent)
  expect(result).toMatchObject({ clean: true, disorder: 0, missing: 0, errors: 0, subscribers: 12 })
  expect(result.deliveriesPerS).toBeGreaterThan(0)
})

test('fan-out notices a subscriber that misses messages', async () => {
  const result = await benchFanout(
    await target({ deafEvery: 5 }),
    { ...room, drainMs: 300 },
    silent,
  )
  expect(result.clean).toBe(false)
  expect(result.disorder + result.missing).toBeGreaterThan(0)
})

test('idle connections stay, and memory is read', async () => {
  const result = await benchIdle(
    await target(),
    { connections: 20, users: 3, me: false, settleMs: 10 },
    silent,
  )
  expect(result).toMatchObject({ connections: 20, clean: true })
  expect(result.kbAfter).toBeGreaterThan(0)
})
