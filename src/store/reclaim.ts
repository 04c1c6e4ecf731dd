import type { GroupId } from '../ids/group-id.ts'
import type { Gauge, Metrics } from '../ports.ts'
import type { Entry, Index } from '../raft/entry.ts'
import { Unavailable } from '../raft/storage-view.ts'
import type { LogSlot } from './log-slot.ts'
import type { SegmentChain } from './segment-chain.ts'

/** A group that pins the oldest segment with more than this, bytes, is not written again: it will be cut, or its followers lag. */
const maxAgainBytes = 4 * 1024 * 1024

/**
 * Deletes the oldest segments as long as no group has an entry there (STORE-4). Hard states and
 * members never pin a segment, since each new one starts with all of them. Above the wished number
 * of segments, the few entries of quiet groups that pin the oldest are written again at the end.
 */
export class Reclaim {
  readonly #chain: SegmentChain
  readonly #slots: Map<GroupId, LogSlot>
  readonly #leaving: ReadonlySet<LogSlot>
  readonly #maxSegments: number
  readonly #load: (id: GroupId, lo: Index, hi: Index) => Promise<void>
  readonly #again: (slot: LogSlot, entries: readonly Entry[]) => void
  readonly #onFatal: (cause: unknown) => void
  readonly #segments: Gauge
  #busy: Promise<void> | null = null
  #asked = false
  #ended = false
  /** The segment whose groups are being written again. */
  #unpinning = 0

  constructor(deps: {
    chain: SegmentChain
    slots: Map<GroupId, LogSlot>
    leaving: ReadonlySet<LogSlot>
    maxSegments: number
    load: (id: GroupId, lo: Index, hi: Index) => Promise<void>
    again: (slot: LogSlot, entries: readonly Entry[]) => void
    onFatal: (cause: unknown) => void
    metrics: Metrics
  }) {
    this.#chain = deps.chain
    this.#slots = deps.slots
    this.#leaving = deps.leaving
    this.#maxSegments = deps.maxSegments
    this.#load = deps.load
    this.#again = deps.again
    this.#onFatal = deps.onFatal
    this.#segments = deps.metrics.gauge('log_segments', 'Segments on disk')
  }

  /** Something became durable that may have freed a segment. */
  consider(): void {
    if (this.#chain.length <= 1 || this.#ended) return
    this.#asked = true
    this.#busy ??= this.#run().then(
      () => {
        this.#busy = null
      },
      (cause: unknown) => {
        this.#ended = true
        this.#busy = null
        this.#onFatal(cause)
      },
    )
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#busy
  }

  async #run(): Promise<void> {
    while (this.#asked && !this.#ended) {
      this.#asked = false
      while (this.#chain.length > 1 && this.#isFree(this.#chain.oldest.number)) {
        await this.#chain.removeOldest()
      }
      this.#segments.set(this.#chain.length)
      const oldest = this.#chain.oldest.number
      if (this.#chain.length > this.#maxSegments && this.#unpinning !== oldest)
        await this.#unpin(oldest)
    }
  }

  #isFree(segment: number): boolean {
    if (this.#chain.oldest.readers > 0) return false
    for (const { positions } of [...this.#slots.values(), ...this.#leaving]) {
      const oldest = positions.oldestSegment
      if (oldest !== null && oldest <= segment) return false
    }
    return true
  }

  /** All pinning groups or none: one large group that stays would make the others' writing useless. */
  async #unpin(segment: number): Promise<void> {
    const pinning: { slot: LogSlot; to: Index }[] = []
    for (const slot of this.#slots.values()) {
      const pinned = slot.positions.pinned(segment)
      if (pinned === null) continue
      if (pinned.bytes > maxAgainBytes) return
      pinning.push({ slot, to: pinned.to })
    }
    this.#unpinning = segment
    for (const { slot, to } of pinning) {
      const entries = await this.#collect(slot, to)
      if (entries !== null && this.#slots.get(slot.id) === slot && isCurrent(slot, entries)) {
        this.#again(slot, entries)
      } else this.#unpinning = 0 // to be tried again, if it is pinned still
    }
  }

  /** Entries from the start of the log to `to`, in one piece: pieces would not join at recovery. */
  async #collect(slot: LogSlot, to: Index): Promise<readonly Entry[] | null> {
    const found: Entry[] = []
    for (let next = slot.log.firstIndex(); next <= to;) {
      if (to > slot.log.lastIndex()) return null // overwritten meanwhile: that unpinned it
      try {
        const some = slot.log.entries(next, to + 1, maxAgainBytes)
        found.push(...some)
        next += some.length
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error
        await this.#load(slot.id, next, to + 1)
        if (slot.log.firstIndex() > (found[0]?.index ?? next)) return null // cut meanwhile
      }
    }
    return found
  }
}

/** None was overwritten while they were gathered: written again, it would come back. Index and term tell an entry. */
function isCurrent({ log }: LogSlot, entries: readonly Entry[]): boolean {
  return entries.every(
    ({ index, term }) =>
      index < log.firstIndex() || (index <= log.lastIndex() && log.term(index) === term),
  )
}
