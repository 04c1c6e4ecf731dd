import { expect, test } from 'vitest'
import { Pace } from '../../src/group/pace.ts'
import { Cluster } from './cluster.ts'
import { VirtualTime } from './virtual-time.ts'

/** When each of `sizes` has passed, ms; asked for in one breath. */
async function passed(pace: Pace, time: VirtualTime, sizes: readonly number[]): Promise<number[]> {
  const at: number[] = []
  const all = sizes.map((bytes) => pace.take(bytes).then(() => at.push(time.monotonic())))
  await time.advance(10_000)
  await Promise.all(all)
  return at
}

test('a tenth of a second passes at once, the rest at the rate, in the order of asking', async () => {
  const time = new VirtualTime()
  const pace = new Pace(1_000, time, time)
  expect(await passed(pace, time, [100, 50, 150, 700])).toEqual([0, 50, 200, 900])
  // A pause saves up no more than the burst.
  expect(await passed(pace, time, [100, 100])).toEqual([10_000, 10_100])
})

test('what is larger than the burst waits for itself, and passes', async () => {
  const time = new VirtualTime()
  expect(await passed(new Pace(1_000, time, time), time, [5_000])).toEqual([4_900])
})

test('at the close nobody waits any more', async () => {
  const time = new VirtualTime()
  const pace = new Pace(10, time, time)
  const waits = [pace.take(1_000), pace.take(1_000)]
  expect(pace.waiting).toBe(2)
  pace.close()
  await Promise.all([...waits, pace.take(1_000)])
  expect(pace.waiting).toBe(0)
})

test('GROUP-12: a rate of nothing is refused', async () => {
  await expect(Cluster.start({ group: { snapshotBytesPerSecond: 0 } })).rejects.toThrow('GROUP-12')
})

test('all snapshots of a node share one rate', async () => {
  const perSecond = 200_000
  const groups = [1, 2, 3]
  const cluster = await Cluster.start({
    groups,
    group: { compactEvery: 10, snapshotBytesPerSecond: perSecond },
  })
  for (const id of groups) await cluster.elected(id)
  const left = cluster.kill(3)
  const bytes = 100_000
  for (const id of groups) {
    await cluster.time.until(() => cluster.leader(id) !== null, 'a leader')
    for (let n = 0; n < 20; n++) {
      await cluster.write(`${n} `.padEnd(bytes / 20, '.'), id)
    }
    // Too many entries for anything but a snapshot.
    for (let n = 0; n < 60; n++) await cluster.write(`${n}`, id)
  }
  await cluster.time.advance(2_000)
  const leaders = new Set(groups.map((id) => cluster.leader(id)?.id))
  const began = cluster.time.monotonic()
  await cluster.boot(3, left)
  const has = (id: number): boolean => cluster.machine(3, id).applied() >= 80
  await cluster.time.until(() => groups.every(has), 'all are refilled')
  const seconds = (cluster.time.monotonic() - began) / 1_000
  // Three times 100 kB, less the bursts, from one sender or two.
  const least = (groups.length * bytes) / perSecond / leaders.size - 0.2
  expect(seconds).toBeGreaterThan(least)
  expect(seconds).toBeLessThan(least + 3)
  expect(cluster.fatal).toEqual([])
  cluster.stop()
})
