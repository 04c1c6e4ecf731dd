import { assert } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { KeyRange } from './store.ts'

/**
 * Builds keys of fixed-width big-endian numbers, so that the order of bytes is the order of
 * numbers. One buffer per key; the width of every part is known from the layout of its room.
 */
export class KeyWriter {
  readonly #bytes: Buffer
  #at = 0

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size)
  }

  u8(value: number): this {
    this.#at = this.#bytes.writeUInt8(value, this.#at)
    return this
  }

  u16(value: number): this {
    this.#at = this.#bytes.writeUInt16BE(value, this.#at)
    return this
  }

  u32(value: number): this {
    this.#at = this.#bytes.writeUInt32BE(value, this.#at)
    return this
  }

  /** A whole number below 2^53, in eight bytes. */
  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, 'STORE-7', { value })
    this.u32(Math.floor(value / 2 ** 32))
    return this.u32(value % 2 ** 32)
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#at)
    this.#at += value.length
    return this
  }

  /** The key; every byte asked for must have been written. */
  key(): Uint8Array {
    assert(this.#at === this.#bytes.length, 'STORE-7', { at: this.#at, size: this.#bytes.length })
    return this.#bytes
  }
}

/** The number that {@link KeyWriter.u64} wrote at `at`. */
export function readU64(key: Uint8Array, at: number): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4)
}

/** Every key of a group, and no other. */
export function groupRange(group: GroupId): KeyRange {
  assert(Number.isInteger(group) && group >= 0 && group < 0xffff, 'STORE-7', { group })
  return {
    gte: Uint8Array.of(group >>> 8, group & 0xff),
    lt: Uint8Array.of((group + 1) >>> 8, (group + 1) & 0xff),
  }
}

/** Every key that begins with `prefix`. A prefix of 0xff only has no end, and is refused. */
export function prefixRange(prefix: Uint8Array): KeyRange {
  let end = prefix.length
  while (end > 0 && prefix[end - 1] === 0xff) end--
  assert(end > 0, 'STORE-7', { prefix: [...prefix] })
  // A copy: `slice` of a Buffer would be a view of the prefix itself.
  const lt = Uint8Array.from(prefix.subarray(0, end))
  lt[end - 1] = (lt[end - 1] as number) + 1
  return { gte: prefix, lt }
}
