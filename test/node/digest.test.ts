import { afterEach, expect, test } from 'vitest'
import { Digests } from '../../src/node/digest.ts'
import type { DigestReport } from '../../src/node/facts.ts'
import { appliedKey } from '../../src/partition/rows.ts'
import { groupPrefix } from '../../src/ids/group-id.ts'
import { KeyWriter } from '../../src/store/keys.ts'
import { Cluster } from '../group/cluster.ts'

let cluster: Cluster
afterEach(() => cluster.stop())

const groups = [0, 1, 2]

async function started(): Promise<Cluster> {
  cluster = await Cluster.start({ groups })
  for (let i = 0; i < 5; i++)
    for (const group of groups) await cluster.write(`message ${i} of ${group}`, group)
  return cluster
}

function digests(id: number): Digests {
  const { host, store } = cluster.node(id)
  return new Digests({ groups: host, store, timers: cluster.time })
}

const report = (id: number): Promise<DigestReport> => cluster.time.passWhile(digests(id).report())

function row(group: number, key: Uint8Array, value = 'x'): { key: Uint8Array; value: Buffer } {
  const prefix = groupPrefix(group)
  return { key: Buffer.concat([prefix, key]), value: Buffer.from(value) }
}

/** An entry is committed and given to the machine, which does not write it. */
async function handedOver(id: number): Promise<number> {
  const at = cluster.group(id)
  const proposed = at.propose(Buffer.from('late'), at.term)
  const index = proposed.error === undefined ? proposed.index : 0
  await cluster.time.until(() => at.delivery.delivered === index, 'it is handed over')
  return index
}

test('replicas that have applied the same have the same digest, group by group', async () => {
  await started()
  const reports = [await report(1), await report(2), await report(3)]
  expect(reports[0]!.groups.map(({ group }) => group)).toEqual(groups)
  expect(new Set(reports[0]!.groups.map(({ digest }) => digest)).size).toBe(groups.length)
  expect(reports[1]).toEqual(reports[0])
  expect(reports[2]).toEqual(reports[0])
})

test.for([
  ['a row more', [9, 9], 'x'],
  ['a key that swallows a byte of its value', [9], '\u0009x'],
] as const)('%s is another digest, of that group alone', async ([, key, value]) => {
  await started()
  const before = await report(2)
  await cluster.node(2).store.write([row(1, Uint8Array.from(key), value)])
  const after = await report(2)
  const changed = after.groups.filter((it, at) => it.digest !== before.groups[at]!.digest)
  expect(changed.map(({ group }) => group)).toEqual([1])
})

test('two ways to cut the same bytes into key and value differ', async () => {
  await started()
  const { store } = cluster.node(1)
  await store.write([row(1, Uint8Array.of(9, 120), 'y')])
  const one = await report(1)
  await store.write([
    { ...row(1, Uint8Array.of(9, 120)), value: null },
    row(1, Uint8Array.of(9), 'xy'),
  ])
  expect((await report(1)).groups[1]!.digest).not.toBe(one.groups[1]!.digest)
})

test('where a partition stands in the store is no part of its digest; for meta that row is its state', async () => {
  await started()
  const before = await report(1)
  const index = Buffer.from(new KeyWriter(8).u64(77).key())
  for (const group of groups)
    await cluster.node(1).store.write([{ key: row(group, appliedKey).key, value: index }])
  const after = await report(1)
  const changed = after.groups.filter((it, at) => it.digest !== before.groups[at]!.digest)
  expect(changed.map(({ group }) => group)).toEqual([0])
})

test('the index is one that the rows stand for, while writes are under way', async () => {
  await started()
  const { id } = await cluster.elected(1)
  let release = (): void => undefined
  cluster.machine(id).slow = new Promise((resolve) => (release = resolve))
  const index = await handedOver(id)
  const asked = digests(id).report()
  cluster.machine(id).slow = null
  release()
  const { applied } = (await cluster.time.passWhile(asked)).groups[1]!
  expect(applied).toBe(index)
})

test('a group that does not come to rest is left out', async () => {
  await started()
  const { id } = await cluster.elected(1)
  cluster.machine(id).slow = new Promise(() => undefined)
  await handedOver(id)
  expect((await report(id)).groups.map(({ group }) => group)).toEqual([0, 2])
})

test('whoever asks while a report is made is given the same, and the next one anew', async () => {
  await started()
  const one = digests(1)
  const [first, second] = [one.report(), one.report()]
  expect(second).toBe(first)
  await cluster.time.passWhile(first)
  expect(one.report()).not.toBe(first)
})
