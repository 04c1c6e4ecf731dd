import type { Counter, Histogram, Metrics } from '../ports.ts'
import type { KeyRange } from './store.ts'

/** What is asked of the database; ranges are half-open, sizes what its table files take. */
export interface SpaceTarget {
  size(range: KeyRange): Promise<number>
  compact(range: KeyRange): Promise<void>
}

/** Rewritten at once at most, bytes of table files; one key's neighbourhood may exceed it. */
const pieceBytes = 64 * 1024 * 1024
/** A range is rewritten when this share of it is gone: so each removed byte costs at most so many written. */
const leastShare = 1 / 4
/** Halvings of a range on the way to a piece: as many as its keys have bits. */
const maxDepth = 8 * 40

/**
 * Gives the disk back what was removed. LevelDB drops removed rows only when it rewrites the files
 * that hold them, which it does for ranges that are written to; what was removed from a quiet one
 * would stay for ever (measured: 43 of 72 MiB after everything was removed). One range at a time, in
 * pieces, so that a sync of the store waits for one piece at most.
 */
export class Space {
  readonly #target: SpaceTarget
  readonly #ranges: Counter
  readonly #pieces: Histogram
  #isBusy = false
  #ended = false

  constructor(target: SpaceTarget, metrics: Metrics) {
    this.#target = target
    this.#ranges = metrics.counter(
      'store_reclaimed_ranges_total',
      'Ranges rewritten to give back the space of removed rows',
    )
    this.#pieces = metrics.histogram(
      'store_reclaim_piece_seconds',
      'Time to rewrite one piece of such a range',
      [0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    )
  }

  /** False: another is under way, or so little of it is gone that it is not worth while yet. */
  async reclaim(range: KeyRange, removedBytes: number): Promise<boolean> {
    if (this.#isBusy || this.#ended) return false
    this.#isBusy = true
    try {
      const size = await this.#target.size(range)
      if (removedBytes < size * leastShare) return false
      this.#ranges.add()
      await this.#rewrite(range, size, 0)
      return true
    } finally {
      this.#isBusy = false
    }
  }

  /** No further piece is begun. */
  end(): void {
    this.#ended = true
  }

  async #rewrite(range: KeyRange, size: number, depth: number): Promise<void> {
    if (this.#ended) return
    const middle = size > pieceBytes && depth < maxDepth ? middleOf(range) : null
    if (middle === null) {
      const began = performance.now()
      await this.#target.compact(range)
      this.#pieces.observe((performance.now() - began) / 1_000)
      return
    }
    for (const half of [
      { gte: range.gte, lt: middle },
      { gte: middle, lt: range.lt },
    ]) {
      const part = await this.#target.size(half)
      // Nothing lies there, but for what a neighbour's file covers.
      if (part > 0) await this.#rewrite(half, part, depth + 1)
    }
  }
}

/** A key half-way between the ends, as numbers; null: there is none. */
export function middleOf({ gte, lt }: KeyRange): Uint8Array | null {
  const length = Math.max(gte.length, lt.length)
  const [low, high] = [numberOf(gte, length), numberOf(lt, length)]
  const middle = (low + high) >> 1n
  if (middle <= low) return null
  const key = new Uint8Array(length)
  let rest = middle
  for (let at = length - 1; at >= 0; at--) {
    key[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return key
}

function numberOf(key: Uint8Array, length: number): bigint {
  let value = 0n
  for (let at = 0; at < length; at++) value = (value << 8n) | BigInt(key[at] ?? 0)
  return value
}
