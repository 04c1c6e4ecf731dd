import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { noMetrics } from '../../src/ports.ts'
import { LogBroken, LogDamaged } from '../../src/store/log.ts'
import { SegmentedLog } from '../../src/store/segmented-log.ts'
import { segmentName } from '../../src/store/segment.ts'
import { nothing, run, state, store, tell } from '../conformance/log.ts'
import { FaultyDisk } from './faulty-disk.ts'

const options = {
  onFatal: (error: Error): void => {
    throw error
  },
  metrics: noMetrics,
  segmentBytes: 4_096,
}

const open = (disk: FaultyDisk, more: object = {}): Promise<SegmentedLog> =>
  SegmentedLog.openOn(disk, { ...options, ...more })

/** A log of ten records for group 1 in its first segment, ended without a close. */
async function written(): Promise<FaultyDisk> {
  const disk = new FaultyDisk()
  const log = await open(disk)
  for (let i = 1; i <= 10; i++)
    await store(log, 1, { hardState: state(1, 1, 0), entries: run(i, i, 1) })
  return disk.crash(
    () => false,
    () => 0,
  )
}

const flip = (at: number) => (bytes: Buffer) => {
  bytes[at] = (bytes[at] as number) ^ 0x10
  return bytes
}

/** Where the text of an entry of `written` lies. */
function find(disk: FaultyDisk, text: string): number {
  return disk.content(segmentName(1)).live.indexOf(text)
}

describe('damage', () => {
  const refused: [string, string, (disk: FaultyDisk) => void][] = [
    [
      'a flipped bit in the middle',
      'corrupt-middle',
      (d) => d.damage(segmentName(1), flip(find(d, '1.4'))),
    ],
    [
      'a zeroed piece in the middle',
      'corrupt-middle',
      (d) => d.damage(segmentName(1), (b) => b.fill(0, 200, 400)),
    ],
    ['a broken segment head', 'bad-segment-header', (d) => d.damage(segmentName(1), flip(20))],
    ['a log without its high-water file', 'bad-high-water', (d) => d.forget('high-water')],
    [
      'a high-water file broken in both slots',
      'bad-high-water',
      (d) => d.damage('high-water', () => Buffer.alloc(1024)),
    ],
  ]
  test.each(refused)('STORE-3: %s stops the opening', async (_what, damage, hurt) => {
    const disk = await written()
    hurt(disk)
    await expect(open(disk)).rejects.toMatchObject({ name: 'LogDamaged', damage })
    await expect(open(disk)).rejects.toBeInstanceOf(LogDamaged)
  })

  test('a missing segment between others stops the opening', async () => {
    const disk = await written()
    for (let i = 0; i < 2; i++) {
      const log = await open(disk)
      await store(log, 1, { entries: run(11 + i, 11 + i, 1) })
      await log.close()
    }
    disk.forget(segmentName(2))
    await expect(open(disk)).rejects.toMatchObject({ damage: 'missing-segment' })
  })

  const cuts: [string, (disk: FaultyDisk) => void][] = [
    [
      'garbage behind the last record',
      (d) => {
        const end = find(d, '1.10') + 8
        d.damage(segmentName(1), (b) => b.fill(0x5a, end, end + 700))
      },
    ],
    [
      'nothing behind the last record',
      (d) => {
        const end = find(d, '1.10') + 8
        d.damage(segmentName(1), (b) => b.subarray(0, end))
      },
    ],
  ]
  test.each(cuts)('a torn tail is cut: %s', async (_what, hurt) => {
    const disk = await written()
    hurt(disk)
    const log = await open(disk)
    expect([log.group(1).lastIndex(), log.lostTail]).toEqual([10, false])
    await store(log, 1, { entries: run(11, 12, 1) })
    await log.close()
    const again = await open(disk)
    expect(again.group(1).lastIndex()).toBe(12)
    await again.close()
  })

  test('STORE-5: a tail cut behind the high-water mark is noticed, until peers have refilled it', async () => {
    let disk = new FaultyDisk()
    let log = await open(disk)
    for (let i = 1; i <= 10; i++)
      await store(log, 1, { hardState: state(1, 1, i), entries: run(i, i, 1) })
    await log.close()
    disk.damage(segmentName(1), (bytes) => bytes.fill(0, bytes.indexOf('1.8') - 60))
    log = await open(disk)
    expect([log.lostTail, log.group(1).lastIndex()]).toEqual([true, 7])
    await store(log, 1, { entries: run(8, 8, 2) })
    disk = disk.crash(
      () => false,
      () => 0,
    )
    log = await open(disk)
    expect(log.lostTail).toBe(true)
    await log.refilled()
    disk = disk.crash(
      () => false,
      () => 0,
    )
    log = await open(disk)
    expect([log.lostTail, log.group(1).lastIndex()]).toEqual([false, 8])
    // The fence stays for groups that nobody has opened yet.
    expect(log.fence).toBe(16)
    await log.close()
  })

  test('STORE-8: a term is fenced off although the record that told of it is lost, and each loss moves the fence', async () => {
    const disk = new FaultyDisk()
    const fences: number[] = []
    for (const term of [3, 17, 40]) {
      const before = await open(disk)
      await store(before, 1, { hardState: state(term, 2, 0) })
      await before.close()
      for (const name of await disk.list()) if (name.endsWith('.seg')) disk.forget(name)
      const log = await open(disk)
      expect([log.lostTail, log.groups()]).toEqual([true, []])
      fences.push(log.fence)
      await log.close()
    }
    expect(fences).toEqual([16, 32, 48])
  })

  test('STORE-8: a removed group keeps its term and vote, and nothing else', async () => {
    const disk = await written()
    const more = { maxSegments: 1 }
    let log = await open(disk, more)
    await store(log, 2, { hardState: state(7, 3, 0), entries: run(1, 3, 7) })
    await new Promise<void>((resolve) => log.removeGroup(2, resolve))
    const left = [true, false, { term: 7, vote: 3, commit: 0 }]
    const found = () => {
      const { isNew, isUnknown, state: is } = log.group(2)
      return [isNew, isUnknown, is.hardState]
    }
    expect(found()).toEqual(left)
    for (let life = 0; life < 3; life++) {
      await log.close()
      log = await open(disk, more)
      expect([log.groups(), ...found()]).toEqual([[1], ...left])
    }
    await log.close()
  })

  test('STORE-5: all segments gone is a lost tail, not a new log', async () => {
    const disk = await written()
    disk.forget(segmentName(1))
    const log = await open(disk)
    expect(log.lostTail).toBe(true)
    await log.close()
  })
})

