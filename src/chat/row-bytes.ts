import { assert } from '../assert.ts'
import { refuseNewer } from '../errors.ts'

/** Rows start with this; another first byte stops the node (CHAT-4): an older binary must not guess. */
export const rowVersion = 1

/** Writes one small row. Numbers are unsigned integers below 2^53. */
export class RowWriter {
  #bytes: Uint8Array
  #at = 1

  /** `size`: bytes that will most likely do. */
  constructor(size = 64) {
    this.#bytes = new Uint8Array(size)
    this.#bytes[0] = rowVersion
  }

  byte(value: number): this {
    if (this.#at === this.#bytes.length) this.#grow()
    this.#bytes[this.#at++] = value
    return this
  }

  /** Seven bits a byte, low first: small numbers are short, times take six bytes. */
  varint(value: number): this {
    let rest = value
    for (; rest >= 0x80000000; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) + 0x80)
    let low = rest | 0
    for (; low >= 0x80; low >>>= 7) this.byte((low & 0x7f) | 0x80)
    return this.byte(low)
  }

  word(value: number): this {
    if (this.#at + 4 > this.#bytes.length) this.#grow()
    const bytes = this.#bytes
    bytes[this.#at++] = value >>> 24
    bytes[this.#at++] = value >>> 16
    bytes[this.#at++] = value >>> 8
    bytes[this.#at++] = value
    return this
  }

  done(): Uint8Array {
    return this.#bytes.slice(0, this.#at)
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** Reads what {@link RowWriter} wrote, in the same order. */
export class RowReader {
  readonly #bytes: Uint8Array
  #at = 1

  constructor(bytes: Uint8Array) {
    knowRow(bytes)
    this.#bytes = bytes
  }

  byte(): number {
    const value = this.#bytes[this.#at++]
    assert(value !== undefined, 'CHAT-5', { length: this.#bytes.length })
    return value
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }

  word(): number {
    const high = this.byte() * 0x1000000
    return high + (this.byte() << 16) + (this.byte() << 8) + this.byte()
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }
}

/** Throws NewerFormat for a row of a newer version; CHAT-4 for one that no version wrote. */
export function knowRow(bytes: Uint8Array): void {
  const version = bytes[0]
  if (version === rowVersion) return
  refuseNewer('a row of a topic', version, rowVersion)
  assert(false, 'CHAT-4', { version })
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A row that is written seldom: the version byte, then JSON. Undefined members vanish. */
export function jsonRow(value: unknown): Uint8Array {
  const text = encoder.encode(JSON.stringify(value))
  const bytes = new Uint8Array(1 + text.length)
  bytes[0] = rowVersion
  bytes.set(text, 1)
  return bytes
}

/** The reader knows the shape: only {@link jsonRow} of the same row writes it. */
export function fromJsonRow(bytes: Uint8Array): unknown {
  knowRow(bytes)
  return JSON.parse(decoder.decode(bytes.subarray(1)))
}

/** A number as a key: 8 bytes, big-endian, so that keys order as numbers do. */
export function numberKey(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const high = Math.floor(value / 0x1_0000_0000)
  const low = value >>> 0
  bytes[0] = high >>> 24
  bytes[1] = high >>> 16
  bytes[2] = high >>> 8
  bytes[3] = high
  bytes[4] = low >>> 24
  bytes[5] = low >>> 16
  bytes[6] = low >>> 8
  bytes[7] = low
  return bytes
}

export function numberFromKey(bytes: Uint8Array): number {
  let value = 0
  for (let at = 0; at < 8; at++) value = value * 256 + (bytes[at] ?? 0)
  return value
}
