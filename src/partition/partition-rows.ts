import { decodeMessage, messageKey } from '../chat/message-row.ts'
import type { StoredMessage } from '../chat/message-row.ts'
import type { Row } from '../chat/entity.ts'
import type { HistoryPart } from '../chat/outcome.ts'
import { tables } from '../chat/tables.ts'
import { emptyHead, encodeHead, selfKeys } from '../chat/topic-rows.ts'
import { faultPoint, planted } from '../fault-points.ts'
import type { GroupId } from '../ids/group-id.ts'
import { groupPrefix } from '../ids/group-id.ts'
import { topicFromKey } from '../ids/topic-key.ts'
import type { Index, Term } from '../raft/entry.ts'
import type { Op, Store } from '../store/store.ts'
import type { Effect } from './effect.ts'
import type { Inbox } from './inbox.ts'
import type { Outbox } from './outbox.ts'
import { RemovedRows } from './removed-rows.ts'
import {
  appliedKey,
  behindEntity,
  conversationRange,
  counterValue,
  entityOf,
  mailRange,
  readMailRow,
  rowKey,
  rowKeyOffset,
  tableRange,
} from './rows.ts'

/** A message of history with its number. */
export interface PastMessage {
  readonly seq: number
  readonly message: StoredMessage
}

/** A conversation, found on the way through all of them. */
export interface FoundConversation {
  readonly name: string
  readonly entity: Uint8Array
  /** Its head row, as stored. */
  readonly head: Uint8Array
  /** Where to look for the next one. */
  readonly after: Uint8Array
}

/**
 * A partition's rows in the node's store: writes what has committed together with the applied
 * index, and reads entities and history back.
 */
export class PartitionRows {
  readonly prefix: Uint8Array
  readonly #id: GroupId
  readonly #store: Store
  readonly #onApplied: (index: Index) => void
  #applied: Index
  #gathered: Effect[] = []
  #removed = new RemovedRows()
  #waiting: { index: Index; wake: () => void }[] = []

  constructor(id: GroupId, store: Store, applied: Index, onApplied: (index: Index) => void) {
    this.#id = id
    this.prefix = groupPrefix(id)
    this.#store = store
    this.#applied = applied
    this.#onApplied = onApplied
  }

  /** The applied index that the store holds for a partition; 0 when it is new. */
  static async readApplied(id: GroupId, store: Store): Promise<Index> {
    const value = await store.get(join(groupPrefix(id), appliedKey))
    if (value === undefined) return 0
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
    return view.getUint32(0) * 2 ** 32 + view.getUint32(4)
  }

  /** Sets what the rows of a partition are said to stand for. Durable with the next sync. */
  static writeApplied(id: GroupId, store: Store, index: Index): Promise<void> {
    return store.write([{ key: join(groupPrefix(id), appliedKey), value: counterValue(index) }])
  }

  get applied(): Index {
    return this.#applied
  }

  /** Effects of a committed entry, keys already prefixed; they go with the next `write`. */
  add(effects: readonly Effect[]): void {
    for (const { key, value } of effects) if (value === null) this.#noteRemoved(key)
    if (this.#gathered.length === 0) this.#gathered = effects as Effect[]
    else for (const effect of effects) this.#gathered.push(effect)
  }

  /** Writes what was added, and that everything up to `index` is applied, as one. */
  write(index: Index, _term: Term): void {
    const ops: Op[] = this.#gathered
    this.#gathered = []
    ops.push({ key: join(this.prefix, appliedKey), value: counterValue(index) })
    const written = planted('K28') ? this.#indexFirst(ops) : this.#allAtOnce(ops)
    written.then(
      () => {
        faultPoint('after-apply')
        this.#applied = index
        this.#onApplied(index)
        if (this.#waiting.length > 0) this.#wake()
      },
      () => {
        // The store has reported it to its onFatal, which stops the node; nothing is applied here.
      },
    )
  }

  #allAtOnce(ops: Op[]): Promise<void> {
    faultPoint('before-apply')
    return this.#store.write(ops)
  }

  /** The planted bug: the index, last of `ops`, may be in the store without the rest. */
  async #indexFirst(ops: Op[]): Promise<void> {
    await this.#store.write(ops.splice(-1))
    await this.#allAtOnce(ops)
  }

  /** The rows were replaced from outside: what they stand for is read anew. */
  async reread(): Promise<void> {
    this.#applied = await PartitionRows.readApplied(this.#id, this.#store)
    this.#wake()
  }

