import { createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { apiKeyOf, isValidApiKey } from '../../src/session/api-key.ts'
import { stockKey, stockSalt } from './edge-fixture.ts'

const otherSalt = Buffer.from('TC0Jzr8f28kAspXrb4UYccJUJ63b7CSA16n1qMxxGpw=', 'base64')
const otherKey = 'AQAAAAABAACGOIyP2vh5avSff5oVvMpk'

test.for([
  ['vector 1', otherSalt, otherKey, true],
  ['vector 2', stockSalt, stockKey, true],
  ['vector 1 under the other salt', stockSalt, otherKey, false],
  ['one character short', stockSalt, stockKey.slice(1), false],
  ['padded', stockSalt, stockKey + '=', false],
  ['standard base64', stockSalt, stockKey.replace('_', '/'), false],
  ['empty', stockSalt, '', false],
  ['version 2, well signed', stockSalt, signed(2), false],
  ['version 1, any app id and flag', stockSalt, signed(1), true],
] as const)('%s', ([, salt, key, valid]) => {
  expect(isValidApiKey(salt, key)).toBe(valid)
})

test('every flipped bit is noticed', () => {
  const bytes = Buffer.from(stockKey, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    expect(isValidApiKey(stockSalt, flipped.toString('base64url'))).toBe(false)
  }
})

test.for([
  ['header first', { 'x-tinode-apikey': 'h', cookie: 'apikey=c' }, 'apikey=q', 'h'],
  ['then query', { 'x-tinode-apikey': '', cookie: 'apikey=c' }, 'apikey=q', 'q'],
  ['then cookie', { cookie: 'a=b; apikey=c; d=e' }, 'apikey=', 'c'],
  ['none', { cookie: 'xapikey=c' }, 'key=q', ''],
] as const)('%s', ([, headers, query, key]) => {
  expect(apiKeyOf({ headers } as unknown as IncomingMessage, new URLSearchParams(query))).toBe(key)
})

function signed(version: number): string {
  const head = Buffer.from([version, 9, 8, 7, 6, 5, 4, 1])
  const mac = createHmac('md5', stockSalt).update(head).digest()
  return Buffer.concat([head, mac]).toString('base64url')
}
