import fc from 'fast-check'
import { crc32 as zlibCrc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { crc32 } from '../../src/wire/crc32.ts'

test.for([
  ['', 0],
  ['123456789', 0xcbf43926],
  ['a', 0xe8b7be43],
] as const)('crc32 of %j', ([text, sum]) => {
  expect(crc32(Buffer.from(text))).toBe(sum)
})

test('agrees with zlib on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(crc32(bytes)).toBe(zlibCrc32(bytes))
    }),
  )
})
