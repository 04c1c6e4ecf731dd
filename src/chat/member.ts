import { assert } from '../assert.ts'
import { userIdBytes, userIdFromBytes } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import type { AccessMode } from './access-mode.ts'
import { J } from './access-mode.ts'
import type { Json } from './command.ts'
import { RowReader, RowWriter, fromJsonRow, jsonRow } from './row-bytes.ts'

/**
 * Somebody's place in a topic. The row stays when he leaves, so that what he was given (a ban, say)
 * survives a return. Times are ms since 1970, 0 for never.
 */
export class Member {
  readonly uid: UserId
  /** `uid` as a key: 8 bytes, big-endian. */
  readonly key: Uint8Array
  want: AccessMode = 0
  given: AccessMode = 0
  /** A channel's reader: came by the `chn` name. */
  reader = false
  read = 0
  recv = 0
  /** Number of his last soft deletion. */
  clear = 0
  created = 0
  /** Rights or private data changed. */
  updated = 0
  /** Read or received marks changed by a note. */
  marked = 0
  /** When he left; 0: he is subscribed. */
  left = 0
  private: Json | undefined = undefined
  /** Of its row, as last written. */
  privateBytes = 0
  dirty = false
  privateDirty = false

  constructor(uid: UserId, key: Uint8Array = userIdBytes(uid)) {
    this.uid = uid
    this.key = key
  }

  get subscribed(): boolean {
    return this.left === 0
  }

  /** What he may do here. */
  get mode(): AccessMode {
    return this.left === 0 ? this.want & this.given : 0
  }

  /** He was taken out by an admin: coming back by himself is refused. */
  get banned(): boolean {
    return (this.given & J) === 0
  }
}

/** Key of the row that holds the private data: the member's, and one more byte. */
export function privateKey(key: Uint8Array): Uint8Array {
  const longer = new Uint8Array(key.length + 1)
  longer.set(key)
  longer[key.length] = 1
  return longer
}

export function encodeMember(member: Member, seq: number): Uint8Array {
  assert(member.read <= member.recv, 'CHAT-2', { read: member.read, recv: member.recv })
  assert(member.recv <= seq, 'CHAT-2', { recv: member.recv, seq })
  return new RowWriter()
    .byte(member.reader ? 1 : 0)
    .byte(member.want)
    .byte(member.given)
    .varint(member.read)
    .varint(member.recv)
    .varint(member.clear)
    .varint(member.created)
    .varint(member.updated)
    .varint(member.marked)
    .varint(member.left)
    .done()
}

export function decodeMember(key: Uint8Array, value: Uint8Array): Member {
  const row = new RowReader(value)
  const member = new Member(userIdFromBytes(key), key.slice())
  member.reader = row.byte() === 1
  member.want = row.byte()
  member.given = row.byte()
  member.read = row.varint()
  member.recv = row.varint()
  member.clear = row.varint()
  member.created = row.varint()
  member.updated = row.varint()
  member.marked = row.varint()
  member.left = row.varint()
  return member
}

export function encodePrivate(value: Json): Uint8Array {
  return jsonRow({ v: value })
}

export function decodePrivate(value: Uint8Array): Json {
  return (fromJsonRow(value) as { v: Json }).v
}
