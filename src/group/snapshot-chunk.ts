import { crc32 } from 'node:zlib'
import type { Pair } from '../store/store.ts'

/** Rows of a group on their way to another node: crc32:u32, then (key size:u32 value size:u32 key value)…, big-endian. */
export function encodeChunk(pairs: readonly Pair[]): Uint8Array {
  let size = 4
  for (const [key, value] of pairs) size += 8 + key.length + value.length
  const bytes = Buffer.allocUnsafe(size)
  let at = 4
  for (const [key, value] of pairs) {
    at = bytes.writeUInt32BE(key.length, at)
    at = bytes.writeUInt32BE(value.length, at)
    bytes.set(key, at)
    bytes.set(value, at + key.length)
    at += key.length + value.length
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** Null: these are not the bytes that were sent. The pairs are views of `chunk`. */
export function decodeChunk(chunk: Uint8Array): Pair[] | null {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (bytes.length < 4 || crc32(bytes.subarray(4)) !== bytes.readUInt32BE(0)) return null
  const pairs: Pair[] = []
  let at = 4
  while (at < bytes.length) {
    if (at + 8 > bytes.length) return null
    const keyEnd = at + 8 + bytes.readUInt32BE(at)
    const end = keyEnd + bytes.readUInt32BE(at + 4)
    if (end > bytes.length) return null
    pairs.push([bytes.subarray(at + 8, keyEnd), bytes.subarray(keyEnd, end)])
    at = end
  }
  return pairs
}
