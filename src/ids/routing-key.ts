import { assert } from '../assert.ts'
import { isPartitionCount } from './group-id.ts'
import type { GroupId } from './group-id.ts'

/**
 * The partition of a key, 1..`partitions`: a mask over the key's hash. `partitions` is a power of
 * two: asserted (IDS-8). Frozen by golden tests: stored data lies where this function says.
 */
export function partitionOf(key: string, partitions: number): GroupId {
  assert(isPartitionCount(partitions), 'IDS-8', { partitions })
  return (murmur3(key, 0) & (partitions - 1)) + 1
}

/** Unique names and tags (`email:…`, `basic:…`) live in the partition of this key. */
export function uniqueNameKey(name: string): string {
  return 'nam:' + name
}

/** MurmurHash3_x86_32 (Appleby, public domain) of the UTF-8 bytes of `text`; unsigned 32 bits. */
export function murmur3(text: string, seed: number): number {
  const length = text.length
  for (let at = 0; at < length; at++) {
    if (text.charCodeAt(at) > 127) return murmur3Bytes(new TextEncoder().encode(text), seed)
  }
  let hash = seed | 0
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    const block =
      text.charCodeAt(at) |
      (text.charCodeAt(at + 1) << 8) |
      (text.charCodeAt(at + 2) << 16) |
      (text.charCodeAt(at + 3) << 24)
    hash = mixBlock(hash, block)
  }
  let tail = 0
  for (let at = length - 1; at >= whole; at--) tail = (tail << 8) | text.charCodeAt(at)
  return finish(hash, tail, length)
}

/** The same hash over bytes. */
export function murmur3Bytes(bytes: Uint8Array, seed: number): number {
  const length = bytes.length
  let hash = seed | 0
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    hash = mixBlock(hash, wordFrom(bytes, at, 4))
  }
  return finish(hash, wordFrom(bytes, whole, length - whole), length)
}

/** `count` bytes from `at`, little-endian; all of them are there. */
function wordFrom(bytes: Uint8Array, at: number, count: number): number {
  let word = 0
  for (let i = count - 1; i >= 0; i--) word = (word << 8) | bytes[at + i]!
  return word
}

function scramble(block: number): number {
  const scaled = Math.imul(block, 0xcc9e2d51)
  return Math.imul((scaled << 15) | (scaled >>> 17), 0x1b873593)
}

function mixBlock(hash: number, block: number): number {
  const mixed = hash ^ scramble(block)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

function finish(hash: number, tail: number, length: number): number {
  let final = hash ^ scramble(tail) ^ length
  final = Math.imul(final ^ (final >>> 16), 0x85ebca6b)
  final = Math.imul(final ^ (final >>> 13), 0xc2b2ae35)
  return (final ^ (final >>> 16)) >>> 0
}
