import fc from 'fast-check'
import { expect, test } from 'vitest'
import { marks } from '../../src/assert.ts'
import { noMetrics } from '../../src/ports.ts'
import { HighWater } from '../../src/store/high-water.ts'
import type { Log, Step } from '../../src/store/log.ts'
import { MemoryLog } from '../../src/store/memory-log.ts'
import { SegmentedLog } from '../../src/store/segmented-log.ts'
import { conf, nothing, run, state, tell } from '../conformance/log.ts'
import { FaultyDisk } from './faulty-disk.ts'

/*
 * The promise of the log in one property: whatever a loss of power leaves of the unsynced writes,
 * the next opening finds all groups as they were after some number of appends, and at least after
 * those that were answered.
 */

const groups = [1, 2, 3]

type Move =
  | { kind: 'append'; group: number; back: number; count: number; size: number; sync: boolean }
  | { kind: 'compact'; group: number; share: number }
  | { kind: 'snapshot'; group: number; ahead: number }
  | { kind: 'remove'; group: number }
  | { kind: 'turn'; count: number }

const group = fc.constantFrom(...groups)
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      group,
      back: fc.nat({ max: 2 }),
      count: fc.nat({ max: 4 }),
      size: fc.constantFrom(0, 20, 300),
      sync: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('compact' as const),
      group,
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('snapshot' as const),
      group,
      ahead: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), group }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('turn' as const),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
)

/** Makes one move; `done` when it is answered, or at once where nothing is. */
function play(log: Log, one: Move, done: () => void): void {
  if (one.kind === 'turn') return done()
  const target = log.group(one.group)
  const { hardState } = target.state
  if (one.kind === 'remove') return log.removeGroup(one.group, done)
  if (one.kind === 'compact') {
    const spare = target.lastIndex() - target.firstIndex() + 1
    log.compact(one.group, target.firstIndex() - 1 + Math.floor(spare * one.share))
    return done()
  }
  // Steps of five, so that the ceiling is passed often.
  const term = hardState.term + 5
  if (one.kind === 'snapshot') {
    const index = target.lastIndex() + one.ahead
    const snapshot = { index, term, conf: conf(1, index) }
    return log.append(
      one.group,
      { ...nothing, snapshot, hardState: state(term, 0, index) },
      true,
      done,
    )
  }
  const from = Math.max(target.firstIndex(), target.lastIndex() + 1 - one.back)
  const entries = run(from, from + one.count - 1, term, 'x'.repeat(one.size))
  const step: Step = { ...nothing, entries, hardState: state(term, term % 7, 0) }
  log.append(one.group, step, one.sync, done)
}

async function pass(turns: number): Promise<void> {
  for (let n = 0; n < turns; n++) await new Promise((resolve) => setImmediate(resolve))
}

function tellAll(log: Log): string {
  return groups.map((id) => tell(log.group(id))).join(' | ')
}

const options = {
  metrics: noMetrics,
  segmentBytes: 1_500,
  maxSegments: 2,
  memoryBytes: 2_000,
  groupFloorBytes: 200,
}

type Life = { moves: Move[]; seed: number; harsh: boolean; killed: boolean }
const life = (killed: boolean, moves: Move[]): Life => ({ moves, seed: 0, harsh: false, killed })
const adds = (group: number, back: number, count: number, size: number, sync: boolean): Move => {
  return { kind: 'append', group, back, count, size, sync }
}
const turns = (count: number): Move => ({ kind: 'turn', count })
/** What this property has found. */
const found: [Life[]][] = [
  // Entry 1 was written again while a record that overwrote it, and goes on behind it, was under way.
  [
    [
      life(true, [adds(2, 0, 1, 0, true), turns(3)]),
      life(true, [
        adds(1, 0, 1, 300, false),
        adds(2, 1, 3, 300, true),
        turns(1),
        turns(6),
        adds(1, 0, 0, 0, false),
      ]),
    ],
  ],
  // Entry 5 was overwritten between the time that it was read for being written again, and that.
  [
    [
      life(true, [adds(1, 0, 2, 20, true), adds(1, 0, 3, 0, false), turns(1), turns(2)]),
      life(false, [
        adds(2, 0, 1, 0, false),
        adds(1, 0, 1, 0, false),
        adds(1, 2, 4, 300, false),
        adds(1, 0, 2, 300, false),
        { kind: 'snapshot', group: 3, ahead: 1 },
        turns(4),
        turns(4),
        turns(3),
      ]),
      life(false, [turns(1)]),
    ],
  ],
]

