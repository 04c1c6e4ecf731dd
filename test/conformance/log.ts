import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConfState, Entry, HardState, Index, Term } from '../../src/raft/entry.ts'
import { Compacted } from '../../src/raft/storage-view.ts'
import type { GroupLog } from '../../src/store/group-log.ts'
import type { Log, Step } from '../../src/store/log.ts'

export interface LogUnderTest {
  readonly log: Log
  /** Ends it cleanly, and opens what it left behind. */
  reopen(): Promise<LogUnderTest>
  destroy(): Promise<void>
}

export const nothing: Step = { hardState: null, entries: [], snapshot: null, conf: null }

export function entry(index: Index, term: Term, text = `${term}.${index}`): Entry {
  return { index, term, kind: 'normal', data: new TextEncoder().encode(text) }
}

export function run(from: Index, to: Index, term: Term, text?: string): Entry[] {
  const entries: Entry[] = []
  for (let index = from; index <= to; index++) entries.push(entry(index, term, text))
  return entries
}

export function state(term: Term, vote: number, commit: Index): HardState {
  return { term, vote, commit }
}

export function conf(...voters: number[]): ConfState {
  return { voters, outgoing: [], learners: [], learnersNext: [], autoLeave: false }
}

export function store(log: Log, group: number, step: Partial<Step>, sync = true): Promise<void> {
  return new Promise((resolve) => log.append(group, { ...nothing, ...step }, sync, resolve))
}

/** A log in one line: `(marker) first:term…last`, and what it owes, for comparing. */
export function tell(log: GroupLog): string {
  const { hardState, marker } = log.state
  const held: string[] = []
  for (let index = log.firstIndex(); index <= log.lastIndex(); index++) {
    held.push(`${index}:${log.term(index)}`)
  }
  const { term, vote, commit } = hardState
  if (log.owed !== null) held.push(`owes ${log.owed.index}:${log.owed.term}`)
  return `t${term} v${vote} c${commit} (${marker.index}:${marker.term}) ${held.join(' ')}`.trim()
}

export function remove(log: Log, group: number): Promise<void> {
  return new Promise((resolve) => log.removeGroup(group, resolve))
}

