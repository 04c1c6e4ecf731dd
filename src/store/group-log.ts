import { assert } from '../assert.ts'
import type { ConfState, Entry, HardState, Index, Snapshot, Term } from '../raft/entry.ts'
import { emptyConfState, emptyHardState } from '../raft/entry.ts'
import type { StorageView } from '../raft/storage-view.ts'
import { Compacted, Unavailable } from '../raft/storage-view.ts'
import { confsFrom, withConf } from './conf-history.ts'
import type { ConfAt, Step } from './log.ts'
import { TermRuns } from './term-runs.ts'
import { isUpToDate, laterOf } from './up-to-date.ts'

/** The entry behind which a log starts, and its term. (0, 0): the log starts at 1. */
export interface Marker {
  readonly index: Index
  readonly term: Term
}

/** What a group's log is besides its entries. */
export interface GroupState {
  readonly hardState: HardState
  readonly marker: Marker
  /** What the last removal has left to be made good, paid or not; null: nothing. */
  readonly owed: Marker | null
  /** The members as of the marker or before, then each later change that was applied. */
  readonly confs: readonly ConfAt[]
}

/** What stays of a group that is removed. */
export interface Memory {
  readonly hardState: HardState | null
  readonly owed: Marker | null
}

/** Counted for an entry besides its payload, bytes. The core counts as many. */
const entryOverheadBytes = 16

export function entryBytes(entry: Entry): number {
  return entry.data.length + entryOverheadBytes
}

const noEntries: readonly Entry[] = []

/**
 * The log of one group as the core reads it: pointers, terms and members of all of it, entries as
 * far as memory holds them. Changed only by the log that owns it.
 */
export class GroupLog implements StorageView {
  #hardState: HardState = emptyHardState
  #marker: Marker = { index: 0, term: 0 }
  #owed: Marker | null = null
  #confs: readonly ConfAt[] = []
  #runs = new TermRuns(0, 0)
  #last: Index = 0
  /** Entries in memory: a tail of the log, from `#heldFrom` on. */
  #held: Entry[] = []
  #heldFrom: Index = 1
  #heldBytes = 0
  /** Entries read back from the disk for whoever lags; contiguous. */
  #back: readonly Entry[] = noEntries
  #missing: { readonly lo: Index; readonly hi: Index } | null = null
  #snapshot: Snapshot | null = null
  #snapshotWanted = false

  // --- what the core asks (StorageView) ---

