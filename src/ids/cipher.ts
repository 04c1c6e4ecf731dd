import { assert } from '../assert.ts'
import type { Id64 } from './snowflake.ts'
import { readWord } from './user-id.ts'

/**
 * XTEA (Needham and Wheeler 1997, 32 cycles): a keyed permutation of 64-bit numbers. Ids are minted
 * in order; enciphered they cannot be guessed from each other. It hides order, it is no secret:
 * who may read a topic is decided by rights, never by knowing its name.
 */
export class IdCipher {
  readonly #keys: Int32Array

  /** `key`: 16 bytes, the same on every node for the life of the cluster; big-endian words (IDS-9). */
  constructor(key: Uint8Array) {
    assert(key.length === 16, 'IDS-9', { length: key.length })
    this.#keys = schedule([0, 4, 8, 12].map((at) => readWord(key, at) | 0))
  }

  encipher(id: Id64): Id64 {
    const keys = this.#keys
    let high = id.high | 0
    let low = id.low | 0
    for (let i = 0; i < keys.length; i += 2) {
      high = (high + (mix(low) ^ keys[i]!)) | 0
      low = (low + (mix(high) ^ keys[i + 1]!)) | 0
    }
    return { high: high >>> 0, low: low >>> 0 }
  }

  decipher(id: Id64): Id64 {
    const keys = this.#keys
    let high = id.high | 0
    let low = id.low | 0
    for (let i = keys.length - 2; i >= 0; i -= 2) {
      low = (low - (mix(high) ^ keys[i + 1]!)) | 0
      high = (high - (mix(low) ^ keys[i]!)) | 0
    }
    return { high: high >>> 0, low: low >>> 0 }
  }
}

const delta = 0x9e3779b9
const cycles = 32

/**
 * The round constants `sum + key[…]`, two a cycle, so that a round is one addition less. `key`: four
 * words, so that two bits are always an index.
 */
function schedule(key: readonly number[]): Int32Array {
  const keys = new Int32Array(2 * cycles)
  let sum = 0
  for (let cycle = 0; cycle < cycles; cycle++) {
    keys[2 * cycle] = sum + key[sum & 3]!
    sum = (sum + delta) | 0
    keys[2 * cycle + 1] = sum + key[(sum >>> 11) & 3]!
  }
  return keys
}

function mix(half: number): number {
  return (((half << 4) ^ (half >>> 5)) + half) | 0
}
