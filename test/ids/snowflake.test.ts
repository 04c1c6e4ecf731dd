import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  Snowflake,
  epochMs,
  id64ToBigInt,
  idsPerMs,
  maxLeadMs,
  reserveAheadMs,
  reserveMarginMs,
  snowflakeParts,
} from '../../src/ids/snowflake.ts'
import type { Id64 } from '../../src/ids/snowflake.ts'

const now = epochMs + 1_000_000

/** A mint whose ceiling is saved whenever it asks, as a node does. */
function ready(machine = 1, at = now, saved = 0): Snowflake {
  const snowflake = new Snowflake(machine, saved)
  keepReserved(snowflake, at)
  return snowflake
}

function keepReserved(snowflake: Snowflake, at: number): void {
  const ceiling = snowflake.ceilingToSave(at)
  if (ceiling !== null) snowflake.reserve(ceiling)
}

function minted(id: Id64 | string): Id64 {
  if (typeof id === 'string') throw new Error(`refused: ${id}`)
  return id
}

describe('layout', () => {
  test.each([
    [1, epochMs + 1, 0x0000_0000_0040_1000n],
    [1023, epochMs + 1, 0x0000_0000_007f_f000n],
    [5, epochMs + 0x1ff_ffff_ffff, 0x7fff_ffff_ffc0_5000n],
    [682, 1_763_731_200_000, (28_041_600_000n << 22n) | (682n << 12n)],
  ])('machine %i at %i (golden)', (machine, at, value) => {
    const id = minted(ready(machine, at).next(at))
    expect(id64ToBigInt(id)).toBe(value)
    expect(snowflakeParts(id)).toEqual({ ms: at, machine, counter: 0 })
  })

  test('4,096 in one ms, then the next ms', () => {
    const snowflake = ready(1023)
    const ids = Array.from({ length: idsPerMs + 1 }, () => minted(snowflake.next(now)))
    expect(snowflakeParts(ids[0]!)).toEqual({ ms: now, machine: 1023, counter: 0 })
    expect(snowflakeParts(ids[4095]!)).toEqual({ ms: now, machine: 1023, counter: 4095 })
    expect(snowflakeParts(ids[4096]!)).toEqual({ ms: now + 1, machine: 1023, counter: 0 })
  })

  test('the last ms of the epoch mints, the one after refuses', () => {
    const last = epochMs + 2 ** 41 - 1
    const snowflake = ready(1, last)
    for (let i = 0; i < idsPerMs; i++) {
      expect(id64ToBigInt(minted(snowflake.next(last))) < 1n << 63n).toBe(true)
    }
    expect(snowflake.next(last)).toBe('epoch-over')
    expect(snowflake.next(last + 1)).toBe('epoch-over')
  })

  test('before the epoch there are no ids', () => {
    expect(new Snowflake(1, 0).next(epochMs - maxLeadMs - 1)).toBe('clock-behind')
    expect(new Snowflake(1, 0).next(Number.NaN)).toBe('clock-behind')
    expect(new Snowflake(1, 0).ceilingToSave(Number.NaN)).toBeNull()
  })

  test('IDS-10, IDS-11: a machine outside 1..1023, a ceiling that is no time', () => {
    expect(() => new Snowflake(0, 0)).toThrow('IDS-10')
    expect(() => new Snowflake(1024, 0)).toThrow('IDS-10')
    expect(() => new Snowflake(1, -1)).toThrow('IDS-11')
    expect(() => new Snowflake(1, 0).reserve(Number.NaN)).toThrow('IDS-11')
  })
})

describe('ceiling', () => {
  test('nothing is minted before one is saved', () => {
    const snowflake = new Snowflake(1, 0)
    expect(snowflake.next(now)).toBe('needs-ceiling')
    expect(snowflake.ceilingToSave(now)).toBe(now + reserveAheadMs)
    snowflake.reserve(now + reserveAheadMs)
    expect(snowflake.ceilingToSave(now)).toBeNull()
    minted(snowflake.next(now))
  })

  test('is asked for while reserveMarginMs are left, and binds at its very ms', () => {
    const snowflake = ready()
    const ceiling = now + reserveAheadMs
    expect(snowflake.ceilingToSave(ceiling - reserveMarginMs - 1)).toBeNull()
    expect(snowflake.ceilingToSave(ceiling - reserveMarginMs)).toBe(
      ceiling - reserveMarginMs + reserveAheadMs,
    )
    minted(snowflake.next(ceiling - 1))
    expect(snowflake.next(ceiling)).toBe('needs-ceiling')
    snowflake.reserve(now) // an old answer changes nothing
    expect(snowflake.next(ceiling)).toBe('needs-ceiling')
  })

  test('a restart starts at the saved ceiling, also when the clock is below it', () => {
    const saved = now + reserveAheadMs
    const again = ready(1, now, saved)
    expect(snowflakeParts(minted(again.next(now))).ms).toBe(saved)
  })
})