describe('a failing disk', () => {
  test.each(['failSyncIn', 'failWriteIn'] as const)(
    'STORE-6: the first error ends it (%s)',
    async (which) => {
      const disk = new FaultyDisk()
      const fatal: Error[] = []
      const log = await open(disk, { onFatal: (error: Error) => fatal.push(error) })
      await store(log, 1, { entries: run(1, 1, 1) })
      disk[which] = 1
      const answered: number[] = []
      for (let i = 2; i < 20; i++) {
        log.append(1, { ...nothing, entries: run(i, i, 1) }, true, () => answered.push(i))
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(answered).toEqual([])
      expect(fatal).toHaveLength(1)
      expect(fatal[0]).toBeInstanceOf(LogBroken)
      await log.close()
    },
  )

  test('a bit that rots is found when the entry is read back', async () => {
    const disk = new FaultyDisk()
    const fatal: Error[] = []
    const onFatal = (error: Error): void => void fatal.push(error)
    const log = await open(disk, { onFatal, memoryBytes: 300, groupFloorBytes: 100 })
    for (let i = 1; i <= 10; i++)
      await store(log, 1, { entries: run(i, i, 1, `rots-${i}-`.repeat(10)) })
    disk.damage(segmentName(1), flip(find(disk, 'rots-3-') + 5))
    expect(() => log.group(1).entries(3, 4, 1e6)).toThrow('')
    await expect(log.load(1, 3, 4)).rejects.toBeInstanceOf(LogBroken)
    expect(fatal).toHaveLength(1)
    await log.close()
  })
})

describe('space and memory', () => {
  test('old entries leave memory and are read back', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk, { memoryBytes: 1_000, groupFloorBytes: 300 })
    for (let i = 1; i <= 100; i++)
      await store(log, 1, { entries: run(i, i, 1 + Math.floor(i / 40)) })
    expect(log.stats().memoryBytes).toBeLessThanOrEqual(1_000)
    const group = log.group(1)
    expect([group.term(1), group.term(39), group.term(40)]).toEqual([1, 1, 2])
    expect(() => group.entries(5, 9, 1e6)).toThrow('')
    expect(group.takeMissing()).toEqual({ lo: 5, hi: 9 })
    await log.load(1, 5, 9)
    expect(group.entries(5, 9, 1e6).map(({ data }) => Buffer.from(data).toString())).toEqual([
      '1.5',
      '1.6',
      '1.7',
      '1.8',
    ])
    await log.close()
  })

  test('STORE-4: segments go when nobody needs them, and quiet groups do not hold them', async () => {
    const disk = new FaultyDisk()
    const more = { maxSegments: 3, memoryBytes: 4_000, groupFloorBytes: 100 }
    let log = await open(disk, more)
    await store(log, 7, {
      hardState: state(3, 2, 1),
      entries: run(1, 5, 3),
      conf: {
        index: 0,
        conf: { voters: [1, 2], outgoing: [], learners: [3], learnersNext: [], autoLeave: true },
      },
    })
    const quiet = tell(log.group(7))
    for (let i = 1; i <= 600; i++) {
      await store(log, 1, { hardState: state(1, 1, i), entries: run(i, i, 1) })
      if (i % 20 === 0) log.compact(1, i - 10)
      if (i === 300) {
        log.compact(7, 2)
        await store(log, 7, { entries: run(6, 7, 3) })
      }
    }
    expect(log.stats().segments).toBeLessThanOrEqual(4)
    await log.close()
    log = await open(disk, more)
    expect(tell(log.group(7))).toBe(quiet.replace('(0:0) 1:3 2:3', '(2:3)') + ' 6:3 7:3')
    expect(log.group(7).initialState().conf).toMatchObject({ learners: [3], autoLeave: true })
    await log.load(7, 3, 8)
    expect(
      log
        .group(7)
        .entries(3, 8, 1e6)
        .map(({ index }) => index),
    ).toEqual([3, 4, 5, 6, 7])
    expect(log.group(1).lastIndex()).toBe(600)
    await log.close()
  })

  test('a record larger than a segment has one to itself', async () => {
    const disk = new FaultyDisk()
    let log = await open(disk)
    await store(log, 1, { entries: run(1, 1, 1) })
    await store(log, 1, { entries: run(2, 2, 1, 'y'.repeat(20_000)) })
    await store(log, 1, { entries: run(3, 3, 1) })
    await log.close()
    log = await open(disk)
    expect(
      log
        .group(1)
        .entries(1, 4, 1e6)
        .map(({ data }) => data.length),
    ).toEqual([3, 20_000, 3])
    await log.close()
  })

  test('many appends share few syncs', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk, { segmentBytes: 1024 * 1024 })
    const before = disk.syncs
    const all = []
    for (let i = 1; i <= 500; i++)
      all.push(store(log, i % 50, { entries: run(Math.ceil(i / 50), Math.ceil(i / 50), 1) }))
    await Promise.all(all)
    expect(disk.syncs - before).toBeLessThanOrEqual(2)
    await log.close()
  })
})

test('a second opening of the directory is refused while the first lives', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-lock-'))
  const log = await SegmentedLog.open(dir, options)
  await expect(SegmentedLog.open(dir, options)).rejects.toMatchObject({ damage: 'locked' })
  await log.close()
  await (await SegmentedLog.open(dir, options)).close()
  await rm(dir, { recursive: true })
})

test('a damaged lock is made anew, and locks', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-lock-'))
  await (await SegmentedLog.open(dir, options)).close()
  for (const name of await readdir(join(dir, 'lock')))
    await writeFile(join(dir, 'lock', name), 'damaged')
  const log = await SegmentedLog.open(dir, options)
  await expect(SegmentedLog.open(dir, options)).rejects.toThrow('another process uses')
  await log.close()
  await rm(dir, { recursive: true })
})

test('a lock that cannot be opened is not said to be held', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-lock-'))
  await writeFile(join(dir, 'lock'), 'a file')
  const refused = SegmentedLog.open(dir, options)
  await expect(refused).rejects.toThrow(/lock/)
  await expect(refused).rejects.not.toThrow(/another process/)
  await rm(dir, { recursive: true })
})