  /** Calls `then` once the store holds everything up to `index`. */
  whenApplied(index: Index, then: () => void): void {
    if (this.#applied >= index) then()
    else this.#waiting.push({ index, wake: then })
  }

  /** Rows of an entity with tables in [from, to). */
  async read(entity: Uint8Array, from: number, to: number): Promise<Row[]> {
    const { gte, lt } = tableRange(entity, from, to)
    const found = await this.#store.range({
      gte: join(this.prefix, gte),
      lt: join(this.prefix, lt),
    })
    const offset = this.prefix.length + rowKeyOffset
    return found.map(([key, value]) => ({
      table: key[offset - 1] ?? 0,
      key: key.subarray(offset),
      value,
    }))
  }

  /** A page of history: newest first. Hidden numbers do not count towards the limit. */
  async history(entity: Uint8Array, part: HistoryPart): Promise<PastMessage[]> {
    const found: PastMessage[] = []
    for (let i = part.ranges.length - 1; i >= 0 && found.length < part.limit; i--) {
      const [low, high] = part.ranges[i] ?? [0, 0]
      let before = high
      while (before > low && found.length < part.limit) {
        const page = await this.#page(entity, low, before, part.limit - found.length, true)
        for (const past of page) {
          if (!within(part.hidden, past.seq)) found.push(past)
          before = past.seq
        }
        if (page.length === 0) break
      }
    }
    return found
  }

  /** Messages of [low, high) in ascending order, at most `limit`. */
  async ascending(
    entity: Uint8Array,
    low: number,
    high: number,
    limit: number,
  ): Promise<PastMessage[]> {
    return this.#page(entity, low, high, limit, false)
  }

  /** The first conversation behind `after`, or of all; null: there is none. One short read. */
  async nextConversation(after: Uint8Array | null): Promise<FoundConversation | null> {
    const [row] = await this.#store.range({
      gte: join(this.prefix, after ?? conversationRange.gte),
      lt: join(this.prefix, conversationRange.lt),
      limit: 1,
    })
    if (row === undefined) return null
    const entity = entityOf(row[0].subarray(this.prefix.length))
    const key = join(this.prefix, rowKey(entity, tables.self, selfKeys.head))
    const head = (await this.#store.get(key)) ?? encodeHead(emptyHead())
    return { name: topicFromKey(entity), entity, head, after: behindEntity(entity) }
  }

  /** When its messages were written, as stored; undefined: it was never noted. */
  timesOf(entity: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#store.get(join(this.prefix, rowKey(entity, tables.self, selfKeys.times)))
  }

  /** Fills the outbox and inbox of a new owner. */
  async readMail(outbox: Outbox, inbox: Inbox): Promise<void> {
    const found = await this.#store.range({
      gte: join(this.prefix, mailRange.gte),
      lt: join(this.prefix, mailRange.lt),
    })
    for (const [key, value] of found) {
      const row = readMailRow(key.subarray(this.prefix.length), value)
      if (row.kind === 'counter') outbox.restoreCounter(row.target, row.counter)
      else if (row.kind === 'item') outbox.restoreItem(row.target, row.counter, value)
      else inbox.restore(row.source, row.counter)
    }
  }

  async #page(
    entity: Uint8Array,
    low: number,
    high: number,
    limit: number,
    reverse: boolean,
  ): Promise<PastMessage[]> {
    const found = await this.#store.range({
      gte: join(this.prefix, rowKey(entity, tables.messages, messageKey(low))),
      lt: join(this.prefix, rowKey(entity, tables.messages, messageKey(high))),
      reverse,
      limit,
    })
    const offset = this.prefix.length + rowKeyOffset
    return found.map(([key, value]) => {
      const view = new DataView(key.buffer, key.byteOffset + offset, 8)
      const seq = view.getUint32(0) * 2 ** 32 + view.getUint32(4)
      return { seq, message: decodeMessage(value) }
    })
  }

  /** Messages only: rows of another kind are written over where they were. */
  #noteRemoved(key: Uint8Array): void {
    if (key[this.prefix.length + rowKeyOffset - 1] !== tables.messages) return
    if (!this.#removed.note(key) || this.#store.reclaim === undefined) return
    const removed = this.#removed
    removed.later()
    this.#store.reclaim(removed.range, removed.bytes).then(
      (done) => {
        if (done && this.#removed === removed) this.#removed = new RemovedRows()
      },
      () => {
        // Nothing is lost but space; an error of the disk shows with the next write.
      },
    )
  }

  #wake(): void {
    const ready = this.#waiting.filter((waiter) => waiter.index <= this.#applied)
    if (ready.length === 0) return
    this.#waiting = this.#waiting.filter((waiter) => waiter.index > this.#applied)
    for (const { wake } of ready) wake()
  }
}

function within(ranges: readonly (readonly [number, number])[], seq: number): boolean {
  for (const [low, high] of ranges) if (seq >= low && seq < high) return true
  return false
}

function join(prefix: Uint8Array, key: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(prefix.length + key.length)
  bytes.set(prefix, 0)
  bytes.set(key, prefix.length)
  return bytes
}
