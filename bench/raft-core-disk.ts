import type { ConfState, Entry, HardState, Index, Snapshot, Term } from '../src/raft/entry.ts'
import { emptyHardState } from '../src/raft/entry.ts'
import type { StorageView } from '../src/raft/storage-view.ts'
import { Compacted, Unavailable } from '../src/raft/storage-view.ts'

const keptEntries = 4_096

/** A log in memory that keeps a few thousand applied entries and never loses anything. */
export class BenchDisk implements StorageView {
  readonly #conf: ConfState
  #entries: Entry[] = []
  #base: Index = 0
  #baseTerm: Term = 0

  constructor(conf: ConfState) {
    this.#conf = conf
  }

  initialState(): { hardState: HardState; conf: ConfState } {
    return { hardState: emptyHardState, conf: this.#conf }
  }

  firstIndex(): Index {
    return this.#base + 1
  }

  lastIndex(): Index {
    return this.#base + this.#entries.length
  }

  term(index: Index): Term {
    if (index === this.#base) return this.#baseTerm
    if (index < this.#base) throw new Compacted()
    return (this.#entries[index - this.#base - 1] as Entry).term
  }

  entries(lo: Index, hi: Index, maxBytes: number): readonly Entry[] {
    if (lo <= this.#base) throw new Compacted()
    let bytes = 0
    let end = lo
    for (; end < hi; end++) {
      bytes += (this.#entries[end - this.#base - 1] as Entry).data.length
      if (bytes > maxBytes && end > lo) break
    }
    return this.#entries.slice(lo - this.#base - 1, end - this.#base - 1)
  }

  snapshot(): Snapshot {
    throw new Unavailable()
  }

  write(entries: readonly Entry[]): void {
    const first = entries[0]
    if (first === undefined) return
    this.#entries.length = first.index - this.#base - 1
    for (const entry of entries) this.#entries.push(entry)
  }

  applied(index: Index): void {
    if (index - this.#base < 2 * keptEntries) return
    const cut = index - keptEntries
    this.#baseTerm = this.term(cut)
    this.#entries = this.#entries.slice(cut - this.#base)
    this.#base = cut
  }
}
