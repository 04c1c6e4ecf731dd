import { afterEach, expect, test } from 'vitest'
import type { Metrics } from '../../src/ports.ts'
import { noMetrics } from '../../src/ports.ts'
import { Cluster } from './cluster.ts'

/** What made a node stand is counted apart: a leader that hands over is no sign of trouble. */
let cluster: Cluster
const counts = new Map<string, number>()
const metrics: Metrics = {
  ...noMetrics,
  counter: (name) => ({ add: (n = 1) => void counts.set(name, (counts.get(name) ?? 0) + n) }),
}

afterEach(() => {
  cluster.stop()
  expect(cluster.fatal).toEqual([])
})

interface Counted {
  readonly all: number
  readonly timeout: number
  readonly lostLink: number
  readonly transfer: number
  readonly asked: number
}

function counted(): Counted {
  const of = (what: string): number => counts.get(`group_elections_${what}_total`) ?? 0
  return {
    all: counts.get('group_elections_total') ?? 0,
    timeout: of('by_timeout'),
    lostLink: of('by_lost_link'),
    transfer: of('by_transfer'),
    asked: of('asked'),
  }
}

/** What was counted between an election and the next leader. */
async function afterwards(act: (leader: number) => unknown): Promise<Counted> {
  cluster = await Cluster.start({ metrics })
  const old = (await cluster.elected()).id
  await cluster.write('before')
  const before = counted()
  await act(old)
  await cluster.time.until(() => (cluster.leader()?.id ?? old) !== old, 'another leader')
  const now = counted()
  const names = Object.keys(now) as (keyof Counted)[]
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as never
}

const none = { timeout: 0, lostLink: 0, transfer: 0, asked: 0 }

test('founding a group is an election by timeout', async () => {
  counts.clear()
  cluster = await Cluster.start({ metrics })
  await cluster.elected()
  const { all } = counted()
  expect(all).toBeGreaterThan(0)
  expect(counted()).toEqual({ ...none, all, timeout: all })
})

test('the leader hands over', async () => {
  const found = await afterwards((old) => cluster.group(old).transferLeader(old === 1 ? 2 : 1))
  expect(found).toEqual({ ...none, all: 1, transfer: 1 })
})

test('the leader falls silent, and its connections stay', async () => {
  const found = await afterwards((old) => cluster.isolate(old))
  expect(found).toEqual({ ...none, all: found.all, timeout: found.all })
  expect(found.all).toBeGreaterThan(0)
})

test('the connections to the leader break', async () => {
  const found = await afterwards(async (old) => {
    cluster.kill(old)
    await cluster.linkDown(old)
  })
  expect(found).toEqual({ ...none, all: found.all, lostLink: found.all })
  expect(found.all).toBeGreaterThan(0)
})

test('the host asks for it', async () => {
  counts.clear()
  cluster = await Cluster.start({ metrics, nodes: 1 })
  cluster.group(1).campaign()
  await cluster.elected()
  expect(counted()).toEqual({ ...none, all: 1, asked: 1 })
})
