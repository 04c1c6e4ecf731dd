import type { ClientFault, ClientObjectLimits } from './client-codec.ts'

/**
 * Reads msgpack from strangers. msgpackr trusts the lengths it reads (five bytes make it reserve
 * hundreds of megabytes) and knows extensions that run code, so hostile bytes never reach it. This
 * reader takes what JSON can carry and no more; byte fields become standard base64, as in JSON.
 */
export class MsgpackReader {
  /** Set at the first thing that is wrong; what was read is then worthless. */
  fault: ClientFault | null = null
  readonly #bytes: Buffer
  readonly #limits: ClientObjectLimits
  #at = 0
  #keys = 0

  constructor(bytes: Buffer, limits: ClientObjectLimits) {
    this.#bytes = bytes
    this.#limits = limits
  }

  /** The one value that fills all the bytes. */
  readWhole(): unknown {
    const value = this.#value(1)
    if (this.fault === null && this.#at !== this.#bytes.length) this.fault = 'malformed'
    return value
  }

  #value(depth: number): unknown {
    if (!this.#has(1)) return undefined
    const token = this.#bytes[this.#at++] as number
    if (token < 0x80) return token
    if (token < 0x90) return this.#map(token & 0x0f, depth)
    if (token < 0xa0) return this.#array(token & 0x0f, depth)
    if (token < 0xc0) return this.#text(token & 0x1f)
    if (token >= 0xe0) return token - 0x100
    return this.#byToken(token, depth)
  }

  #byToken(token: number, depth: number): unknown {
    switch (token) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#base64(this.#unsigned(1 << (token - 0xc4)))
      case 0xca:
        return this.#finite(this.#has(4) ? this.#bytes.readFloatBE(this.#skip(4)) : 0)
      case 0xcb:
        return this.#finite(this.#has(8) ? this.#bytes.readDoubleBE(this.#skip(8)) : 0)
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (token - 0xcc))
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#signed(1 << (token - 0xd0))
      case 0xcf:
      case 0xd3:
        return this.#wide(token === 0xd3)
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (token - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(token === 0xdc ? 2 : 4), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(token === 0xde ? 2 : 4), depth)
      default: // 0xc1 is unused; the rest are extensions
        return this.#fail('malformed')
    }
  }

  #array(length: number, depth: number): unknown {
    // Every element takes a byte, so a length beyond the bytes left is a lie.
    if (!this.#enter(length, length, depth)) return undefined
    const array: unknown[] = []
    for (let n = 0; n < length && this.fault === null; n++) array.push(this.#value(depth + 1))
    return array
  }

  #map(length: number, depth: number): unknown {
    if (!this.#enter(length, length * 2, depth)) return undefined
    const map: { [key: string]: unknown } = {}
    for (let n = 0; n < length && this.fault === null; n++) {
      const key = this.#value(depth + 1)
      if (typeof key !== 'string') return this.#fail('malformed')
      const value = this.#value(depth + 1)
      if (key === '__proto__') define(map, key, value)
      else map[key] = value
    }
    return map
  }

  #enter(length: number, bytesAtLeast: number, depth: number): boolean {
    if (this.fault !== null || !this.#has(bytesAtLeast)) return false
    this.#keys += length
    if (depth > this.#limits.maxDepth) this.#fail('too-deep')
    else if (this.#keys > this.#limits.maxKeys) this.#fail('too-many-keys')
    return this.fault === null
  }

  #text(length: number): unknown {
    if (!this.#has(length)) return undefined
    const at = this.#skip(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  #base64(length: number): unknown {
    if (!this.#has(length)) return undefined
    const at = this.#skip(length)
    return this.#bytes.toString('base64', at, at + length)
  }

  #unsigned(width: number): number {
    return this.#has(width) ? this.#bytes.readUIntBE(this.#skip(width), width) : 0
  }

  #signed(width: number): number {
    return this.#has(width) ? this.#bytes.readIntBE(this.#skip(width), width) : 0
  }

  #wide(isSigned: boolean): unknown {
    if (!this.#has(8)) return undefined
    const at = this.#skip(8)
    const high = isSigned ? this.#bytes.readInt32BE(at) : this.#bytes.readUInt32BE(at)
    const value = high * 2 ** 32 + this.#bytes.readUInt32BE(at + 4)
    return Number.isSafeInteger(value) ? value : this.#fail('malformed')
  }

  #finite(value: number): unknown {
    return Number.isFinite(value) ? value : this.#fail('malformed')
  }

  #has(count: number): boolean {
    if (this.fault !== null) return false
    if (this.#bytes.length - this.#at >= count) return true
    this.fault = 'malformed'
    return false
  }

  #skip(count: number): number {
    const at = this.#at
    this.#at += count
    return at
  }

  #fail(fault: ClientFault): undefined {
    this.fault ??= fault
    return undefined
  }
}

/** As JSON.parse does: a key of its own, not the prototype. */
function define(map: object, key: string, value: unknown): void {
  Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true })
}