/** What every implementation of the log must do. */
export function logConformance(name: string, create: () => Promise<LogUnderTest>): void {
  describe(name, () => {
    let under: LogUnderTest
    let log: Log
    beforeEach(async () => {
      under = await create()
      log = under.log
    })
    afterEach(() => under.destroy())

    const reopen = async (): Promise<void> => {
      under = await under.reopen()
      log = under.log
    }

    test('a new group is empty', () => {
      const group = log.group(3)
      expect([group.isNew, group.firstIndex(), group.lastIndex(), group.term(0)]).toEqual([
        true,
        1,
        0,
        0,
      ])
      expect(group.initialState().conf.voters).toEqual([])
      expect(() => group.term(1)).toThrow('')
      expect(log.groups()).toEqual([])
    })

    test('a step is there at once, and after reopening', async () => {
      const kinds: Entry = { ...entry(2, 1, 'change'), kind: 'conf-change' }
      const done = store(log, 1, {
        hardState: state(1, 2, 0),
        entries: [entry(1, 1), kinds, entry(3, 1, '')],
      })
      expect(tell(log.group(1))).toBe('t1 v2 c0 (0:0) 1:1 2:1 3:1')
      await done
      await reopen()
      expect(tell(log.group(1))).toBe('t1 v2 c0 (0:0) 1:1 2:1 3:1')
      const found = log.group(1).entries(1, 4, 1e6)
      expect(found.map(({ kind, data }) => [kind, Buffer.from(data).toString()])).toEqual([
        ['normal', '1.1'],
        ['conf-change', 'change'],
        ['normal', ''],
      ])
    })

    test('a later append cuts what it overlaps', async () => {
      await store(log, 1, { hardState: state(1, 1, 2), entries: run(1, 6, 1) })
      await store(log, 1, { hardState: state(3, 1, 2), entries: run(4, 5, 3) })
      await store(log, 1, { entries: run(6, 7, 3) })
      expect(tell(log.group(1))).toBe('t3 v1 c2 (0:0) 1:1 2:1 3:1 4:3 5:3 6:3 7:3')
      await reopen()
      expect(tell(log.group(1))).toBe('t3 v1 c2 (0:0) 1:1 2:1 3:1 4:3 5:3 6:3 7:3')
      const texts = log
        .group(1)
        .entries(1, 8, 1e6)
        .map(({ data }) => Buffer.from(data).toString())
      expect(texts).toEqual(['1.1', '1.2', '1.3', '3.4', '3.5', '3.6', '3.7'])
    })

    test('STORE-2: entries with a hole, out of order, or before the start are refused', async () => {
      await store(log, 1, { hardState: state(2, 1, 5), entries: run(1, 5, 2) })
      log.compact(1, 2)
      const wrong: Entry[][] = [
        run(7, 8, 2),
        run(2, 3, 2),
        [entry(6, 2), entry(8, 2)],
        run(6, 6, 1),
      ]
      for (const entries of wrong) {
        expect(() => log.append(1, { ...nothing, entries }, true, () => {})).toThrow('STORE-2')
      }
    })

    test('entries gives at least one, then what fits', async () => {
      await store(log, 1, { entries: run(1, 9, 1, 'x'.repeat(84)) }) // 100 bytes each
      const group = log.group(1)
      const count = (lo: number, hi: number, max: number) => group.entries(lo, hi, max).length
      expect([count(1, 10, 0), count(1, 10, 250), count(1, 10, 300), count(8, 10, 1e6)]).toEqual([
        1, 2, 3, 2,
      ])
    })

    test('compaction keeps the term before the first entry, and the members', async () => {
      await store(log, 1, {
        hardState: state(2, 0, 8),
        entries: [...run(1, 5, 1), ...run(6, 9, 2)],
      })
      for (const [index, members] of [
        [0, conf(1)],
        [3, conf(1, 2)],
        [6, conf(1, 2, 3)],
        [8, conf(2, 3)],
      ] as const) {
        await store(log, 1, { conf: { index, conf: members } })
      }
      log.compact(1, 6)
      await store(log, 1, { hardState: state(2, 0, 9) })
      await reopen()
      const group = log.group(1)
      expect(tell(group)).toBe('t2 v0 c9 (6:2) 7:2 8:2 9:2')
      expect(group.term(6)).toBe(2)
      expect(() => group.term(5)).toThrow(Compacted)
      expect(() => group.entries(6, 8, 100)).toThrow(Compacted)
      expect([group.confAt(6).voters, group.confAt(7).voters, group.confAt(9).voters]).toEqual([
        [1, 2, 3],
        [1, 2, 3],
        [2, 3],
      ])
      group.startAt(7)
      expect(group.initialState().conf.voters).toEqual([1, 2, 3])
    })

    test('a snapshot replaces the log', async () => {
      await store(log, 1, { hardState: state(1, 1, 3), entries: run(1, 9, 1) })
      const meta = { index: 100, term: 4, conf: conf(4, 5) }
      await store(log, 1, {
        hardState: state(4, 0, 100),
        snapshot: meta,
        entries: run(101, 102, 4),
      })
      const whole = 't4 v0 c100 (100:4) 101:4 102:4'
      expect(tell(log.group(1))).toBe(whole)
      await reopen()
      expect(tell(log.group(1))).toBe(whole)
      expect(log.group(1).initialState().conf).toEqual(conf(4, 5))
    })

    test('a removed group is gone, and may come again', async () => {
      await store(log, 1, { hardState: state(5, 5, 5), entries: run(1, 5, 5) })
      await store(log, 2, { hardState: state(1, 1, 0), entries: run(1, 2, 1) })
      await remove(log, 1)
      expect(log.groups()).toEqual([2])
      await reopen()
      expect(log.groups()).toEqual([2])
      await store(log, 1, { hardState: state(1, 0, 0), entries: run(1, 1, 1) })
      await reopen()
      expect(tell(log.group(1))).toBe('t1 v0 c0 (0:0) 1:1 owes 5:5')
      expect(tell(log.group(2))).toBe('t1 v1 c0 (0:0) 1:1 2:1')
    })

    test('a removed group owes its last entry, until one that is up to date with it is committed', async () => {
      const entries = [...run(1, 4, 3), ...run(5, 8, 5)]
      await store(log, 1, { hardState: state(6, 2, 3), entries })
      expect(log.group(1).owed).toBeNull()
      await remove(log, 1)
      const snapshot = { index: 20, term: 4, conf: conf(1, 2) }
      const owed = { index: 8, term: 5 }
      const steps: [Partial<Step>, object | null][] = [
        [{}, owed],
        [{ hardState: state(6, 2, 20), snapshot }, owed],
        [{ entries: [entry(21, 4), ...run(22, 23, 5)] }, owed],
        [{ hardState: state(6, 2, 21) }, owed],
        [{ hardState: state(6, 2, 22) }, null],
        [{ entries: run(24, 24, 6) }, null],
      ]
      for (const [step, owes] of steps) {
        await store(log, 1, step)
        expect(log.group(1).owed).toEqual(owes)
        await reopen()
        expect(log.group(1).owed).toEqual(owes)
      }
      expect(tell(log.group(1))).toBe('t6 v2 c22 (20:4) 21:4 22:5 23:5 24:6')
      await remove(log, 1)
      expect(log.group(1).owed).toEqual({ index: 24, term: 6 })
    })

    test('of two debts the larger one stays', async () => {
      const lives: [Entry[], object][] = [
        [run(1, 8, 5), { index: 8, term: 5 }],
        [run(1, 30, 4), { index: 8, term: 5 }],
        [run(1, 7, 5), { index: 8, term: 5 }],
        [[], { index: 8, term: 5 }],
        [run(1, 9, 5), { index: 9, term: 5 }],
        [run(1, 2, 6), { index: 2, term: 6 }],
      ]
      for (const [entries, owed] of lives) {
        await store(log, 1, { hardState: state(6, 1, 0), entries })
        await remove(log, 1)
        expect([log.group(1).owed, log.group(1).isNew, log.groups()]).toEqual([owed, true, []])
        await reopen()
        expect(log.group(1).owed).toEqual(owed)
        // What is done twice, since a crash came between, takes nothing away.
        await remove(log, 1)
        expect(log.group(1).owed).toEqual(owed)
      }
    })

    test('a debt outlives the segment that it was written in, and cuts', async () => {
      await store(log, 1, { hardState: state(5, 1, 8), entries: run(1, 8, 5) })
      await remove(log, 1)
      await store(log, 3, { entries: run(1, 7, 7) })
      await remove(log, 3)
      await store(log, 1, { hardState: state(5, 1, 6), entries: run(1, 6, 4) })
      const before = log.stats().segments
      for (let index = 1; index <= 60; index++) {
        await store(log, 2, {
          hardState: state(1, 1, index),
          entries: [entry(index, 1, 'x'.repeat(4_000))],
        })
        if (index % 10 === 0) log.compact(2, index)
        if (index === 20) log.compact(1, 5)
        // Nothing else holds the oldest segments.
        if (index === 30) await store(log, 1, { hardState: state(5, 1, 7), entries: run(7, 7, 4) })
        if (index === 40) log.compact(1, 7)
      }
      for (let index = 61; log.stats().segments > before + 1; index++) {
        await store(log, 2, { entries: run(index, index, 1) })
        log.compact(2, index)
      }
      await reopen()
      expect(tell(log.group(1))).toBe('t5 v1 c7 (7:4) owes 8:5')
      expect(log.group(3).owed).toEqual({ index: 7, term: 7 })
    })

    test('STORE-1: answers come in the order of the appends, never inside one', async () => {
      const order: string[] = []
      let inside = true
      const append = (group: number, index: number, sync: boolean, say: string): void => {
        const step = { ...nothing, entries: sync ? run(index, index, 1) : [] }
        log.append(group, { ...step, hardState: state(1, 0, 0) }, sync, () => {
          expect(inside).toBe(false)
          order.push(say)
        })
      }
      append(1, 1, false, 'rides on nothing')
      append(1, 1, true, 'a')
      append(2, 1, false, 'rides behind a')
      append(3, 1, true, 'b')
      append(2, 1, true, 'c')
      append(2, 2, false, 'rides behind c')
      inside = false
      await store(log, 4, { hardState: state(1, 0, 0) })
      expect(order).toEqual(['rides on nothing', 'a', 'rides behind a', 'b', 'c', 'rides behind c'])
    })

    test('what only rides along is answered when nothing is owed to the disk', async () => {
      await store(log, 1, { entries: run(1, 3, 1) })
      await store(log, 1, { hardState: state(1, 0, 3) }, false)
      await reopen()
      expect(tell(log.group(1))).toBe('t1 v0 c3 (0:0) 1:1 2:1 3:1')
    })
  })
}
