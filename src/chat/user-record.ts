import { topicFromKey, topicKey } from '../ids/topic-key.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { selfTopicMode } from './access-mode.ts'
import type { AccessMode } from './access-mode.ts'
import type { AuthLevel, Json } from './command.ts'
import type { Row } from './entity.ts'
import type { NewAccount } from './fact.ts'
import type { Write } from './outcome.ts'
import type { Defaults } from './rights.ts'
import { RowReader, RowWriter, fromJsonRow, jsonRow } from './row-bytes.ts'
import { tables } from './tables.ts'

/** Topics that a user left and that his devices may still have to learn of. Above: the first go. */
export const maxGoneTopics = 1_024

/** An account, as it is stored. */
export interface Account {
  state: 'ok' | 'susp' | 'del'
  level: AuthLevel
  created: number
  updated: number
  defaults: Defaults
  tags: readonly string[]
  /** Tokens with another serial are revoked. */
  serial: number
  /** What he wants of his own `me`: without P he is not seen. */
  want: AccessMode
  /** Own data changed, which only he is told. */
  privateUpdated: number
  login?: string
  /** Of his claims of unique tags; missing: 0, none was given up yet. */
  epoch?: number
  public?: Json
  trusted?: Json
  private?: Json
}

/** A topic in somebody's list. `left` 0: it is there. */
export interface Listed {
  readonly updated: number
  readonly left: number
}

const key = { account: new Uint8Array(0), seen: Uint8Array.of(1) } as const

/** All that a user is, and which of his rows are dirty. */
export class UserRecord {
  account: Account | null = null
  seen: { readonly when: number; readonly ua: string } | null = null
  readonly list = new Map<TopicName, Listed>()
  #accountBytes = 0
  #accountDirty = false
  #seenDirty = false
  readonly #dirty = new Set<TopicName>()
  #gone = 0

  constructor(rows: readonly Row[]) {
    for (const row of rows) {
      if (row.table === tables.self && row.key.length === 0) {
        this.account = fromJsonRow(row.value) as Account
        this.#accountBytes = row.value.length
      } else if (row.table === tables.self) {
        this.seen = fromJsonRow(row.value) as { when: number; ua: string }
      } else if (row.table === tables.list) {
        const reader = new RowReader(row.value)
        const listed = { updated: reader.varint(), left: reader.varint() }
        this.list.set(topicFromKey(row.key), listed)
        if (listed.left > 0) this.#gone++
      }
    }
  }

  begin(account: NewAccount): void {
    const { level, at, defacs, tags, login } = account
    this.account = {
      state: 'ok',
      level,
      created: at,
      updated: at,
      defaults: defacs,
      tags,
      serial: 1,
      want: selfTopicMode,
      privateUpdated: at,
      ...(login === undefined ? {} : { login }),
      ...(account.public === undefined ? {} : { public: account.public }),
      ...(account.trusted === undefined ? {} : { trusted: account.trusted }),
      ...(account.private === undefined ? {} : { private: account.private }),
    }
    this.#accountDirty = true
  }

  touchAccount(): void {
    this.#accountDirty = true
  }

  see(when: number, ua: string): void {
    this.seen = { when, ua }
    this.#seenDirty = true
  }

  /** True when the list is another one now. */
  setListed(topic: TopicName, gone: boolean, at: number): boolean {
    const before = this.list.get(topic)
    if (before === undefined && gone) return false
    const was = before !== undefined && before.left === 0
    this.list.set(topic, { updated: at, left: gone ? at : 0 })
    this.#dirty.add(topic)
    if (was && gone) this.#gone++
    if (before !== undefined && !was && !gone) this.#gone--
    if (this.#gone > maxGoneTopics) this.#forgetOne()
    return was === gone
  }

  /** Rough bytes in memory. */
  get weight(): number {
    return 2_000 + this.#accountBytes + this.list.size * 150
  }

  takeWrites(): Write[] {
    const writes: Write[] = []
    if (this.#accountDirty && this.account !== null) {
      const value = jsonRow(this.account)
      writes.push({ table: tables.self, key: key.account, value })
      this.#accountBytes = value.length
    }
    if (this.#seenDirty && this.seen !== null) {
      writes.push({ table: tables.self, key: key.seen, value: jsonRow(this.seen) })
    }
    for (const topic of this.#dirty) {
      const listed = this.list.get(topic)
      const value =
        listed === undefined
          ? null
          : new RowWriter().varint(listed.updated).varint(listed.left).done()
      writes.push({ table: tables.list, key: topicKey(topic), value })
    }
    this.#accountDirty = false
    this.#seenDirty = false
    this.#dirty.clear()
    return writes
  }

  #forgetOne(): void {
    let oldest: TopicName | undefined
    let left = Infinity
    for (const [topic, listed] of this.list) {
      if (listed.left === 0 || listed.left >= left) continue
      oldest = topic
      left = listed.left
    }
    if (oldest === undefined) return
    this.list.delete(oldest)
    this.#dirty.add(oldest)
    this.#gone--
  }
}
