import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeProducerId, producerIdTime } from '../../src/ids/producer-id.ts'
import { Snowflake, epochMs, id64ToBigInt } from '../../src/ids/snowflake.ts'

const times = fc.integer({ min: epochMs + 86_400_000, max: epochMs + 2 ** 40 })

test('an id tells when it was made', () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 2 ** 22 - 1 }), (ms, random) => {
      expect(producerIdTime(makeProducerId(ms, random))).toBe(ms)
    }),
  )
})

test('ids of clients and of sessions line up by time: the longer is later, then the text decides', () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      const snowflake = new Snowflake(1023, 0)
      snowflake.reserve(a + 10_000)
      const id = snowflake.next(a)
      if (typeof id === 'string') throw new Error(id)
      const session = id64ToBigInt(id).toString(36)
      const client = makeProducerId(b, 0)
      const later =
        session.length !== client.length ? session.length > client.length : session > client
      if (a !== b) expect(later).toBe(a > b)
    }),
  )
})

test.for([
  ['', null],
  ['p', null],
  ['jepsen-1', null],
  ['0123456789a', null],
  ['ABCDEFGHIJKL', null],
  ['zzzzzzzzzzzzzz', null],
] as const)('%j is none', ([id, time]) => {
  expect(producerIdTime(id)).toBe(time)
})
