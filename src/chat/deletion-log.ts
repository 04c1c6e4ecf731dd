import { assert } from '../assert.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Row } from './entity.ts'
import type { Write } from './outcome.ts'
import { fromJsonRow, jsonRow, numberFromKey, numberKey } from './row-bytes.ts'
import { clipSpans, joinSpans } from './seq-ranges.ts'
import type { Span } from './seq-ranges.ts'
import { tables } from './tables.ts'

/** Delete transactions that a topic keeps. Above: refused by policy. */
export const maxDeletions = 100_000

/** Transactions forgotten with one trim of the topic. */
const maxDropped = 64

/** One delete transaction. `uid` empty: for everybody. */
export interface Deletion {
  readonly id: number
  readonly uid: UserId | ''
  readonly spans: readonly Span[]
}

/** What was deleted in a topic, by transaction; answers what a reader must not see. */
export class DeletionLog {
  /** Ascending by id. */
  #entries: Deletion[] = []
  /** Union of spans, by user; '' for everybody. Made when first asked for. */
  readonly #hidden = new Map<UserId | '', Span[]>()
  #fresh: Deletion[] = []
  #gone: number[] = []
  #spans = 0

  static open(rows: readonly Row[]): DeletionLog {
    const log = new DeletionLog()
    for (const { key, value } of rows) {
      const { uid, spans } = fromJsonRow(value) as Omit<Deletion, 'id'>
      log.#entries.push({ id: numberFromKey(key), uid, spans })
      log.#spans += spans.length
    }
    log.#entries.sort((a, b) => a.id - b.id)
    return log
  }

  get size(): number {
    return this.#entries.length
  }

  /** Rough bytes in memory. */
  get weight(): number {
    return this.#entries.length * 120 + this.#spans * 60
  }

  add(deletion: Deletion): void {
    const last = this.#entries[this.#entries.length - 1]
    assert(last === undefined || deletion.id > last.id, 'CHAT-8', {
      last: last?.id,
      id: deletion.id,
    })
    this.#entries.push(deletion)
    this.#spans += deletion.spans.length
    this.#fresh.push(deletion)
    const known = this.#hidden.get(deletion.uid)
    if (known !== undefined)
      this.#hidden.set(deletion.uid, joinSpans([...known, ...deletion.spans]))
  }

  /** Forgets what a user hid for himself. */
  forget(uid: UserId): void {
    const kept = this.#entries.filter((entry) => entry.uid !== uid)
    if (kept.length === this.#entries.length) return
    for (const entry of this.#entries) if (entry.uid === uid) this.#drop(entry)
    this.#entries = kept
    this.#hidden.delete(uid)
  }

  /** Forgets transactions that only concern messages below `seq`, oldest first, a bounded number. */
  dropBelow(seq: number): void {
    let count = 0
    for (const { spans } of this.#entries) {
      const last = spans[spans.length - 1]
      if (count === maxDropped || (last !== undefined && last[1] > seq)) break
      count++
    }
    if (count === 0) return
    for (const entry of this.#entries.splice(0, count)) this.#drop(entry)
    this.#hidden.clear()
  }

  /** Replaces everything by one deletion for everybody. */
  replaceBy(deletion: Deletion): void {
    for (const entry of this.#entries) this.#drop(entry)
    this.#entries = []
    this.#hidden.clear()
    this.add(deletion)
  }

  /** What `uid` must not see of [low, high). */
  hiddenFrom(uid: UserId | '', low: number, high: number): Span[] {
    const all = clipSpans(this.#union(''), low, high)
    if (uid === '') return all
    const own = clipSpans(this.#union(uid), low, high)
    return own.length === 0 ? all : joinSpans([...all, ...own])
  }

  /** Union of the transactions in [since, before) that concern `uid`, newest `limit` of them. */
  since(
    uid: UserId,
    since: number,
    before: number,
    limit: number,
  ): { clear: number; spans: Span[] } {
    const spans: Span[] = []
    let clear = 0
    let left = limit
    for (let i = this.#entries.length - 1; i >= 0 && left > 0; i--) {
      const entry = this.#entries[i]
      if (entry === undefined || entry.id < since) break
      if (entry.id >= before || (entry.uid !== '' && entry.uid !== uid)) continue
      clear = Math.max(clear, entry.id)
      spans.push(...entry.spans)
      left--
    }
    return { clear, spans: joinSpans(spans) }
  }

  takeWrites(to: Write[]): void {
    const table = tables.deletion
    for (const id of this.#gone) to.push({ table, key: numberKey(id), value: null })
    for (const { id, uid, spans } of this.#fresh) {
      to.push({ table, key: numberKey(id), value: jsonRow({ uid, spans }) })
    }
    this.#gone = []
    this.#fresh = []
  }

  #drop(entry: Deletion): void {
    this.#spans -= entry.spans.length
    const fresh = this.#fresh.indexOf(entry)
    if (fresh >= 0) this.#fresh.splice(fresh, 1)
    else this.#gone.push(entry.id)
  }

  #union(uid: UserId | ''): Span[] {
    let union = this.#hidden.get(uid)
    if (union === undefined) {
      union = joinSpans(this.#entries.filter((e) => e.uid === uid).flatMap((e) => e.spans))
      this.#hidden.set(uid, union)
    }
    return union
  }
}