describe('a clock that steps back', () => {
  test('goes on with the last ms, and refuses beyond the bound until it has caught up', () => {
    const snowflake = ready()
    minted(snowflake.next(now))
    expect(snowflakeParts(minted(snowflake.next(now - maxLeadMs)))).toMatchObject({
      ms: now,
      counter: 1,
    })
    expect(snowflake.isBehind(now - maxLeadMs)).toBe(false)
    expect(snowflake.isBehind(now - maxLeadMs - 1)).toBe(true)
    expect(snowflake.next(now - maxLeadMs - 1)).toBe('clock-behind')
    expect(snowflake.ceilingToSave(now - maxLeadMs - 1)).toBeNull()
    expect(snowflakeParts(minted(snowflake.next(now))).counter).toBe(2)
  })

  test('a burst runs ahead of the clock no further than the bound', () => {
    const snowflake = ready()
    snowflake.reserve(now + 10 * maxLeadMs)
    // Skip ahead of the clock by a step, then mint until refused.
    minted(snowflake.next(now + maxLeadMs))
    for (let i = 1; i < idsPerMs; i++) minted(snowflake.next(now))
    expect(snowflake.next(now)).toBe('clock-behind')
    minted(snowflake.next(now + 1))
  })
})

describe('never repeats (P7)', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ mint: fc.integer({ min: 1, max: 5_000 }) }) },
    { weight: 4, arbitrary: fc.record({ move: fc.integer({ min: -20_000, max: 20_000 }) }) },
    { weight: 2, arbitrary: fc.record({ restart: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ save: fc.boolean() }) },
  )

  test('under any clock, any restarts, and saves that come late or not at all', () => {
    const oneRun = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let clock = now
      let saved = 0
      let snowflake = new Snowflake(1, saved)
      let last = -1n
      for (const it of steps) {
        if ('move' in it) clock = Math.max(clock + it.move, epochMs)
        else if ('restart' in it) snowflake = new Snowflake(1, saved)
        else if ('save' in it) {
          const ceiling = snowflake.ceilingToSave(clock)
          if (ceiling === null) continue
          saved = Math.max(saved, ceiling) // durable first; whether the mint learns it is chance
          if (it.save) snowflake.reserve(ceiling)
        } else {
          for (let i = 0; i < it.mint; i++) {
            const id = snowflake.next(clock)
            if (typeof id === 'string') break
            const value = (BigInt(id.high) << 32n) | BigInt(id.low)
            if (value <= last) throw new Error(`${value} after ${last}`)
            if (snowflakeParts(id).ms >= saved) throw new Error('minted above the saved ceiling')
            last = value
          }
        }
      }
    })
    fc.assert(oneRun, { numRuns: 60 })
  })

  test('a million ids on each of 3 machines, with clock steps and a restart: distinct', () => {
    for (const machine of [1, 2, 1023]) {
      let snowflake = ready(machine)
      let clock = now
      let saved = now + reserveAheadMs // as ready() reserved
      let last = -1
      for (let i = 0; i < 1_000_000; i++) {
        if (i % 5_000 === 0) clock += i % 50_000 === 0 ? -30 : 20
        if (i === 500_000) snowflake = new Snowflake(machine, saved)
        if (i % 1_000 === 0) {
          const ceiling = snowflake.ceilingToSave(clock) ?? saved
          saved = Math.max(saved, ceiling)
          snowflake.reserve(saved)
        }
        const id = minted(snowflake.next(clock))
        // In order and of one machine each: distinct, without holding three million of them.
        const rest = id.low & 0x3fffff
        const value = (id.high * 1024 + (id.low >>> 22)) * idsPerMs + (rest & 0xfff)
        if (value <= last || rest >>> 12 !== machine) throw new Error(`${value} after ${last}`)
        last = value
      }
    }
  })
})
