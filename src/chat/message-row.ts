import { assert } from '../assert.ts'
import { userIdBytes, userIdFromBytes } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import { knowRow, numberKey, rowVersion } from './row-bytes.ts'

/** A message as it is stored. `head` and `content` are JSON text and are never parsed here. */
export interface StoredMessage {
  /** Empty: written by the system. */
  readonly from: UserId | ''
  /** ms since 1970. */
  readonly ts: number
  readonly head: string | null
  readonly content: string
  readonly producer?: string
  readonly n?: number
  readonly hash?: number
  /** The publishing session asked not to get it back; whoever streams it later must know. */
  readonly noecho?: boolean
}

/**
 * Layout, frozen: it is on disk.
 *
 *   version:u8 flags:u8 ts:u48 from:8? [headLength:u32 head] [idLength:u8 id n:u48 hash:u32] content
 *
 * Content runs to the end. Numbers are big-endian, text is UTF-8.
 */
const flag = { from: 1, head: 2, producer: 4, noecho: 8 } as const
const fixedBytes = 16
const shortText = 48

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The key of a message in its table. `seq` is 1 or more. */
export function messageKey(seq: number): Uint8Array {
  return numberKey(seq)
}

export function encodeMessage(message: StoredMessage): Uint8Array {
  const sender = message.from === '' ? null : userIdBytes(message.from)
  const bytes = new Uint8Array(maxMessageBytes(message))
  return bytes.slice(0, writeMessage(bytes, 0, message, sender))
}

/** Upper bound of the encoded size. */
export function maxMessageBytes(message: StoredMessage): number {
  const ids = message.producer === undefined ? 0 : 11 + 3 * message.producer.length
  return fixedBytes + 4 + ids + 3 * ((message.head?.length ?? 0) + message.content.length)
}

/** What it most often takes: text in ASCII. */
export function likelyMessageBytes(message: StoredMessage): number {
  const ids = message.producer === undefined ? 0 : 11 + message.producer.length
  return fixedBytes + 4 + ids + (message.head?.length ?? 0) + message.content.length
}

/**
 * Writes at `at` and returns the end, or -1 when it does not fit; the bytes there are then not
 * to be used. `sender`: the id of `from` as bytes, so that a writer of many encodes it once.
 */
export function writeMessage(
  bytes: Uint8Array,
  at: number,
  message: StoredMessage,
  sender: Uint8Array | null,
): number {
  const { head, content, producer, ts } = message
  if (at + fixedBytes + 4 > bytes.length) return -1
  bytes[at] = rowVersion
  bytes[at + 1] =
    (sender === null ? 0 : flag.from) |
    (head === null ? 0 : flag.head) |
    (producer === undefined ? 0 : flag.producer) |
    (message.noecho === true ? flag.noecho : 0)
  writeTime(bytes, at + 2, ts)
  let end = at + 8
  if (sender !== null) {
    bytes.set(sender, end)
    end += 8
  }
  if (head !== null) {
    const from = end + 4
    end = writeText(bytes, from, head)
    if (end < 0) return -1
    writeWord(bytes, from - 4, end - from)
  }
  if (producer !== undefined) {
    const from = end + 1
    end = writeText(bytes, from, producer)
    if (end < 0 || end + 10 > bytes.length) return -1
    assert(end - from < 256, 'CHAT-6', { producer })
    bytes[from - 1] = end - from
    writeTime(bytes, end, message.n ?? 0)
    writeWord(bytes, end + 6, message.hash ?? 0)
    end += 10
  }
  return writeText(bytes, end, content)
}

export function decodeMessage(value: Uint8Array): StoredMessage {
  knowRow(value)
  const flags = value[1] ?? 0
  const ts = readTime(value, 2)
  let at = 8
  let from: UserId | '' = ''
  if (flags & flag.from) {
    from = userIdFromBytes(value.subarray(at, at + 8))
    at += 8
  }
  let head: string | null = null
  if (flags & flag.head) {
    const end = at + 4 + readWord(value, at)
    head = decoder.decode(value.subarray(at + 4, end))
    at = end
  }
  if ((flags & flag.producer) === 0) {
    return { from, ts, head, content: decoder.decode(value.subarray(at)) }
  }
  const end = at + 1 + (value[at] ?? 0)
  const producer = decoder.decode(value.subarray(at + 1, end))
  const content = decoder.decode(value.subarray(end + 10))
  return {
    from,
    ts,
    head,
    content,
    producer,
    n: readTime(value, end),
    hash: readWord(value, end + 6),
    ...(flags & flag.noecho ? { noecho: true } : {}),
  }
}

/** Short ASCII is copied by hand, which is faster than crossing into the encoder. */
function writeText(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length
  if (at + length > bytes.length) return -1
  if (length <= shortText) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      bytes[at + i] = code
    }
    if (i === length) return at + length
  }
  const { read, written } = encoder.encodeInto(text, bytes.subarray(at))
  return read === length ? at + written : -1
}

function writeTime(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  bytes[at] = high >>> 8
  bytes[at + 1] = high
  writeWord(bytes, at + 2, value >>> 0)
}

function readTime(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  return high * 0x1_0000_0000 + readWord(bytes, at + 2)
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function readWord(bytes: Uint8Array, at: number): number {
  const low = ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)
  return (bytes[at] ?? 0) * 0x1000000 + low
}
