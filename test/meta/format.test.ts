import { expect, test } from 'vitest'
import { decodeCommand, decodeState } from '../../src/meta/codec.ts'

test.each([decodeCommand, decodeState])('a newer format is refused with the cure', (decode) => {
  expect(() => decode(Uint8Array.of(2, 0x80))).toThrow(
    'the state of the cluster was written by a newer Flotilla (format 2, this one reads up to 1): start the newer version here',
  )
})
