import type { ConfState, Entry, HardState, Index, Snapshot, Term } from '../../../src/raft/entry.ts'
import { emptyHardState } from '../../../src/raft/entry.ts'
import { entryBytes } from '../../../src/raft/log.ts'
import type { Ready } from '../../../src/raft/ready.ts'
import type { StorageView } from '../../../src/raft/storage-view.ts'
import { Compacted, Unavailable } from '../../../src/raft/storage-view.ts'

type Record = Pick<Ready, 'hardState' | 'entries' | 'snapshot'>

/** A log as one sees it after some records. */
class Image {
  hardState: HardState = emptyHardState
  /** The entry before the first: what a snapshot covers. */
  base: Index = 0
  baseTerm: Term = 0
  entries: Entry[] = []
  snapshot: Snapshot | null = null

  get lastIndex(): Index {
    return this.base + this.entries.length
  }

  apply(record: Record): void {
    if (record.snapshot !== null) {
      this.snapshot = record.snapshot
      this.base = record.snapshot.meta.index
      this.baseTerm = record.snapshot.meta.term
      this.entries = []
    }
    const first = record.entries[0]
    if (first !== undefined) {
      if (first.index > this.lastIndex + 1) throw new Error(`hole before ${first.index}`)
      this.entries.length = first.index - this.base - 1
      for (const entry of record.entries) this.entries.push(entry)
    }
    if (record.hardState !== null) this.hardState = record.hardState
  }

  term(index: Index): Term {
    if (index === this.base) return this.baseTerm
    if (index < this.base) throw new Compacted()
    const entry = this.entries[index - this.base - 1]
    if (entry === undefined) throw new Unavailable()
    return entry.term
  }

  compact(index: Index): void {
    if (index <= this.base || index > this.lastIndex) return
    const term = this.term(index)
    this.entries = this.entries.slice(index - this.base)
    this.base = index
    this.baseTerm = term
  }
}

/** A log that forgets what was not synced. */
export class MemoryDisk implements StorageView {
  readonly conf: ConfState
  /** Entries up to here are on the disk only: reading them throws until `load`. */
  coldTo: Index = 0
  /** There is no snapshot at hand: one has to be made first. */
  hasNoSnapshot = false
  #written = new Image()
  #durable = new Image()
  #pending: Record[] = []
  #snapshot: Snapshot | null = null

  constructor(conf: ConfState) {
    this.conf = conf
  }

  initialState(): { hardState: HardState; conf: ConfState } {
    return { hardState: this.#written.hardState, conf: this.conf }
  }

  firstIndex(): Index {
    return this.#written.base + 1
  }

  lastIndex(): Index {
    return this.#written.lastIndex
  }

  term(index: Index): Term {
    return this.#written.term(index)
  }

  entries(lo: Index, hi: Index, maxBytes: number): readonly Entry[] {
    const { base, entries } = this.#written
    if (lo <= base) throw new Compacted()
    if (hi > this.lastIndex() + 1) throw new Unavailable()
    if (lo <= this.coldTo) throw new Unavailable()
    let end = lo - base
    let bytes = entryBytes(entries[end - 1] as Entry)
    while (end < hi - base - 1) {
      bytes += entryBytes(entries[end] as Entry)
      if (bytes > maxBytes) break
      end++
    }
    return entries.slice(lo - base - 1, end)
  }

  snapshot(): Snapshot {
    if (this.#snapshot === null || this.hasNoSnapshot) throw new Unavailable()
    return this.#snapshot
  }

  /** Visible at once, durable after `sync`. */
  write(record: Record): void {
    this.#pending.push(record)
    this.#written.apply(record)
    if (record.snapshot !== null) this.#snapshot = record.snapshot
  }

  sync(): void {
    for (const record of this.#pending) this.#durable.apply(record)
    this.#pending = []
  }

  /** Power is lost: of the unsynced records only the first `kept` are there afterwards. */
  crash(kept: number): void {
    for (const record of this.#pending.slice(0, kept)) this.#durable.apply(record)
    this.#pending = []
    const { hardState, base, baseTerm, entries, snapshot } = this.#durable
    this.#written = new Image()
    Object.assign(this.#written, { hardState, base, baseTerm, entries: [...entries], snapshot })
    this.#snapshot = snapshot
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  /** Cuts the log up to `snapshot.meta.index`, which has been applied and synced. */
  compact(snapshot: Snapshot, keep = 0): void {
    const { index } = snapshot.meta
    this.#snapshot = snapshot
    for (const image of [this.#written, this.#durable]) {
      image.snapshot = snapshot
      image.compact(index - keep)
    }
  }

  /** Whether power loss now would leave (index, term). */
  holdsDurably(index: Index, term: Term): boolean {
    const { base, lastIndex } = this.#durable
    if (index < base) return true
    return index <= lastIndex && this.#durable.term(index) === term
  }

  get durableHardState(): HardState {
    return this.#durable.hardState
  }
}
