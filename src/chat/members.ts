import { sometimes } from '../assert.ts'
import { userIdFromBytes } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Row } from './entity.ts'
import {
  Member,
  decodeMember,
  decodePrivate,
  encodeMember,
  encodePrivate,
  privateKey,
} from './member.ts'
import type { Write } from './outcome.ts'
import { tables } from './tables.ts'

/** Rows kept of people who left. Above: the one who left first and is not banned is forgotten. */
export const maxGone = 1_024

const keyBytes = 8

/** Everybody who is or was subscribed to a topic. */
export class Members {
  readonly #byUser = new Map<UserId, Member>()
  readonly #dirty: Member[] = []
  readonly #removed: Member[] = []
  #subscribers = 0
  #readers = 0
  #gone = 0
  #privateBytes = 0

  static open(rows: readonly Row[]): Members {
    const members = new Members()
    for (const row of rows) {
      if (row.key.length === keyBytes) members.#insert(decodeMember(row.key, row.value))
    }
    for (const row of rows) {
      if (row.key.length === keyBytes) continue
      const member = members.#byUser.get(userIdFromBytes(row.key.subarray(0, keyBytes)))
      if (member === undefined) continue
      member.private = decodePrivate(row.value)
      member.privateBytes = row.value.length
      members.#privateBytes += row.value.length
    }
    return members
  }

  get(uid: UserId): Member | undefined {
    return this.#byUser.get(uid)
  }

  /** The member, if he is subscribed. */
  subscribed(uid: UserId): Member | undefined {
    const member = this.#byUser.get(uid)
    return member !== undefined && member.left === 0 ? member : undefined
  }

  /** Subscribers and those who left. */
  all(): IterableIterator<Member> {
    return this.#byUser.values()
  }

  /** Subscribers, channel readers included. */
  get count(): number {
    return this.#subscribers
  }

  /** Subscribers without channel readers. */
  get fullCount(): number {
    return this.#subscribers - this.#readers
  }

  /** Rough bytes in memory. */
  get weight(): number {
    return this.#byUser.size * 300 + this.#privateBytes
  }

  /** (Re)subscribes. The caller sets the rights afterwards. */
  enter(uid: UserId, now: number, reader: boolean): Member {
    let member = this.#byUser.get(uid)
    if (member === undefined) {
      member = new Member(uid)
      this.#byUser.set(uid, member)
    } else if (member.left === 0) {
      this.#uncount(member)
    } else {
      this.#gone--
      member.read = 0
      member.recv = 0
      member.clear = 0
      member.marked = 0
    }
    member.left = 0
    member.created = now
    member.updated = now
    member.reader = reader
    this.#count(member)
    this.touch(member)
    return member
  }

  /** Unsubscribes; rights stay on record, private data goes. */
  leave(member: Member, now: number): void {
    this.#uncount(member)
    this.#gone++
    member.left = now
    member.updated = now
    member.clear = 0
    if (member.private !== undefined) {
      member.private = undefined
      member.privateDirty = true
    }
    this.touch(member)
    if (this.#gone > maxGone) this.#forgetOne()
  }

  /** Forgets the row as well. */
  remove(member: Member): void {
    if (member.left === 0) this.#uncount(member)
    else this.#gone--
    this.#byUser.delete(member.uid)
    this.#privateBytes -= member.privateBytes
    this.#removed.push(member)
  }

  touch(member: Member): void {
    if (member.dirty) return
    member.dirty = true
    this.#dirty.push(member)
  }

  touchPrivate(member: Member): void {
    member.privateDirty = true
    this.touch(member)
  }

  takeWrites(to: Write[], seq: number): void {
    const table = tables.member
    for (const member of this.#removed.splice(0)) {
      const back = this.#byUser.get(member.uid)
      if (back !== undefined) {
        this.touchPrivate(back) // in the same batch: his new rows replace the old ones
        continue
      }
      to.push({ table, key: member.key, value: null })
      to.push({ table, key: privateKey(member.key), value: null })
    }
    for (const member of this.#dirty) {
      member.dirty = false
      if (this.#byUser.get(member.uid) !== member) continue
      to.push({ table, key: member.key, value: encodeMember(member, seq) })
      if (!member.privateDirty) continue
      member.privateDirty = false
      const value = member.private === undefined ? null : encodePrivate(member.private)
      this.#privateBytes += (value?.length ?? 0) - member.privateBytes
      member.privateBytes = value?.length ?? 0
      to.push({ table, key: privateKey(member.key), value })
    }
    this.#dirty.length = 0
  }

  #insert(member: Member): void {
    this.#byUser.set(member.uid, member)
    if (member.left === 0) this.#count(member)
    else this.#gone++
  }

  #count(member: Member): void {
    this.#subscribers++
    if (member.reader) this.#readers++
  }

  #uncount(member: Member): void {
    this.#subscribers--
    if (member.reader) this.#readers--
  }

  #forgetOne(): void {
    let oldest: Member | undefined
    for (const member of this.#byUser.values()) {
      if (member.left === 0 || member.banned) continue
      if (oldest === undefined || member.left < oldest.left) oldest = member
    }
    sometimes(oldest !== undefined, 'chat: somebody who left was forgotten')
    if (oldest !== undefined) this.remove(oldest)
  }
}
