import { expect, test } from 'vitest'
import { noMetrics } from '../../src/ports.ts'
import type { MemoryStore } from '../../src/store/memory-store.ts'
import { SegmentedLog } from '../../src/store/segmented-log.ts'
import { segmentName } from '../../src/store/segment.ts'
import { FaultyDisk } from '../store/faulty-disk.ts'
import { Cluster } from './cluster.ts'
import { seeded } from './virtual-time.ts'

/*
 * A lost tail over the log of files, and the loss of power at every single change of the disk on the
 * way back: from the first look at the damaged log until the note that nothing is missing any more.
 */
const onFatal = (error: Error): void => {
  throw error
}
const options = { onFatal, metrics: noMetrics, segmentBytes: 16 * 1024 }

interface Setting {
  readonly cluster: Cluster
  readonly disks: Map<number, FaultyDisk>
  /** A follower, down; with the leader it held an entry that the third has not. */
  readonly forgetful: number
  readonly store: MemoryStore
}

async function damaged(): Promise<Setting> {
  const disks = new Map([1, 2, 3].map((id) => [id, new FaultyDisk()]))
  const openLog = (id: number) => SegmentedLog.openOn(disks.get(id) as FaultyDisk, options)
  const cluster = await Cluster.start({ openLog, group: { compactEvery: 10 } })
  for (let n = 0; n < 6; n++) await cluster.write(`entry ${n}`)
  const { id: leader } = await cluster.elected()
  const [forgetful = 0, other = 0] = [1, 2, 3].filter((id) => id !== leader)
  cluster.cut.add(`${leader}>${other}`)
  const group = cluster.group(leader)
  const proposed = group.propose(Buffer.from('acknowledged'), group.term)
  const index = 'index' in proposed ? (proposed.index ?? 0) : 0
  await cluster.time.until(() => cluster.machine(leader).applied() >= index, 'it is committed')
  const { log, store } = cluster.kill(forgetful)
  await log.close()
  const disk = disks.get(forgetful) as FaultyDisk
  disk.damage(segmentName(1), (bytes) => bytes.fill(0, bytes.indexOf('entry 4') - 80))
  cluster.heal()
  return { cluster, disks, forgetful, store }
}

/** Boots the forgetful node; false: its disk died before it was up. */
async function boot({ cluster, disks, forgetful, store }: Setting): Promise<boolean> {
  const disk = disks.get(forgetful) as FaultyDisk
  let isUp = false
  const booting = SegmentedLog.openOn(disk, options).then(async (log) => {
    await cluster.boot(forgetful, { log, store })
    isUp = true
  })
  booting.catch(() => {
    // Awaited below unless the disk is dead, and then it never ends.
  })
  await cluster.time.until(() => isUp || disk.isDead, 'it is up or dead')
  if (!disk.isDead) await booting
  return isUp
}

test('STORE-5, GROUP-11: a loss of power at every change of the disk while a node is refilled', async () => {
  const random = seeded(11)
  let died = 0
  for (let at = 1; ; at++) {
    const setting = await damaged()
    const { cluster, disks, forgetful } = setting
    const disk = disks.get(forgetful) as FaultyDisk
    disk.dieIn = at
    const isUp = await boot(setting)
    const wasUp = cluster.nodes.get(forgetful)
    const isWhole = (): boolean => isUp && wasUp?.log.lostTail === false
    await cluster.time.until(() => disk.isDead || isWhole(), 'it is whole or dead')
    if (disk.isDead) {
      died++
      let left = setting.store
      if (wasUp !== undefined) left = cluster.kill(forgetful, 'power-loss').store
      const survives = (): boolean => random.below(2) === 0
      disks.set(
        forgetful,
        disk.crash(survives, () => random.below(100) / 100),
      )
      expect(await boot({ ...setting, store: left })).toBe(true)
    }
    disk.dieIn = Infinity
    const { log } = cluster.node(forgetful)
    await cluster.time.until(() => !cluster.group(forgetful).isMuted, 'it votes again')
    await cluster.time.until(() => !log.lostTail, 'the loss is made good')
    // Its vote is needed, and what it once held is there.
    const { id: leader } = await cluster.elected()
    if (leader !== forgetful) cluster.kill(leader)
    await cluster.write('goes on')
    expect(await cluster.machine(forgetful).texts()).toEqual([
      ...[0, 1, 2, 3, 4, 5].map((n) => `entry ${n}`),
      'acknowledged',
      'goes on',
    ])
    expect(cluster.fatal).toEqual([])
    cluster.stop()
    if (!disk.isDead) break
  }
  expect(died).toBeGreaterThan(25)
})