  initialState(): { readonly hardState: HardState; readonly conf: ConfState } {
    return { hardState: this.#hardState, conf: this.conf?.conf ?? emptyConfState }
  }

  firstIndex(): Index {
    return this.#marker.index + 1
  }

  lastIndex(): Index {
    return this.#last
  }

  term(index: Index): Term {
    if (index < this.#marker.index) throw new Compacted()
    if (index > this.#last) throw new Unavailable()
    return this.#runs.at(index)
  }

  entries(lo: Index, hi: Index, maxBytes: number): readonly Entry[] {
    if (lo <= this.#marker.index) throw new Compacted()
    assert(lo < hi && hi <= this.#last + 1, 'STORE-2', { lo, hi, last: this.#last })
    if (lo >= this.#heldFrom) return take(this.#held, lo - this.#heldFrom, hi - lo, maxBytes)
    const from = this.#back[0]?.index ?? 0
    const back = this.#back.length
    if (from > 0 && lo >= from && lo < from + back)
      return take(this.#back, lo - from, hi - lo, maxBytes)
    this.#missing = { lo, hi: Math.min(hi, this.#heldFrom) }
    throw new Unavailable()
  }

  snapshot(): Snapshot {
    if (this.#snapshot === null || this.#snapshot.meta.index < this.snapshotFrom) {
      this.#snapshotWanted = true
      throw new Unavailable()
    }
    return this.#snapshot
  }

  // --- what the host asks ---

  /** There is no log to start from: the group was never here, or it was removed. */
  get isNew(): boolean {
    return this.#marker.index === 0 && this.#last === 0 && this.#confs.length === 0
  }

  /** Nothing was ever stored for this group, not even a term. */
  get isUnknown(): boolean {
    return this.isNew && this.#hardState.term === 0 && this.#owed === null
  }

  /** The last entry that this log knows to be committed, as far as its own records prove it. */
  get proven(): Marker {
    const index = Math.max(this.#hardState.commit, this.#marker.index)
    return { index, term: this.term(index) }
  }

  /**
   * The group was removed here when its log had reached so far, and does not know as committed an
   * entry that is up to date with that. Null: it owes nothing, or nothing any more. What it has once
   * paid stays paid, as what is committed stays.
   */
  get owed(): Marker | null {
    return this.#owed === null || isUpToDate(this.proven, this.#owed) ? null : this.#owed
  }

  /**
   * A snapshot from below is not to be offered: it is cut off from the entries, or of members before
   * those that are in force here.
   */
  get snapshotFrom(): Index {
    return Math.max(this.#marker.index, this.conf?.index ?? 0)
  }

  get marker(): Marker {
    return this.#marker
  }

  /** The newest known members. */
  get conf(): ConfAt | null {
    return this.#confs[this.#confs.length - 1] ?? null
  }

  /** Members as of `index`, which is not below the marker. */
  confAt(index: Index): ConfState {
    let found = emptyConfState
    for (const at of this.#confs) if (at.index <= index) found = at.conf
    return found
  }

  /** Forgets members that were adopted above `applied`: the core applies those changes again. */
  startAt(applied: Index): void {
    const known = this.#confs.filter((at, i) => i === 0 || at.index <= applied)
    this.#confs = known
  }

  /** The range that a read found neither in memory nor read back; asked once. */
  takeMissing(): { readonly lo: Index; readonly hi: Index } | null {
    const missing = this.#missing
    this.#missing = null
    return missing
  }

  /** The core looked for a snapshot and found none; asked once. */
  takeSnapshotWanted(): boolean {
    const wanted = this.#snapshotWanted
    this.#snapshotWanted = false
    return wanted
  }

  /** The snapshot that the core may send. Null: none. */
  offerSnapshot(snapshot: Snapshot | null): void {
    this.#snapshot = snapshot
  }

  // --- what the owning log does ---

  get state(): GroupState {
    const [hardState, marker] = [this.#hardState, this.#marker]
    return { hardState, marker, owed: this.#owed, confs: this.#confs }
  }

  /** Bytes of entries in memory. */
  get bytes(): number {
    return this.#heldBytes
  }

  get heldFrom(): Index {
    return this.#heldFrom
  }

  /** Takes a step. Entries must follow on what is there. */
  step({ hardState, entries, snapshot, conf }: Step): void {
    if (snapshot !== null) {
      this.reset(snapshot)
      this.#confs = [{ index: snapshot.index, conf: snapshot.conf }]
    }
    if (entries.length > 0) this.#append(entries)
    if (hardState !== null) this.#hardState = hardState
    if (conf !== null) this.#confs = withConf(this.#confs, conf)
  }

  /** An empty log behind `marker`. */
  reset(marker: Marker): void {
    this.#marker = { index: marker.index, term: marker.term }
    this.#last = marker.index
    this.#runs = new TermRuns(marker.index, marker.term)
    this.#hold([], marker.index + 1)
    this.#back = noEntries
  }

  /** For its next life here. It owes its last entry, and an older debt that is larger. */
  get memory(): Memory {
    const { term, vote } = this.#hardState
    const last = { index: this.#last, term: this.#runs.at(this.#last) }
    const owed = this.#last === 0 ? this.#owed : laterOf(this.#owed, last)
    return { hardState: term === 0 ? null : { term, vote, commit: 0 }, owed }
  }

  /** An empty log takes over what an earlier life of the group has left. */
  remember({ hardState, owed }: Memory): void {
    if (hardState !== null) this.#hardState = hardState
    this.#owed = owed
  }

  /** Drops entries up to `upTo`, at most all. */
  compact(upTo: Index): void {
    if (upTo <= this.#marker.index) return
    assert(upTo <= this.#last, 'STORE-2', { upTo, last: this.#last })
    this.#marker = { index: upTo, term: this.#runs.at(upTo) }
    this.#runs.cutBelow(upTo)
    if (upTo >= this.#heldFrom) this.evict(upTo)
    const read = this.#back[this.#back.length - 1]
    if (read !== undefined && read.index <= upTo) this.#back = noEntries
    this.#confs = confsFrom(this.#confs, upTo)
  }

  /** Drops entries up to `upTo` from memory only. */
  evict(upTo: Index): void {
    const count = Math.min(upTo + 1 - this.#heldFrom, this.#held.length)
    if (count <= 0) return
    for (let i = 0; i < count; i++) this.#heldBytes -= entryBytes(this.#held[i] as Entry)
    this.#held.splice(0, count)
    this.#heldFrom += count
  }

  /** The index up to which memory must be freed to win `bytes`, not above `limit`. */
  evictionPoint(bytes: number, limit: Index): Index {
    let won = 0
    let index = this.#heldFrom - 1
    for (const entry of this.#held) {
      if (won >= bytes || entry.index > limit) break
      won += entryBytes(entry)
      index = entry.index
    }
    return index
  }

  readBack(entries: readonly Entry[]): void {
    this.#back = entries
  }

  /** Takes hard state and members as they were at a point of the log, at recovery. */
  restore(state: GroupState): void {
    this.#hardState = state.hardState
    this.#confs = state.confs
    this.#owed = state.owed
    if (state.marker.index > this.#last) this.reset(state.marker)
    else this.compact(state.marker.index)
  }

  /** At recovery: entries from before the start, contiguous with it. */
  prepend(entries: readonly Entry[]): void {
    const older = entries.filter((entry) => entry.index <= this.#marker.index)
    const [first] = older
    if (first === undefined) return
    if (this.#heldFrom === this.#marker.index + 1) {
      this.#hold([...older, ...this.#held], first.index)
    }
    this.#marker = { index: first.index - 1, term: 0 }
    this.#runs = this.#runs.behind(this.#marker, older)
  }

  /** At recovery: the log starts behind `marker`, at which or before which it was found to start. */
  settle(marker: Marker): void {
    this.compact(marker.index)
    assert(this.#marker.index === marker.index, 'STORE-2', { marker, found: this.#marker })
    this.#marker = marker
    this.#runs = this.#runs.behind(marker, [])
  }

  setCommit(commit: Index): void {
    this.#hardState = { ...this.#hardState, commit }
  }

  clone(): GroupLog {
    const copy = new GroupLog()
    copy.#hardState = this.#hardState
    copy.#marker = this.#marker
    copy.#owed = this.#owed
    copy.#confs = this.#confs
    copy.#runs = this.#runs.clone()
    copy.#last = this.#last
    copy.#held = this.#held.slice()
    copy.#heldFrom = this.#heldFrom
    copy.#heldBytes = this.#heldBytes
    return copy
  }

  #append(entries: readonly Entry[]): void {
    const first = (entries[0] as Entry).index
    assert(first > this.#marker.index, 'STORE-2', { first, marker: this.#marker.index })
    assert(first <= this.#last + 1, 'STORE-2', { first, last: this.#last })
    if (first <= this.#last) this.#truncate(first)
    for (const entry of entries) {
      assert(entry.index === this.#last + 1, 'STORE-2', { index: entry.index, last: this.#last })
      this.#runs.push(entry.index, entry.term)
      this.#held.push(entry)
      this.#heldBytes += entryBytes(entry)
      this.#last = entry.index
    }
  }

  #truncate(from: Index): void {
    this.#runs.cutFrom(from)
    this.#last = from - 1
    // A read-back entry is committed, but recovery may cut what memory has let go of.
    if (from < this.#heldFrom) this.#hold([], from)
    else this.#hold(this.#held.slice(0, from - this.#heldFrom), this.#heldFrom)
    this.#back = noEntries
  }

  #hold(entries: Entry[], from: Index): void {
    this.#held = entries
    this.#heldFrom = from
    this.#heldBytes = 0
    for (const entry of entries) this.#heldBytes += entryBytes(entry)
  }
}

/** At most `count` entries of `list` from `at` on: at least one, then as many as fit. */
function take(
  list: readonly Entry[],
  at: number,
  count: number,
  maxBytes: number,
): readonly Entry[] {
  const limit = Math.min(at + count, list.length)
  let bytes = 0
  let end = at
  while (end < limit) {
    bytes += entryBytes(list[end] as Entry)
    if (bytes > maxBytes && end > at) break
    end++
  }
  return list.slice(at, end)
}
