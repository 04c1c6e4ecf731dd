import { assert, sometimes } from '../assert.ts'
import { isNodeIndex } from './node-index.ts'
import type { NodeIndex } from './node-index.ts'

/** An unsigned 64-bit number as two unsigned 32-bit halves: no BigInt where ids are minted. */
export interface Id64 {
  readonly high: number
  readonly low: number
}

/** 2025-01-01T00:00:00Z, ms since 1970. Frozen: changing it repeats ids. Lasts until September 2094. */
export const epochMs = 1_735_689_600_000

/** Layout, from the top: a zero bit, 41 of ms since the epoch, 10 of machine, 12 of counter. Frozen. */
export const timeBits = 41
export const idsPerMs = 4096

/** How far ahead of its use a ceiling is asked for. */
export const reserveAheadMs = 3_000

/** Less than this left below the ceiling: time to save the next one. */
export const reserveMarginMs = 1_000

/**
 * How far minting may run ahead of the clock: after a step back, after a restart below the ceiling,
 * or in a burst above 4,096 a ms. Above it `next` refuses until the clock has caught up. Must exceed
 * reserveAheadMs, or a quick restart would refuse.
 */
export const maxLeadMs = 10_000

/**
 * Why no id was minted. `clock-behind`: the clock is more than maxLeadMs behind what was minted;
 * wait or repair it. `needs-ceiling`: save ceilingToSave() and call reserve(). `epoch-over`: the
 * 41 bits are used up.
 */
export type MintRefusal = 'clock-behind' | 'needs-ceiling' | 'epoch-over'

/**
 * Mints ids that never repeat in the cluster (P7): the machine number is granted once, and the ms
 * never goes back. Durable is only the ceiling: every id ever minted has a ms below it, it is saved
 * before use, and a restart starts at it. Pure: the caller brings the clock and saves the ceiling.
 */
export class Snowflake {
  readonly machine: NodeIndex
  #ms: number
  #counter = 0
  #ceiling: number

  /**
   * `savedCeilingMs`: what the last life saved, ms since 1970; 0 for a machine number never used.
   * Nothing can be minted before the first reserve().
   */
  constructor(machine: NodeIndex, savedCeilingMs: number) {
    assert(isNodeIndex(machine), 'IDS-10', { machine })
    assert(Number.isSafeInteger(savedCeilingMs) && savedCeilingMs >= 0, 'IDS-11', {
      savedCeilingMs,
    })
    this.machine = machine
    this.#ms = Math.max(savedCeilingMs, epochMs)
    this.#ceiling = this.#ms
  }

  /** One id, or why not. `nowMs`: wall clock, ms since 1970. */
  next(nowMs: number): Id64 | MintRefusal {
    const now = Math.floor(nowMs)
    let ms = this.#ms
    let counter = this.#counter
    if (now > ms) {
      ms = now
      counter = 0
    } else if (counter === idsPerMs) {
      sometimes(true, 'ids: counter overflow')
      ms++
      counter = 0
    }
    // Written so that a NaN clock refuses as well.
    if (!(ms - now <= maxLeadMs)) return 'clock-behind'
    if (ms - epochMs >= 2 ** timeBits) return 'epoch-over'
    if (ms >= this.#ceiling) return 'needs-ceiling'
    sometimes(now < ms, 'ids: minted ahead of the clock')
    this.#ms = ms
    this.#counter = counter + 1
    return layOut(ms - epochMs, this.machine, counter)
  }

  /** `next` would refuse with `clock-behind`. */
  isBehind(nowMs: number): boolean {
    return !(this.#ms - Math.floor(nowMs) <= maxLeadMs)
  }

  /**
   * The ceiling to save next, ms since 1970; null while enough is reserved. Ask at start, on a
   * timer of reserveMarginMs / 2 or less, and after `needs-ceiling`.
   */
  ceilingToSave(nowMs: number): number | null {
    const reach = Math.max(Math.floor(nowMs), this.#ms)
    if (!(reach - nowMs <= maxLeadMs)) return null
    return this.#ceiling - reach > reserveMarginMs ? null : reach + reserveAheadMs
  }

  /** `untilMs` is durable: ids below it may be minted. A lower one than before changes nothing. */
  reserve(untilMs: number): void {
    assert(Number.isSafeInteger(untilMs), 'IDS-11', { untilMs })
    this.#ceiling = Math.max(this.#ceiling, untilMs)
  }
}

/** When, where and in which order an id was minted. `ms` since 1970. */
export function snowflakeParts(id: Id64): { ms: number; machine: NodeIndex; counter: number } {
  return {
    ms: id.high * 1024 + (id.low >>> 22) + epochMs,
    machine: (id.low >>> 12) & 0x3ff,
    counter: id.low & 0xfff,
  }
}

export function id64ToBigInt(id: Id64): bigint {
  return (BigInt(id.high) << 32n) | BigInt(id.low)
}

function layOut(ms: number, machine: NodeIndex, counter: number): Id64 {
  return {
    high: Math.floor(ms / 1024),
    low: (((ms & 0x3ff) << 22) | (machine << 12) | counter) >>> 0,
  }
}
