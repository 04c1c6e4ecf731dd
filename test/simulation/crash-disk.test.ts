import { describe, expect, test } from 'vitest'
import { Prng } from '../../jepsen-lite/prng.ts'
import { CrashDisk } from '../../jepsen-lite/simulation/crash-disk.ts'
import { EventQueue } from '../../jepsen-lite/simulation/event-queue.ts'
import type { Entry } from '../../src/raft/entry.ts'
import type { GroupLog } from '../../src/store/group-log.ts'
import type { Step } from '../../src/store/log.ts'

/** The obvious disk: every record it was ever given, replayed from the start. */
class SlowDisk {
  readonly records: { step: Step | null; upTo: number }[] = []
  durable = 0

  image(count: number): { head: number; terms: number[]; term: number; commit: number } {
    let entries: Entry[] = []
    let head = 0
    let hardState = { term: 0, vote: 0, commit: 0 }
    for (const { step, upTo } of this.records.slice(0, count)) {
      if (step === null) head = Math.max(head, upTo)
      else {
        const from = step.entries[0]?.index ?? Infinity
        entries = [...entries.filter(({ index }) => index < from), ...step.entries]
        hardState = step.hardState ?? hardState
      }
    }
    const terms = entries.filter(({ index }) => index > head).map(({ term }) => term)
    return { head, terms, term: hardState.term, commit: hardState.commit }
  }
}

function imageOf(log: GroupLog): ReturnType<SlowDisk['image']> {
  const terms: number[] = []
  for (let index = log.firstIndex(); index <= log.lastIndex(); index++) terms.push(log.term(index))
  const { term, commit } = log.initialState().hardState
  return { head: log.marker.index, terms, term, commit }
}

/** A disk, its twin, and random use of both. */
class Pair {
  readonly disk: CrashDisk
  readonly slow = new SlowDisk()
  readonly queue: EventQueue
  readonly random: Prng
  /** Ids of the records whose `done` ran, in that order. */
  readonly done: number[] = []
  #life = 0
  #term = 1

  constructor(seed: number, isHarsh: boolean) {
    this.random = new Prng(seed)
    this.queue = new EventQueue(this.random.split('order'))
    const plan = { meanMs: 2, maxBatch: this.random.pick([1, 2, Infinity]), isHarsh }
    this.disk = new CrashDisk(plan, this.random.split('disk'), (ms, task) => {
      const life = this.#life
      this.queue.after(ms, () => {
        if (life === this.#life) task()
      })
    })
  }

  write(): void {
    const { random, disk } = this
    const { live } = disk
    if (random.below(6) === 0 && live.lastIndex() > live.marker.index) {
      const upTo = live.marker.index + 1
      this.slow.records.push({ step: null, upTo })
      disk.compact(upTo)
      return
    }
    const back = Math.min(random.below(3), live.lastIndex() - live.marker.index)
    if (back > 0) this.#term++
    const first = live.lastIndex() + 1 - back
    const entries = Array.from({ length: random.below(4) }, (_, i) => entry(first + i, this.#term))
    const hardState = random.chance(0.7) ? { term: this.#term, vote: 1, commit: first } : null
    const step: Step = { hardState, entries, snapshot: null, conf: null }
    const id = this.slow.records.push({ step, upTo: 0 })
    disk.append(step, entries.length > 0, () => {
      this.done.push(id)
      if (entries.length > 0) this.slow.durable = Math.max(this.slow.durable, id)
    })
  }

  run(ms: number): void {
    const until = this.queue.now + ms
    for (let task = this.queue.next(until); task !== null; task = this.queue.next(until)) task()
    this.queue.now = until
  }

  crash(): ReturnType<CrashDisk['crash']> {
    const loss = this.disk.crash(this.random)
    this.#life++
    return loss
  }
}

function entry(index: number, term: number): Entry {
  return { index, term, kind: 'normal', data: new Uint8Array(3) }
}

describe.for([false, true])('harsh: %s', (isHarsh) => {
  test.for([1, 2, 3, 4, 5, 6, 7, 8])('seed %i: as the obvious disk', (seed) => {
    const pair = new Pair(seed, isHarsh)
    for (let i = 0; i < 60; i++) {
      pair.write()
      if (pair.random.chance(0.5)) pair.run(pair.random.exponential(3))
      const written = pair.slow.records.length
      expect(imageOf(pair.disk.live)).toEqual(pair.slow.image(written))
    }
    expect(pair.done).toEqual(pair.done.toSorted((a, b) => a - b))
    const { survivors, lostRecords } = pair.crash()
    const kept = pair.slow.records.length - lostRecords
    expect(survivors).toBeGreaterThanOrEqual(0)
    expect(kept).toBeGreaterThanOrEqual(pair.slow.durable)
    expect(imageOf(pair.disk.live)).toEqual(pair.slow.image(kept))
    expect(imageOf(pair.disk.synced)).toEqual(imageOf(pair.disk.live))
  })
})

test('everything is durable once the disk has had its time', () => {
  const pair = new Pair(9, true)
  for (let i = 0; i < 20; i++) pair.write()
  pair.write()
  pair.disk.append(
    { hardState: null, entries: [], snapshot: null, conf: null },
    true,
    () => undefined,
  )
  pair.run(1_000)
  const written = imageOf(pair.disk.live)
  expect(pair.crash().lostRecords).toBe(0)
  expect(imageOf(pair.disk.live)).toEqual(written)
})

test('a hung disk ends no write, and goes on when it comes back', () => {
  const pair = new Pair(3, false)
  pair.disk.hang(true)
  const step: Step = { hardState: null, entries: [entry(1, 1)], snapshot: null, conf: null }
  pair.disk.append(step, true, () => pair.done.push(1))
  pair.run(1_000)
  expect(pair.done).toEqual([])
  pair.disk.hang(false)
  pair.run(1_000)
  expect(pair.done).toEqual([1])
})

test('what was lost is counted, and a harsh crash strands records behind a hole', () => {
  const losses = Array.from({ length: 60 }, (_, seed) => {
    const pair = new Pair(seed, true)
    pair.disk.hang(true)
    for (let i = 0; i < 6; i++) pair.write()
    return pair.crash()
  })
  expect(losses.some(({ lostBytes }) => lostBytes > 0)).toBe(true)
  expect(losses.some(({ stranded }) => stranded > 0)).toBe(true)
  expect(losses.some(({ wasTorn }) => wasTorn)).toBe(true)
  expect(losses.some(({ survivors }) => survivors > 0)).toBe(true)
})
