import type { Index } from '../raft/entry.ts'

/** Where a record with entries of a group lies. */
export interface Position {
  readonly segment: number
  readonly offset: number
  readonly bytes: number
}

/** The entries of a position that still count: [from, to]. */
export interface Located extends Position {
  readonly from: Index
  readonly to: Index
}

/**
 * Where the durable entries of one group lie: one position per record, sorted by first index. A
 * record counts up to the next one's first index, since a later append cuts what it overlaps. As
 * many positions as records since the last compaction: four numbers each.
 */
export class PositionIndex {
  #firsts: Index[] = []
  #positions: Position[] = []
  #last: Index = 0

  /** Highest index with a position; 0 when there is none. */
  get last(): Index {
    return this.#firsts.length === 0 ? 0 : this.#last
  }

  /**
   * The oldest segment that holds an entry; null when none does. Segments rise with the index, but
   * for the first position, which may have been written again at the end.
   */
  get oldestSegment(): number | null {
    const [first, second] = this.#positions
    if (first === undefined) return null
    return second === undefined ? first.segment : Math.min(first.segment, second.segment)
  }

  /** Entries [first, last] were appended at `position`. */
  add(first: Index, last: Index, position: Position): void {
    this.#cutFrom(first)
    this.#firsts.push(first)
    this.#positions.push(position)
    this.#last = last
  }

  /**
   * Entries [first, last], the oldest here, were written again at `position`. They may end within a
   * record, when that one overwrote what was to be written again: the rest of it stays where it is.
   */
  relocate(first: Index, last: Index, position: Position): void {
    let drop = 0
    while (drop < this.#firsts.length && (this.#firsts[drop] as Index) <= last) drop++
    const cut = this.#positions[drop - 1]
    const isCut = cut !== undefined && (this.#firsts[drop] ?? this.#last + 1) > last + 1
    this.#firsts.splice(0, drop, first, ...(isCut ? [last + 1] : []))
    this.#positions.splice(0, drop, position, ...(isCut ? [cut] : []))
    if (this.#firsts.length === 1) this.#last = Math.max(this.#last, last)
  }

  /** Entries up to `index` are not needed. */
  dropTo(index: Index): void {
    if (index >= this.#last) return this.clear()
    let drop = 0
    while (drop + 1 < this.#firsts.length && (this.#firsts[drop + 1] as Index) <= index + 1) drop++
    if (drop === 0) return
    this.#firsts.splice(0, drop)
    this.#positions.splice(0, drop)
  }

  clear(): void {
    this.#firsts = []
    this.#positions = []
    this.#last = 0
  }

  /** The positions of [lo, hi), in order; what has none is left out. */
  *locate(lo: Index, hi: Index): Generator<Located> {
    let at = this.#firsts.length - 1
    while (at > 0 && (this.#firsts[at] as Index) > lo) at--
    for (; at >= 0 && at < this.#firsts.length; at++) {
      const from = this.#firsts[at] as Index
      if (from >= hi) return
      const to = (this.#firsts[at + 1] ?? this.#last + 1) - 1
      if (to >= lo) yield { ...(this.#positions[at] as Position), from, to }
    }
  }

  /** All entries up to the last one that lies in `segment`, the oldest, with their bytes; null: none does. */
  pinned(segment: number): { readonly to: Index; readonly bytes: number } | null {
    let bytes = 0
    let count = 0
    for (const position of this.#positions) {
      if (count > 0 && position.segment !== segment) break
      bytes += position.bytes
      count++
    }
    if (this.oldestSegment !== segment) return null
    return { to: (this.#firsts[count] ?? this.#last + 1) - 1, bytes }
  }

  #cutFrom(index: Index): void {
    while (this.#firsts.length > 0 && (this.#firsts[this.#firsts.length - 1] as Index) >= index) {
      this.#firsts.pop()
      this.#positions.pop()
    }
  }
}
