import { expect } from 'vitest'
import type { Log } from '../../src/store/log.ts'
import type { MemoryStore } from '../../src/store/memory-store.ts'
import type { Cluster } from './cluster.ts'

/** Messages `from` up to `to`, 200 bytes each, applied everywhere. */
export async function writeTo(cluster: Cluster, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await cluster.write(`message ${n} `.padEnd(200, '.'))
}

/** A follower that was away for so long that the others have cut what it needs. Messages 0 up to 70. */
export async function leaveBehind(
  cluster: Cluster,
): Promise<{ id: number; left: { log: Log; store: MemoryStore } }> {
  await writeTo(cluster, 0, 5)
  const { id: leader } = await cluster.elected()
  const id = [1, 2, 3].find((node) => node !== leader) as number
  const left = cluster.kill(id)
  await writeTo(cluster, 5, 70)
  await cluster.time.advance(2_000)
  expect(cluster.group(leader).log.firstIndex()).toBeGreaterThan(20)
  return { id, left }
}

/** It stands where the leader does, with the same messages. */
export async function catchUp(cluster: Cluster, id: number): Promise<void> {
  const leader = await cluster.elected()
  const same = (): boolean => cluster.machine(id).applied() === cluster.machine(leader.id).applied()
  await cluster.time.until(same, `node ${id} has caught up`)
  expect(await cluster.machine(id).texts()).toEqual(await cluster.machine(leader.id).texts())
}
