import { sha256 } from '@noble/hashes/sha2.js'
import type { GroupId } from '../ids/group-id.ts'
import { conversationKinds, topicKey } from '../ids/topic-key.ts'
import type { TopicName } from '../ids/topic-name.ts'

/**
 * Keys inside one partition (the store puts the group before them). Frozen: on disk and in entries.
 *
 *   01                                       applied index and term (never in an entry)
 *   02 target:u16                            outbox: last counter given out for that partition
 *   03 target:u16 counter:u64                outbox: a fact on its way
 *   04 source:u16                            inbox: last counter taken from that partition
 *   10 entity:17 table:u8 key                rows of entities
 */
const section = { applied: 1, outboxCounter: 2, outboxItem: 3, inbox: 4, entity: 0x10 } as const

export const entityKeyBytes = 17
const nameKind = 0x7e

/** 17 bytes for any entity: topics by their ids, names and tags by 128 bits of SHA-256. */
export function entityKey(name: string): Uint8Array {
  if (!isUniqueName(name)) return topicKey(name as TopicName)
  const key = new Uint8Array(entityKeyBytes)
  key[0] = nameKind
  key.set(sha256(new TextEncoder().encode(name)).subarray(0, entityKeyBytes - 1), 1)
  return key
}

/** Entities that are not topics: `nam:basic:alice`, `tag:…`. */
export function isUniqueName(name: string): boolean {
  return name.startsWith('nam:') || name.startsWith('tag:')
}

export const appliedKey = Uint8Array.of(section.applied)

export function outboxCounterKey(target: GroupId): Uint8Array {
  return withNumbers(section.outboxCounter, target)
}

export function outboxItemKey(target: GroupId, counter: number): Uint8Array {
  return withNumbers(section.outboxItem, target, counter)
}

export function inboxKey(source: GroupId): Uint8Array {
  return withNumbers(section.inbox, source)
}

/** All outbox and inbox rows lie in [gte, lt). */
export const mailRange = {
  gte: Uint8Array.of(section.outboxCounter),
  lt: Uint8Array.of(section.inbox + 1),
} as const

export type MailRow =
  | { readonly kind: 'counter'; readonly target: GroupId; readonly counter: number }
  | { readonly kind: 'item'; readonly target: GroupId; readonly counter: number }
  | { readonly kind: 'inbox'; readonly source: GroupId; readonly counter: number }

/** Reads back a key of {@link mailRange}; counters of `counter` and `inbox` rows are their values. */
export function readMailRow(key: Uint8Array, value: Uint8Array): MailRow {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  const group = bytes.readUInt16BE(1)
  if (bytes[0] === section.outboxItem) {
    return { kind: 'item', target: group, counter: readCounter(bytes, 3) }
  }
  const counter = readCounter(Buffer.from(value.buffer, value.byteOffset, value.byteLength), 0)
  return bytes[0] === section.outboxCounter
    ? { kind: 'counter', target: group, counter }
    : { kind: 'inbox', source: group, counter }
}

export function counterValue(counter: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(8)
  writeCounter(bytes, counter, 0)
  return bytes
}

/** Key of a row of an entity: relative to the partition. */
export function rowKey(entity: Uint8Array, table: number, key: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(2 + entityKeyBytes + key.length)
  bytes[0] = section.entity
  bytes.set(entity, 1)
  bytes[1 + entityKeyBytes] = table
  bytes.set(key, 2 + entityKeyBytes)
  return bytes
}

/** Where the key of a row starts, behind entity and table. */
export const rowKeyOffset = 2 + entityKeyBytes

/** Bounds of the rows of an entity whose table is in [from, to). */
export function tableRange(
  entity: Uint8Array,
  from: number,
  to: number,
): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  const empty = new Uint8Array(0)
  return { gte: rowKey(entity, from, empty), lt: rowKey(entity, to, empty) }
}

/** Bounds of the rows of all conversations: topics with messages. */
export const conversationRange = {
  gte: Uint8Array.of(section.entity, conversationKinds.first),
  lt: Uint8Array.of(section.entity, conversationKinds.last + 1),
} as const

/** Behind every row of an entity, and before the next entity's. */
export function behindEntity(entity: Uint8Array): Uint8Array {
  return rowKey(entity, 0xff, new Uint8Array(0))
}

/** The entity of a row's key. */
export function entityOf(key: Uint8Array): Uint8Array {
  return key.slice(1, 1 + entityKeyBytes)
}

function withNumbers(first: number, group: GroupId, counter?: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(counter === undefined ? 3 : 11)
  bytes[0] = first
  bytes.writeUInt16BE(group, 1)
  if (counter !== undefined) writeCounter(bytes, counter, 3)
  return bytes
}

/** 64 bits of which 53 are used. */
function writeCounter(bytes: Buffer, counter: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(counter / 2 ** 32), at)
  bytes.writeUInt32BE(counter % 2 ** 32, at + 4)
}

function readCounter(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}
