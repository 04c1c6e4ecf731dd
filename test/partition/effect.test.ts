import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeEffects, encodeEffects } from '../../src/partition/effect.ts'

const bytes = (max: number) => fc.uint8Array({ maxLength: max })

test('any list of effects comes back whole, in order, behind the prefix', () => {
  const effect = fc.record({ key: bytes(40), value: fc.option(bytes(300)) })
  fc.assert(
    fc.property(fc.array(effect, { maxLength: 30 }), bytes(4), (effects, prefix) => {
      const back = decodeEffects(encodeEffects(effects), prefix)
      expect(back.map(({ key, value }) => [[...key], value === null ? null : [...value]])).toEqual(
        effects.map(({ key, value }) => [[...prefix, ...key], value === null ? null : [...value]]),
      )
    }),
  )
})

test('PARTITION-1: a payload of a format that is not known stops, it is not skipped', () => {
  const data = encodeEffects([{ key: Uint8Array.of(1), value: null }])
  data[0] = 0
  expect(() => decodeEffects(data, new Uint8Array(0))).toThrow(/PARTITION-1/)
  data[0] = 2
  expect(() => decodeEffects(data, new Uint8Array(0))).toThrow(
    'an entry of the log was written by a newer Flotilla (format 2, this one reads up to 1): start the newer version here',
  )
})

test('PARTITION-2: a payload that ends in the middle of an effect stops', () => {
  const data = encodeEffects([{ key: Uint8Array.of(1, 2, 3), value: Uint8Array.of(4, 5) }])
  expect(() => decodeEffects(data.subarray(0, data.length - 1), new Uint8Array(0))).toThrow()
})
