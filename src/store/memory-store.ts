import type { KeyRange, Op, Pair, RangeQuery, Store, StoreSnapshot } from './store.ts'

/**
 * The store in memory: for tests, and for simulated nodes, whose crash it survives or forgets as
 * asked. A sorted list of blocks would be faster to grow; it never holds much.
 */
export class MemoryStore implements Store {
  readonly doubtful = false
  #rows: Rows = { keys: [], values: [] }
  #synced: Rows = this.#rows
  /** The rows are shared with a snapshot or the synced image: copy before the next write. */
  #shared = true

  trust(): Promise<void> {
    return this.sync()
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const at = lowerBound(this.#rows.keys, key)
    const found = this.#rows.keys[at]
    const hit = found !== undefined && Buffer.compare(found, key) === 0
    return Promise.resolve(hit ? this.#rows.values[at] : undefined)
  }

  range(query: RangeQuery): Promise<Pair[]> {
    return Promise.resolve(select(this.#rows, query))
  }

  write(ops: readonly Op[]): Promise<void> {
    for (const { key, value } of ops) this.#put(key, value)
    return Promise.resolve()
  }

  deleteRange(range: KeyRange): Promise<void> {
    const from = lowerBound(this.#rows.keys, range.gte)
    const to = lowerBound(this.#rows.keys, range.lt)
    if (to > from) {
      const rows = this.#own()
      rows.keys.splice(from, to - from)
      rows.values.splice(from, to - from)
    }
    return Promise.resolve()
  }

  sync(): Promise<void> {
    this.#synced = this.#rows
    this.#shared = true
    return Promise.resolve()
  }

  snapshot(): StoreSnapshot {
    this.#shared = true
    return new MemorySnapshot(this.#rows)
  }

  close(): Promise<void> {
    return this.sync()
  }

  /** What a new process finds: all of it after a kill, what was synced after a loss of power. */
  reopened(after: 'kill' | 'power-loss'): MemoryStore {
    const next = new MemoryStore()
    next.#rows = after === 'kill' ? this.#rows : this.#synced
    next.#synced = this.#synced
    this.#shared = true
    return next
  }

  #put(key: Uint8Array, value: Uint8Array | null): void {
    const at = lowerBound(this.#rows.keys, key)
    const found = this.#rows.keys[at]
    const hit = found !== undefined && Buffer.compare(found, key) === 0
    if (!hit && value === null) return
    const rows = this.#own()
    if (value === null) {
      rows.keys.splice(at, 1)
      rows.values.splice(at, 1)
    } else if (hit) {
      rows.values[at] = value
    } else {
      rows.keys.splice(at, 0, key)
      rows.values.splice(at, 0, value)
    }
  }

  #own(): Rows {
    if (this.#shared) {
      this.#rows = { keys: this.#rows.keys.slice(), values: this.#rows.values.slice() }
      this.#shared = false
    }
    return this.#rows
  }
}

interface Rows {
  readonly keys: Uint8Array[]
  readonly values: Uint8Array[]
}

class MemorySnapshot implements StoreSnapshot {
  readonly #rows: Rows

  constructor(rows: Rows) {
    this.#rows = rows
  }

  async iterate(
    range: KeyRange,
    chunkBytes: number,
    chunk: (pairs: readonly Pair[]) => Promise<boolean>,
  ): Promise<void> {
    let pairs: Pair[] = []
    let bytes = 0
    for (const pair of select(this.#rows, range)) {
      pairs.push(pair)
      bytes += pair[0].length + pair[1].length
      if (bytes < chunkBytes) continue
      if (!(await chunk(pairs))) return
      pairs = []
      bytes = 0
    }
    if (pairs.length > 0) await chunk(pairs)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function select(rows: Rows, query: RangeQuery): Pair[] {
  const from = lowerBound(rows.keys, query.gte)
  const to = lowerBound(rows.keys, query.lt)
  const count = Math.max(0, Math.min(to - from, query.limit ?? Number.POSITIVE_INFINITY))
  const pairs: Pair[] = []
  for (let i = 0; i < count; i++) {
    const at = query.reverse === true ? to - 1 - i : from + i
    pairs.push([rows.keys[at] as Uint8Array, rows.values[at] as Uint8Array])
  }
  return pairs
}

/** Place of the first key that is not below `key`. */
function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (Buffer.compare(keys[middle] as Uint8Array, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
