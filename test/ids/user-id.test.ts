import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBase64url } from '../../src/ids/base64url.ts'
import {
  compareUserIds,
  parseUserId,
  userIdBytes,
  userIdFromBigInt,
  userIdFromBytes,
  userIdToBigInt,
} from '../../src/ids/user-id.ts'

const anyId = fc.bigInt({ min: 1n, max: (1n << 64n) - 1n })

/** The reference encoder: Node's own, over the little-endian bytes. */
function spelled(value: bigint): string {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return 'usr' + bytes.toString('base64url')
}

describe('user id', () => {
  test.each([
    [1234567890123456789n, 'usrFYHpffQQIhE'],
    [9876543210987654321n, 'usrsQy347iHEIk'],
    [1n, 'usrAQAAAAAAAAA'],
    [(1n << 64n) - 1n, 'usr__________8'],
  ])('%s is %s (golden)', (value, text) => {
    expect(userIdFromBigInt(value)).toBe(text)
    expect(parseUserId(text)).toBe(text)
    expect(userIdToBigInt(userIdFromBigInt(value))).toBe(value)
  })

  test.each([
    ['', 'empty'],
    ['usr', 'no id'],
    ['usrFYHpffQQIh', 'too short'],
    ['usrFYHpffQQIhEA', 'too long'],
    ['grpFYHpffQQIhE', 'another prefix'],
    ['USRFYHpffQQIhE', 'upper-case prefix'],
    ['usrFYHpff+QIhE', 'the other base64'],
    ['usrFYHpff=QIhE', 'padding'],
    ['usrFYHpffQQIhé', 'not ASCII'],
    ['usrFYHpffQQIh\u0100', 'beyond one byte'],
    ['usrFYHpffQ\0IhE', 'control character'],
    ['usrAAAAAAAAAAA', 'zero'],
    ['usrAAAAAAAAAAD', 'zero in another spelling'],
  ])('%j is no user: %s', (text) => {
    expect(parseUserId(text)).toBeNull()
  })

  test('the four spellings of the last character are one user', () => {
    for (const text of ['usrFYHpffQQIhE', 'usrFYHpffQQIhF', 'usrFYHpffQQIhG', 'usrFYHpffQQIhH']) {
      expect(parseUserId(text)).toBe('usrFYHpffQQIhE')
    }
    expect(parseUserId('usrFYHpffQQIhI')).not.toBe('usrFYHpffQQIhE')
  })

  test('agrees with Node base64url, in both directions', () => {
    fc.assert(
      fc.property(anyId, (value) => {
        const user = userIdFromBigInt(value)
        expect(user).toBe(spelled(value))
        expect(parseUserId(user)).toBe(user)
        expect(userIdToBigInt(user)).toBe(value)
      }),
    )
  })

  test('any eleven characters of the alphabet give a canonical id, and again the same', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const character = fc.constantFrom(...alphabet.split(''))
    const tail = fc.string({ unit: character, minLength: 11, maxLength: 11 })
    fc.assert(
      fc.property(tail, (text) => {
        const user = parseUserId('usr' + text)
        const value = Buffer.from(text, 'base64url').readBigUInt64LE()
        expect(user).toBe(value === 0n ? null : spelled(value))
      }),
    )
  })

  test('any text at all is read or refused, never misread', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        const user = parseUserId('usr' + text)
        if (user !== null) expect(isBase64url(text, 0, text.length)).toBe(true)
      }),
    )
  })

  test('bytes are big-endian and sort as numbers do, unsigned', () => {
    expect(userIdBytes(userIdFromBigInt(0x0102030405060708n))).toEqual(
      Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    )
    fc.assert(
      fc.property(anyId, anyId, (a, b) => {
        const [x, y] = [userIdFromBigInt(a), userIdFromBigInt(b)]
        const order = a < b ? -1 : a > b ? 1 : 0
        expect(Math.sign(compareUserIds(x, y))).toBe(order)
        expect(Math.sign(Buffer.compare(userIdBytes(x), userIdBytes(y)))).toBe(order)
        expect(userIdFromBytes(userIdBytes(x))).toBe(x)
      }),
    )
  })

  test('IDS-1, IDS-2, IDS-3: zero, a wrong width and a wrong range break an invariant', () => {
    expect(() => userIdFromBigInt(0n)).toThrow('IDS-1')
    expect(() => userIdFromBytes(new Uint8Array(7))).toThrow('IDS-2')
    expect(() => userIdFromBigInt(1n << 64n)).toThrow('IDS-3')
    expect(() => userIdFromBigInt(-1n)).toThrow('IDS-3')
  })
})
