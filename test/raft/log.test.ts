import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry } from '../../src/raft/entry.ts'
import { RaftLog, entryBytes } from '../../src/raft/log.ts'
import { Compacted } from '../../src/raft/storage-view.ts'
import { Unstable } from '../../src/raft/unstable.ts'
import { confOf } from './world/group.ts'
import { MemoryDisk } from './world/memory-disk.ts'

const limits = { maxCommittedSizePerReady: 50, maxApplyingBytes: 120 }

function entry(index: number, term: number, size = index % 5): Entry {
  return { index, term, kind: 'normal', data: new Uint8Array(size) }
}

/** The log as an array, and what of it is where, kept by the simplest means. */
class Twin {
  entries: Entry[] = []
  stable = 0
  handedOut = 0
  committed = 0
  applying = 0
  term = 1
}

type Act = (log: RaftLog, disk: MemoryDisk, twin: Twin, n: number) => void

const acts: Record<string, Act> = {
  append(log, _disk, twin) {
    const one = entry(twin.entries.length + 1, twin.term)
    log.append(one)
    twin.entries.push(one)
  },
  overwrite(log, _disk, twin, n) {
    const open = twin.entries.length - twin.committed
    if (open === 0) return
    const index = twin.committed + 1 + (n % open)
    twin.term++
    log.truncate(index)
    twin.entries.length = index - 1
    twin.stable = Math.min(twin.stable, index - 1)
    twin.handedOut = Math.min(twin.handedOut, index - 1)
    acts['append']?.(log, _disk, twin, 0)
  },
  write(log, disk, twin) {
    const taken = log.unstable.takeEntries()
    expect(taken).toEqual(twin.entries.slice(twin.handedOut))
    disk.write({ hardState: null, entries: taken, snapshot: null })
    twin.handedOut = twin.entries.length
  },
  stored(log, _disk, twin, n) {
    const waiting = twin.handedOut - twin.stable
    if (waiting === 0) return
    const index = twin.stable + 1 + (n % waiting)
    const term = twin.entries[index - 1]?.term ?? 0
    log.unstable.stableTo(index, term + 1) // the answer to a write that was overwritten
    log.unstable.stableTo(index, term)
    twin.stable = index
  },
  commit(log, _disk, twin, n) {
    const index = Math.min(twin.entries.length, n)
    log.commitTo(index)
    twin.committed = Math.max(twin.committed, index)
  },
  apply(log, _disk, twin) {
    const page = log.takeCommitted()
    expect(page).toEqual(twin.entries.slice(twin.applying, twin.applying + page.length))
    twin.applying += page.length
    expect(twin.applying).toBeLessThanOrEqual(Math.min(twin.committed, twin.stable))
    const bytes = page.reduce((sum, one) => sum + entryBytes(one), 0)
    if (page.length > 1) expect(bytes).toBeLessThanOrEqual(limits.maxCommittedSizePerReady)
  },
  applied(log, _disk, twin, n) {
    const index = Math.min(twin.applying, n)
    log.appliedTo(index)
    expect(log.applied).toBeGreaterThanOrEqual(index)
    if (log.applied === log.applying) expect(log.applyingBytes).toBe(0)
  },
}

