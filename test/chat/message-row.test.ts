import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BrokenInvariant } from '../../src/assert.ts'
import { decodeMessage, encodeMessage, messageKey } from '../../src/chat/message-row.ts'
import { numberFromKey } from '../../src/chat/row-bytes.ts'
import { anna } from './world.ts'

const text = fc.oneof(
  fc.string({ maxLength: 120 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constant('x'.repeat(70_000)),
)

test('a message survives its row', () => {
  fc.assert(
    fc.property(
      fc.record({
        from: fc.constantFrom(anna, '' as const),
        ts: fc.integer({ min: 0, max: 4_000_000_000_000 }),
        head: fc.option(
          text.map((value) => JSON.stringify({ value })),
          { nil: null },
        ),
        content: text.map((value) => JSON.stringify(value)),
      }),
      fc.option(
        fc.record({
          producer: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
          n: fc.integer({ min: 1, max: 2 ** 40 }),
          hash: fc.integer({ min: 0, max: 0xffffffff }),
        }),
        { nil: {} },
      ),
      (message, key) => {
        const whole = { ...message, ...key }
        expect(decodeMessage(encodeMessage(whole))).toEqual(whole)
      },
    ),
    { numRuns: 200 },
  )
})

test('the layout is frozen', () => {
  const bytes = encodeMessage({ from: anna, ts: 0x010203040506, head: '{"a":1}', content: '"é"' })
  expect(Buffer.from(bytes).toString('hex')).toBe(
    '0103' + '010203040506' + '000000000000000b' + '00000007' + '7b2261223a317d' + '22c3a922',
  )
})

test('keys order as numbers do', () => {
  const seqs = [1, 255, 256, 65_536, 2 ** 32, 2 ** 40]
  const keys = seqs.map((seq) => Buffer.from(messageKey(seq)))
  expect(keys.map((key) => key.length)).toEqual(seqs.map(() => 8))
  expect(keys.toSorted((a, b) => Buffer.compare(a, b))).toEqual(keys)
  expect(keys.map(numberFromKey)).toEqual(seqs)
})

test('a version that never was breaks CHAT-4, a newer one is refused with the cure', () => {
  const bytes = encodeMessage({ from: '', ts: 1, head: null, content: 'null' })
  bytes[0] = 0
  expect(() => decodeMessage(bytes)).toThrow(BrokenInvariant)
  bytes[0] = 2
  expect(() => decodeMessage(bytes)).toThrow(
    'a row of a topic was written by a newer Flotilla (format 2, this one reads up to 1): start the newer version here',
  )
})
