import { sometimes } from '../assert.ts'
import type { Metrics } from '../ports.ts'
import { droppedRows, readLife, restoreLife, writeLife } from './level-life.ts'
import type { KeyRange, Op, Pair, RangeQuery, Store, StoreSnapshot } from './store.ts'
import { StoreBroken } from './store.ts'
import { PlainLevel } from './plain-level.ts'
import { Space } from './space.ts'
import { takeStoreFormat } from './store-format.ts'
import { WriteQueue } from './write-queue.ts'

export interface LevelStoreOptions {
  /** Told once, at the first error of a write or a read. The process must exit. */
  readonly onFatal: (error: Error) => void
  readonly metrics: Metrics
}

type Db = PlainLevel

/** LevelDB's memtable and WAL, bytes: what an opening after a crash may have to replay. */
const writeBufferBytes = 16 * 1024 * 1024
/** Blocks kept uncompressed in memory, bytes. */
const cacheBytes = 64 * 1024 * 1024
/** Fetched from an iterator at once, bytes. */
const readAheadBytes = 256 * 1024
/** No group has this number: a key behind all others. */
const behindAll = Uint8Array.of(0xff, 0xff, 0xff, 0xff)

/** The store on LevelDB. Values are as LevelDB's own checksums leave them; see the room's page. */
export class LevelStore implements Store {
  #doubtful: boolean
  readonly #dir: string
  readonly #db: Db
  readonly #queue: WriteQueue
  readonly #space: Space
  #closing: Promise<void> | null = null

  private constructor(dir: string, db: Db, doubtful: boolean, options: LevelStoreOptions) {
    this.#dir = dir
    this.#db = db
    this.#doubtful = doubtful
    this.#queue = new WriteQueue(
      {
        batch: (ops) => db.batchAsIs(ops),
        clear: (range) => db.clear(range),
        flush: () => flush(db),
      },
      options,
    )
    this.#space = new Space(
      {
        size: ({ gte, lt }) => db.sizeOf(gte, lt),
        compact: ({ gte, lt }) => db.compact(gte, lt),
      },
      options.metrics,
    )
  }

  /** Refused when another process has the directory open. */
  static async open(dir: string, options: LevelStoreOptions): Promise<LevelStore> {
    const db = new PlainLevel(dir, {
      ...viewsOnly,
      writeBufferSize: writeBufferBytes,
      cacheSize: cacheBytes,
    })
    const life = await readLife(dir)
    // What LevelDB leaves out it leaves out for good: it must not be forgotten that nobody has looked.
    if (life.note !== null) await writeLife(dir, 'opening')
    await db.open()
    try {
      await takeStoreFormat(db)
    } catch (error) {
      await db.close()
      if (!(await droppedRows(dir))) await restoreLife(dir, life)
      throw error
    }
    const dropped = await droppedRows(dir)
    sometimes(dropped, 'store: LevelDB left out rows of a damaged WAL')
    const doubtful = life.isDoubtful || dropped
    if (!doubtful) await writeLife(dir, 'open')
    return new LevelStore(dir, db, doubtful, options)
  }

  get doubtful(): boolean {
    return this.#doubtful
  }

  async trust(): Promise<void> {
    if (!this.#doubtful) return
    await this.sync()
    await writeLife(this.#dir, 'open')
    this.#doubtful = false
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#db.get(key).catch(this.#unreadable)
  }

  range(query: RangeQuery): Promise<Pair[]> {
    const { gte, lt, reverse = false, limit } = query
    if (limit !== undefined && limit <= 0) return Promise.resolve([])
    const highWaterMarkBytes = readAheadBytes
    const iterator = this.#db.iterator({ gte, lt, reverse, limit: limit ?? -1, highWaterMarkBytes })
    return iterator.all().catch(this.#unreadable)
  }

  write(ops: readonly Op[]): Promise<void> {
    return this.#queue.write(ops)
  }

  deleteRange(range: KeyRange): Promise<void> {
    return this.#queue.clear(range)
  }

  reclaim(range: KeyRange, removedBytes: number): Promise<boolean> {
    if (this.#closing !== null) return Promise.resolve(false)
    return this.#space.reclaim(range, removedBytes)
  }

  sync(): Promise<void> {
    return this.#queue.flush()
  }

  snapshot(): StoreSnapshot {
    if (this.#closing !== null) throw new StoreBroken('the store is closed')
    return new LevelSnapshot(this.#db, this.#unreadable)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /**
   * A block that its checksum or its compression gives away: this node cannot tell what it holds, so
   * it must neither lead nor answer with the rest.
   */
  readonly #unreadable = (cause: unknown): never => {
    if (this.#closing !== null) throw cause
    const says =
      'the store cannot be read, its files are damaged: remove this node from the cluster and let a ' +
      'new one join with an empty data folder'
    throw this.#queue.fail(says, cause)
  }

  async #close(): Promise<void> {
    this.#space.end()
    let flushed = !this.#queue.broken
    if (flushed) {
      await this.#queue.flush().catch((error: unknown) => {
        if (!(error instanceof StoreBroken)) throw error
        flushed = false // onFatal was told; the files are closed all the same
      })
    }
    await this.#queue.end()
    await this.#db.close()
    if (flushed && !this.#doubtful) await writeLife(this.#dir, 'closed')
  }
}

const viewsOnly = { keyEncoding: 'view', valueEncoding: 'view' } as const

/**
 * Turns the memtable into a table file, which LevelDB syncs together with its manifest. A synced
 * write would not do: it syncs the newest WAL only, and an older one may still be unsynced. The
 * compaction itself reports no error, so a write asks for the latched one.
 */
async function flush(db: Db): Promise<void> {
  await db.compact(behindAll, behindAll)
  await db.batch([{ type: 'del', key: behindAll }], { ...viewsOnly, sync: true })
}

class LevelSnapshot implements StoreSnapshot {
  readonly #db: Db
  readonly #view: ReturnType<Db['snapshot']>
  readonly #unreadable: (cause: unknown) => never
  #closing: Promise<void> | null = null

  constructor(db: Db, unreadable: (cause: unknown) => never) {
    this.#db = db
    this.#unreadable = unreadable
    this.#view = db.snapshot()
  }

  async iterate(
    range: KeyRange,
    chunkBytes: number,
    chunk: (pairs: readonly Pair[]) => Promise<boolean>,
  ): Promise<void> {
    const { gte, lt } = range
    const snapshot = this.#view
    const iterator = this.#db.iterator({ gte, lt, snapshot, highWaterMarkBytes: chunkBytes })
    try {
      for (;;) {
        // Ends by count or, in LevelDB's binding, when the high-water mark is passed.
        const pairs = await iterator.nextv(maxPairsPerChunk).catch(this.#unreadable)
        if (pairs.length === 0 || !(await chunk(pairs))) return
      }
    } finally {
      await iterator.close()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#view.close()
    return this.#closing
  }
}

/** Pairs in one chunk of a snapshot, besides the bound in bytes. */
const maxPairsPerChunk = 4_096
