import { describe, expect, test } from 'vitest'
import { defaultPlacementLimits } from '../../src/meta/placement.ts'
import type { Table } from '../../src/ring/table.ts'
import { seeded } from './seeded.ts'
import { ToyCluster } from './toy-cluster.ts'

/** A cluster in which messages are only late, never lost. */
function calm(nodes: number, replicationFactor = 3, zones = 0): ToyCluster {
  const cluster = new ToyCluster({
    nodes,
    partitions: 64,
    replicationFactor,
    zones,
    limits: defaultPlacementLimits,
    random: seeded(nodes),
    check: () => {},
  })
  cluster.isQuiet = true
  return cluster
}

function untilSettled(cluster: ToyCluster): void {
  for (let i = 0; i < 1_500; i++) {
    cluster.round()
    if (i % 5 === 4 && cluster.differences().length === 0) break
  }
  expect(cluster.differences()).toEqual([])
}

/** Replicas of `to` that `from` does not have: what must be copied, whatever the way. */
function newReplicas(from: Table, to: Table): number {
  return to.partitions
    .map((it, at) => it.replicas.filter((node) => !from.partitions[at]!.replicas.includes(node)))
    .reduce((sum, added) => sum + added.length, 0)
}

test('a cluster at rest asks for nothing', () => {
  for (const nodes of [1, 2, 3, 4, 5, 7]) {
    const cluster = calm(nodes)
    for (let i = 0; i < 30; i++) cluster.round()
    expect(cluster.state.table.version).toBe(1)
    expect([cluster.copies, cluster.dropped]).toEqual([0, 0])
    expect(cluster.groups.filter((it) => it.conf.learners.length > 0 && it.id > 0)).toEqual([])
  }
})

describe('a cluster that grows copies what the newcomer is due, and nothing else', () => {
  test('3 → 4: a quarter of the replicas', () => {
    const cluster = calm(3)
    const before = cluster.state.table
    expect(cluster.join()).toBe(4)
    untilSettled(cluster)
    expect(cluster.copies).toBe(newReplicas(before, cluster.state.table))
    expect(cluster.copies / (64 * 3)).toBeCloseTo(0.25, 2)
    expect(cluster.dropped).toBe(cluster.copies)
    expect(cluster.groups[0]!.conf).toMatchObject({ voters: [1, 2, 3], learners: [4] })
  })

  test('1 → 3: two more copies of everything', () => {
    const cluster = calm(1)
    cluster.join()
    cluster.join()
    untilSettled(cluster)
    expect(cluster.copies).toBe(128)
    expect(cluster.dropped).toBe(0)
    expect(cluster.groups[0]!.conf.voters).toEqual([1, 2, 3])
  })

  test('3 → 5: what two newcomers are due, one after the other', () => {
    const cluster = calm(3)
    cluster.join()
    untilSettled(cluster)
    cluster.join()
    untilSettled(cluster)
    const shares = 64 * 3 * (1 / 4 + 1 / 5)
    expect(cluster.copies).toBeGreaterThanOrEqual(Math.floor(shares))
    expect(cluster.copies).toBeLessThanOrEqual(Math.ceil(shares) + 1)
    expect(cluster.groups[0]!.conf.voters).toEqual([1, 2, 3, 4, 5])
  })
})

describe('a node that goes', () => {
  test('drained: hands over exactly what it held, and then may be removed', () => {
    const cluster = calm(4)
    const held = cluster.nodes.get(2)!.copies.size - 1
    cluster.submit({ kind: 'set-state', index: 2, expect: 'active', state: 'draining' })
    untilSettled(cluster)
    expect(cluster.copies).toBe(held)
    expect([...cluster.nodes.get(2)!.copies.keys()]).toEqual([0])
    expect(cluster.groups[0]!.conf.voters).toEqual([1, 3, 4])
    const gone = { kind: 'remove-member', index: 2, expect: 'draining', force: false } as const
    expect(cluster.submit(gone).ok).toBe(true)
    untilSettled(cluster)
    expect(cluster.groups[0]!.conf).toMatchObject({ voters: [1, 3, 4], learners: [] })
  })

  test('called back half-way: what had begun is turned back', () => {
    const cluster = calm(4)
    const before = cluster.state.table
    cluster.submit({ kind: 'set-state', index: 2, expect: 'active', state: 'draining' })
    for (let i = 0; i < 15; i++) cluster.round()
    expect(cluster.copies).toBeGreaterThan(0)
    cluster.submit({ kind: 'set-state', index: 2, expect: 'draining', state: 'active' })
    untilSettled(cluster)
    const loads = [1, 2, 3, 4].map((it) => cluster.nodes.get(it)!.copies.size - 1)
    expect(loads).toEqual([48, 48, 48, 48])
    expect(cluster.copies).toBeLessThan(newReplicas(before, cluster.state.table) + 96)
  })

  test('dead and removed: the others take over what it held, one change a partition', () => {
    const cluster = calm(4)
    const held = cluster.nodes.get(3)!.copies.size - 1
    cluster.nodes.get(3)!.isUp = false
    for (let i = 0; i < 20; i++) cluster.round()
    expect(cluster.copies).toBe(0)
    const gone = { kind: 'remove-member', index: 3, expect: 'active', force: true } as const
    expect(cluster.submit(gone).ok).toBe(true)
    untilSettled(cluster)
    expect(cluster.copies).toBe(held)
    expect(cluster.groups.every(({ conf }) => !conf.voters.includes(3))).toBe(true)
  })

  test('dead and replaced: the newcomer takes its place', () => {
    const cluster = calm(3)
    cluster.nodes.get(1)!.isUp = false
    for (let i = 0; i < 10; i++) cluster.round()
    expect(cluster.join()).toBe(4)
    untilJoined(cluster, 4)
    cluster.submit({ kind: 'remove-member', index: 1, expect: 'active', force: true })
    untilSettled(cluster)
    expect(cluster.groups[0]!.conf.voters).toEqual([2, 3, 4])
    expect(cluster.groups.every(({ conf }) => conf.voters.length === 3)).toBe(true)
    expect(cluster.copies).toBe(64)
  })
})

test('zones: a newcomer in a zone of its own gets a replica of everything', () => {
  const cluster = calm(2, 3, 3)
  cluster.join()
  untilSettled(cluster)
  expect(cluster.nodes.get(3)!.copies.size - 1).toBe(64)
  cluster.join()
  untilSettled(cluster)
  for (const { replicas } of cluster.state.table.partitions) {
    expect(new Set(replicas.map((it) => cluster.zoneOf(it))).size).toBe(3)
  }
  const zones = cluster.groups[0]!.conf.voters.map((it) => cluster.zoneOf(it))
  expect(new Set(zones).size).toBe(3)
})

function untilJoined(cluster: ToyCluster, index: number): void {
  for (let i = 0; i < 100; i++) {
    cluster.round()
    if (cluster.state.members.find((it) => it.index === index)?.state === 'active') return
  }
  throw new Error(`${index} did not become active`)
}
