import { assert } from '../assert.ts'
import { refuseNewer } from '../errors.ts'

/** One change of a partition's rows. `key` is relative to the partition; null removes the row. */
export interface Effect {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/**
 * The payload of one Raft entry: format byte, then for each effect
 * `u16 key length · u32 value length (0xffffffff: remove) · key · value`, big-endian.
 * Encoded once by the owner; followers apply it as it is (DESIGN 2). The format covers the layouts of
 * the rows inside too: followers do not look into them, and must not store what they cannot read.
 */
const format = 1
const removed = 0xffffffff

export function encodeEffects(effects: readonly Effect[]): Buffer {
  let size = 1
  for (const { key, value } of effects) size += 6 + key.length + (value?.length ?? 0)
  const bytes = Buffer.allocUnsafe(size)
  bytes[0] = format
  let at = 1
  for (const { key, value } of effects) {
    bytes.writeUInt16BE(key.length, at)
    bytes.writeUInt32BE(value === null ? removed : value.length, at + 2)
    at += 6
    bytes.set(key, at)
    at += key.length
    if (value !== null) {
      bytes.set(value, at)
      at += value.length
    }
  }
  return bytes
}

/**
 * The effects of a payload with `prefix` put before each key. Values are views of `data`. An
 * unknown format stops the node: an older binary must not skip what it does not know.
 * Throws NewerFormat, or breaks PARTITION-1.
 */
export function decodeEffects(data: Uint8Array, prefix: Uint8Array): Effect[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  refuseNewer('an entry of the log', bytes[0], format)
  assert(bytes[0] === format, 'PARTITION-1', { format: bytes[0] })
  const effects: Effect[] = []
  let at = 1
  while (at < bytes.length) {
    const keyLength = bytes.readUInt16BE(at)
    const valueLength = bytes.readUInt32BE(at + 2)
    at += 6
    const key = Buffer.allocUnsafe(prefix.length + keyLength)
    key.set(prefix, 0)
    key.set(bytes.subarray(at, at + keyLength), prefix.length)
    at += keyLength
    if (valueLength === removed) effects.push({ key, value: null })
    else {
      effects.push({ key, value: bytes.subarray(at, at + valueLength) })
      at += valueLength
    }
  }
  assert(at === bytes.length, 'PARTITION-2', { at, length: bytes.length })
  return effects
}