test('STORE-3, STORE-8: a loss of power, also after a kill, leaves a prefix of the appends, with all that counted, and a ceiling over their terms', async () => {
  const anyLife = fc.record({
    moves: fc.array(move, { minLength: 1, maxLength: 60 }),
    seed: fc.integer(),
    harsh: fc.boolean(),
    killed: fc.boolean(),
  })
  let reclaimed = 0
  let above = 0
  await fc.assert(
    fc.asyncProperty(fc.array(anyLife, { minLength: 1, maxLength: 4 }), async (lives) => {
      let disk = new FaultyDisk()
      for (const { moves, seed, harsh, killed } of lives) {
        const fatal = (error: Error): void => {
          throw error
        }
        const log = await SegmentedLog.openOn(disk, { ...options, onFatal: fatal })
        expect(log.lostTail).toBe(false)
        let history = [tellAll(log)]
        let answered = 0
        for (const one of moves) {
          const place = history.length
          const promises = one.kind === 'append' && !one.sync ? 0 : place
          const silent = one.kind === 'compact' || one.kind === 'turn'
          play(log, one, () => {
            if (!silent) answered = Math.max(answered, promises)
          })
          history.push(tellAll(log))
          if (one.kind === 'turn') await pass(one.count)
        }
        if (log.stats().segments < log.stats().lastSequence / 8) reclaimed++
        if (killed) {
          // The machine stays up, and the next process takes what it finds for durable; then the power goes.
          disk = disk.kill()
          const next = await SegmentedLog.openOn(disk, { ...options, onFatal: fatal })
          expect(history.slice(answered)).toContain(tellAll(next))
          history = [tellAll(next)]
          answered = 0
        }
        let bits = seed
        const chance = (): number => ((bits = (Math.imul(bits, 48271) + 11) >>> 0) % 1000) / 1000
        disk = disk.crash(
          () => harsh && chance() < 0.6,
          () => (chance() < 0.5 ? 1 : chance()),
        )
        const ceiling = (await HighWater.open(disk))?.mark.ceiling ?? 0
        const survivor = await SegmentedLog.openOn(disk, { ...options, onFatal: fatal })
        expect(history.slice(answered)).toContain(tellAll(survivor))
        expect(survivor.lostTail).toBe(false)
        // STORE-8
        const terms = groups.map((id) => survivor.group(id).initialState().hardState.term)
        expect(Math.max(...terms)).toBeLessThanOrEqual(ceiling)
        above = Math.max(above, ...terms)
        await survivor.close()
      }
    }),
    { numRuns: 1_000, examples: found },
  )
  expect(marks.get('store: a torn tail was cut') ?? 0).toBeGreaterThan(0)
  expect(reclaimed).toBeGreaterThan(0)
  expect(above).toBeGreaterThan(16)
})

test('the log on disk and the one in memory tell the same', async () => {
  const timers = {
    after: () => () => {},
    every: () => () => {},
    soon: (task: () => void) => void setImmediate(task),
  }
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 60 }), async (moves) => {
      const disk = new FaultyDisk()
      const onFatal = (error: Error): void => {
        throw error
      }
      const real = await SegmentedLog.openOn(disk, { ...options, onFatal })
      const memory = new MemoryLog({ timers })
      for (const one of moves) {
        for (const log of [real, memory]) play(log, one, () => {})
        if (one.kind === 'turn') await pass(one.count)
        expect(tellAll(real)).toBe(tellAll(memory))
      }
      const seen = tellAll(real)
      await real.close()
      await memory.close()
      const again = await SegmentedLog.openOn(disk, { ...options, onFatal })
      expect([tellAll(again), tellAll(memory.crash())]).toEqual([seen, seen])
      await again.close()
    }),
    { numRuns: 40 },
  )
})
