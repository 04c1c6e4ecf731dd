import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import { lowerLevel, TokenMint } from '../../src/session/token.ts'
import type { TokenFacts } from '../../src/session/token.ts'

const mint = new TokenMint(Buffer.alloc(32, 1))
const uid = userIdFromBigInt(1234567890123456789n)
const facts: TokenFacts = {
  uid,
  expires: 2_000_000_000_000,
  level: 'auth',
  serial: 3,
  features: 1,
  login: 'ann',
}

test('says what it was told, on every node that has the key', () => {
  const token = mint.issue(facts)
  expect(token).toMatch(/^[A-Za-z0-9+/]+=*$/)
  expect(token.length).toBeLessThan(120)
  expect(new TokenMint(Buffer.alloc(32, 1)).read(Buffer.from(token, 'base64'), 0)).toEqual(facts)
})

test('is refused under another key, after its time, cut, and longer', () => {
  const token = Buffer.from(mint.issue(facts), 'base64')
  expect(new TokenMint(Buffer.alloc(32, 2)).read(token, 0)).toBeNull()
  expect(mint.read(token, facts.expires - 1)).toEqual(facts)
  expect(mint.read(token, facts.expires)).toBeNull()
  expect(mint.read(Buffer.concat([token, Buffer.alloc(1)]), 0)).toBeNull()
  for (let length = 0; length < token.length; length++) {
    expect(mint.read(token.subarray(0, length), 0)).toBeNull()
  }
})

test('every flipped bit is noticed', () => {
  const token = Buffer.from(mint.issue(facts), 'base64')
  for (let bit = 0; bit < token.length * 8; bit++) {
    const flipped = Buffer.from(token)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    expect(mint.read(flipped, 0)).toBeNull()
  }
})

test('any user, time, serial and name survives the way', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }),
      fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.constantFrom('anon', 'auth', 'root'),
      fc.string({ maxLength: 32, unit: 'grapheme-ascii' }),
      (id, seconds, serial, level, login) => {
        const all = {
          uid: userIdFromBigInt(id),
          expires: seconds * 1_000,
          level,
          serial,
          features: 3,
          login,
        } as const
        expect(mint.read(Buffer.from(mint.issue(all), 'base64'), 0)).toEqual(all)
      },
    ),
  )
})

test('random bytes are no token', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(mint.read(Buffer.from(bytes), 0)).toBeNull()
    }),
  )
})

describe('the lower level', () => {
  test.for([
    ['anon', 'root', 'anon'],
    ['root', 'auth', 'auth'],
    ['root', 'root', 'root'],
  ] as const)('%s and %s is %s', ([a, b, lower]) => {
    expect(lowerLevel(a, b)).toBe(lower)
    expect(lowerLevel(b, a)).toBe(lower)
  })
})