test('any sequence of acts leaves the log as an array would be', () => {
  const act = fc.tuple(fc.constantFrom(...Object.keys(acts)), fc.integer({ min: 0, max: 20 }))
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60, size: 'max' }), (sequence) => {
      const disk = new MemoryDisk(confOf([1]))
      const log = new RaftLog(disk, 0, 0, limits)
      const twin = new Twin()
      for (const [name, n] of sequence) {
        acts[name]?.(log, disk, twin, n)
        expect(log.lastIndex).toBe(twin.entries.length)
        expect(log.lastTerm).toBe(twin.entries.at(-1)?.term ?? 0)
        expect(log.stable).toBe(twin.stable)
        expect(log.committed).toBe(twin.committed)
        for (const { index, term } of twin.entries) {
          // What the disk has not been given yet lives above `stable`; both must be found.
          if (index <= disk.lastIndex() || index > log.stable)
            expect(log.termOrNone(index)).toBe(term)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('the byte budget of applying holds back the next page, and comes back with it', () => {
  const { log, disk } = filled(8, 40)
  expect(log.takeCommitted()).toHaveLength(1)
  expect(log.takeCommitted()).toHaveLength(1)
  expect(log.takeCommitted()).toHaveLength(1)
  expect(log.hasCommitted).toBe(false)
  expect(log.takeCommitted()).toHaveLength(0)
  log.appliedTo(1)
  expect(log.takeCommitted()).toHaveLength(1)
  expect(disk.lastIndex()).toBe(8)
})

test.for([
  // index  term   is at least as up to date as a log that ends at 3 in term 2
  [3, 2, true],
  [4, 2, true],
  [2, 2, false],
  [9, 1, false],
  [1, 3, true],
] as const)('a log that ends at %i in term %i: %s', ([index, term, isUpToDate]) => {
  const { log } = filled(0, 0)
  for (const [i, t] of [
    [1, 1],
    [2, 1],
    [3, 2],
  ] as const)
    log.append(entry(i, t))
  expect(log.isUpToDate(index, term)).toBe(isUpToDate)
})

test('around the snapshot and the ends of the log (pitfall 41)', () => {
  const { log, disk } = filled(6, 1)
  log.takeCommitted()
  log.takeCommitted()
  log.appliedTo(4)
  const meta = { index: 4, term: 1, conf: confOf([1]) }
  disk.compact({ meta, data: new Uint8Array(0) })
  expect(log.firstIndex).toBe(5)
  const cases = [
    [3, 1, false],
    [4, 1, true],
    [4, 2, false],
    [5, 1, true],
    [6, 1, true],
    [6, 2, false],
    [7, 1, false],
    [7, 0, false],
  ] as const
  for (const [index, term, isHeld] of cases) expect(log.matches(index, term)).toBe(isHeld)
  expect(() => log.slice(4, 6, 100)).toThrow(Compacted)
  expect(log.slice(5, 7, 100)).toHaveLength(2)
  expect(log.slice(5, 5, 100)).toHaveLength(0)
})

test('behind a snapshot that is not installed yet nothing is left', () => {
  const { log } = filled(6, 1)
  log.restore({ meta: { index: 9, term: 3, conf: confOf([1]) }, data: new Uint8Array(0) })
  expect([log.firstIndex, log.lastIndex, log.lastTerm]).toEqual([10, 9, 3])
  const cases = [
    [8, 1, false],
    [9, 3, true],
    [9, 1, false],
    [10, 3, false],
  ] as const
  for (const [index, term, isHeld] of cases) expect(log.matches(index, term)).toBe(isHeld)
  expect(log.matches(3, 1)).toBe(false)
  expect(log.hasCommitted).toBe(false)
  log.snapshotStored(8)
  expect(log.applied).toBe(0)
  log.snapshotStored(9)
  expect([log.applied, log.applying]).toEqual([9, 9])
})

test('10,000 diverged entries are crossed in as many steps as there are terms (pitfall 43)', () => {
  const mine = filled(0, 0).log
  const theirs = filled(0, 0).log
  for (let i = 1; i <= 10_000; i++) {
    mine.append(entry(i, 1 + 2 * Math.floor(i / 2_500)))
    theirs.append(entry(i, i < 10 ? 1 : 2 + 2 * Math.floor(i / 2_500)))
  }
  let steps = 0
  let probe = { index: mine.lastIndex, term: mine.lastTerm }
  while (theirs.termOrNone(probe.index) !== probe.term) {
    const hint = theirs.findConflict(probe.index, probe.term)
    const at = mine.findConflict(hint.index, hint.term).index
    probe = { index: at, term: mine.termOrNone(at) }
    expect(++steps).toBeLessThan(10)
  }
  expect(probe.index).toBe(9)
})

test('the tail that waits for the disk is cut in front without losing its place', () => {
  const unstable = new Unstable(1)
  for (let i = 1; i <= 10; i++) unstable.push(entry(i, 1))
  unstable.takeEntries()
  for (let i = 1; i <= 10; i++) {
    unstable.stableTo(i, 1)
    expect(unstable.slice(i + 1, 11).map(({ index }) => index)).toEqual(range(i + 1, 10))
    expect(unstable.length).toBe(10 - i)
  }
  expect(unstable.hasNext).toBe(false)
})

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** `count` entries of term 1, stored and committed. */
function filled(count: number, size: number): { log: RaftLog; disk: MemoryDisk } {
  const disk = new MemoryDisk(confOf([1]))
  const log = new RaftLog(disk, 0, 0, limits)
  for (let i = 1; i <= count; i++) log.append(entry(i, 1, size))
  disk.write({ hardState: null, entries: log.unstable.takeEntries(), snapshot: null })
  disk.sync()
  log.unstable.stableTo(count, 1)
  log.commitTo(count)
  return { log, disk }
}
