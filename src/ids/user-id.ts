import { assert } from '../assert.ts'
import { canonicalEnd, isBase64url, swapBytes, wordAt, wordsToText } from './base64url.ts'

/**
 * A user in the one canonical spelling: `usr` and 11 characters of base64url over the 8 bytes of
 * an unsigned 64-bit number, little-endian; never zero. Equal users are equal strings.
 */
export type UserId = string & { readonly __brand: 'UserId' }

export const userIdLength = 14
const prefix = 'usr'

/**
 * Reads what a client sent. The last character has two spare bits, so four spellings mean one user;
 * the answer is always the canonical one. Null: wrong length, prefix or alphabet, or zero.
 */
export function parseUserId(text: string): UserId | null {
  if (text.length !== userIdLength || !text.startsWith(prefix)) return null
  return canonicalTail(text) as UserId | null
}

/** The id as 8 bytes, big-endian, so that the order of bytes is the unsigned order of numbers. */
export function userIdBytes(user: UserId): Uint8Array {
  const bytes = new Uint8Array(8)
  writeWord(bytes, 0, highHalf(user, 3))
  writeWord(bytes, 4, lowHalf(user, 3))
  return bytes
}

/** From 8 bytes, big-endian. Zero is no user: asserted (IDS-1). */
export function userIdFromBytes(bytes: Uint8Array): UserId {
  assert(bytes.length === 8, 'IDS-2', { length: bytes.length })
  return userIdFromHalves(readWord(bytes, 0), readWord(bytes, 4))
}

/** Orders by the unsigned number, as the two ends of a p2p name are ordered. */
export function compareUserIds(a: UserId, b: UserId): number {
  return highHalf(a, 3) - highHalf(b, 3) || lowHalf(a, 3) - lowHalf(b, 3)
}

/** From the two unsigned 32-bit halves of the number. Zero is no user: asserted (IDS-1). */
export function userIdFromHalves(high: number, low: number): UserId {
  assert(high !== 0 || low !== 0, 'IDS-1', { high, low })
  return (prefix + idText(high, low)) as UserId
}

/** From an unsigned 64-bit number. Zero is no user: asserted (IDS-1). */
export function userIdFromBigInt(value: bigint): UserId {
  assert(value >= 0n && value < 1n << 64n, 'IDS-3', { value })
  return userIdFromHalves(Number(value >> 32n), Number(value & 0xffff_ffffn))
}

export function userIdToBigInt(user: UserId): bigint {
  return (BigInt(highHalf(user, 3)) << 32n) | BigInt(lowHalf(user, 3))
}

/** Eleven characters for a 64-bit number given as halves: its bytes, little-endian, in base64url. */
export function idText(high: number, low: number): string {
  return wordsToText([swapBytes(low), swapBytes(high)])
}

/**
 * `text` (three letters and an 11-character id) with the id in canonical spelling; null when the
 * id is outside the alphabet or zero. Groups and channels spell their ids the same way.
 */
export function canonicalTail(text: string): string | null {
  if (text.length !== userIdLength || !isBase64url(text, 3, userIdLength)) return null
  if (highHalf(text, 3) === 0 && lowHalf(text, 3) === 0) return null
  return canonicalEnd(text, 2)
}

/** Upper 32 bits of the id whose 11 characters start at `at`. */
export function highHalf(text: string, at: number): number {
  return swapBytes(wordAt(text, at, 32))
}

/** Lower 32 bits of the id whose 11 characters start at `at`. */
export function lowHalf(text: string, at: number): number {
  return swapBytes(wordAt(text, at, 0))
}

/** Writes an unsigned 32-bit word, big-endian. */
export function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24
  bytes[at + 1] = word >>> 16
  bytes[at + 2] = word >>> 8
  bytes[at + 3] = word
}

/** Reads an unsigned 32-bit word, big-endian. The caller has made sure of the four bytes. */
export function readWord(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! << 8) | bytes[at + 1]!
  const low = (bytes[at + 2]! << 8) | bytes[at + 3]!
  return high * 65536 + low
}
