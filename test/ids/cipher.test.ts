import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdCipher } from '../../src/ids/cipher.ts'
import { IdMint, isRefusal } from '../../src/ids/id-mint.ts'
import { Snowflake, epochMs } from '../../src/ids/snowflake.ts'
import { parseTopicName } from '../../src/ids/topic-name.ts'
import { parseUserId, readWord, userIdBytes } from '../../src/ids/user-id.ts'
import type { UserId } from '../../src/ids/user-id.ts'

const counting = Uint8Array.from({ length: 16 }, (_, i) => i)
const zeros = new Uint8Array(16)

function id(hex: string): { high: number; low: number } {
  return { high: Number.parseInt(hex.slice(0, 8), 16), low: Number.parseInt(hex.slice(8), 16) }
}

describe('XTEA', () => {
  /** The vectors that the common implementations share (Botan, Crypto++, Bouncy Castle). */
  test.each([
    [counting, '4142434445464748', '497df3d072612cb5'],
    [counting, '4141414141414141', 'e78f2d13744341d8'],
    [counting, '5a5b6e278948d77f', '4141414141414141'],
    [zeros, '4142434445464748', 'a0390589f8b8efa5'],
    [zeros, '4141414141414141', 'ed23375a821a8c2d'],
    [zeros, '70e1225d6e4e7655', '4141414141414141'],
  ])('vector %#', (key, plain, hidden) => {
    const cipher = new IdCipher(key)
    expect(cipher.encipher(id(plain))).toEqual(id(hidden))
    expect(cipher.decipher(id(hidden))).toEqual(id(plain))
  })

  test('is a permutation under every key', () => {
    const half = fc.nat(0xffff_ffff)
    const key = fc.uint8Array({ minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(key, half, half, (bytes, high, low) => {
        const cipher = new IdCipher(bytes)
        expect(cipher.decipher(cipher.encipher({ high, low }))).toEqual({ high, low })
      }),
    )
  })

  test('IDS-9: a key has 16 bytes', () => {
    expect(() => new IdCipher(new Uint8Array(15))).toThrow('IDS-9')
  })
})

describe('minting', () => {
  const now = epochMs + 1_000_000

  function mint(): IdMint {
    const snowflake = new Snowflake(3, 0)
    snowflake.reserve(now + 1_000)
    return new IdMint(snowflake, new IdCipher(counting))
  }

  test('neighbours look unrelated: about half of the bits differ', () => {
    const ids = mint()
    let last: UserId | null = null
    let flipped = 0
    for (let i = 0; i <= 1_000; i++) {
      const user = ids.user(now)
      if (isRefusal(user)) throw new Error(user)
      expect(parseUserId(user)).toBe(user)
      if (last !== null) flipped += differingBits(userIdBytes(last), userIdBytes(user))
      last = user
    }
    expect(flipped / 1_000).toBeGreaterThan(30)
    expect(flipped / 1_000).toBeLessThan(34)
  })

  test('groups are canonical names, and refusals pass through', () => {
    const ids = mint()
    const group = ids.group(now)
    expect(parseTopicName(group)).toBe(group)
    for (const refused of [ids.group(now + 1_000), ids.user(now + 1_000)]) {
      expect(refused).toBe('needs-ceiling')
      expect(isRefusal(refused)).toBe(true)
    }
  })

  test('the one id that is enciphered to zero is skipped', () => {
    const zero = new IdCipher(counting).decipher({ high: 0, low: 0 })
    const next = new IdCipher(counting).encipher({ high: 0, low: 7 })
    let asked = 0
    const source = { next: () => (asked++ === 0 ? zero : { high: 0, low: 7 }) }
    const user = new IdMint(source, new IdCipher(counting)).user(now)
    expect(readWord(userIdBytes(user as UserId), 0)).toBe(next.high)
  })
})

function differingBits(a: Uint8Array, b: Uint8Array): number {
  let bits = 0
  for (let i = 0; i < 8; i++) {
    for (let x = a[i]! ^ b[i]!; x > 0; x >>>= 1) bits += x & 1
  }
  return bits
}
