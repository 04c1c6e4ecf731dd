import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  groupPrefix,
  isPartition,
  isPartitionCount,
  maxPartitions,
} from '../../src/ids/group-id.ts'
import { isNodeIndex } from '../../src/ids/node-index.ts'
import { murmur3, murmur3Bytes, partitionOf, uniqueNameKey } from '../../src/ids/routing-key.ts'

describe('murmur3', () => {
  /** Vectors of SMHasher's author and of the ports that cite him. */
  test.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['hello', 0, 0x248bfa47],
    ['hello, world', 0, 0x149bbb7f],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['ab', 0x9747b28c, 0x74875592],
    ['abc', 0x9747b28c, 0xc84a62dd],
    ['abcd', 0x9747b28c, 0xf0478627],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('%j with seed %i', (text, seed, hash) => {
    expect(murmur3(text, seed)).toBe(hash)
  })

  test('text and its UTF-8 bytes hash alike', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, seed) => {
        expect(murmur3(text, seed)).toBe(murmur3Bytes(new TextEncoder().encode(text), seed))
      }),
    )
  })
})

describe('partition of a key', () => {
  test.each([
    ['usrFYHpffQQIhE', 16, 32, 928],
    ['grpFYHpffQQIhE', 14, 14, 398],
    ['p2pFYHpffQQIhGxDLfjuIcQiQ', 15, 63, 127],
    ['sys', 14, 46, 430],
    [uniqueNameKey('basic:alice'), 3, 51, 819],
  ])('golden: %s', (key, in16, in64, in1024) => {
    expect([16, 64, 1024].map((count) => partitionOf(key, count))).toEqual([in16, in64, in1024])
  })

  test('every key has one partition in 1..P, and halving P folds it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(12), (key, log) => {
        const count = 2 ** log
        const partition = partitionOf(key, count)
        expect(isPartition(partition, count)).toBe(true)
        if (log > 0) {
          expect(partitionOf(key, count / 2)).toBe(((partition - 1) & (count / 2 - 1)) + 1)
        }
      }),
    )
  })

  test('100,000 names over 64 partitions: none above 1.15 of the mean', () => {
    const held = Array.from({ length: 64 }, () => 0)
    for (let i = 0; i < 100_000; i++) held[partitionOf('grp' + i.toString(36), 64) - 1]! += 1
    expect(Math.max(...held) / (100_000 / 64)).toBeLessThan(1.15)
    expect(Math.min(...held) / (100_000 / 64)).toBeGreaterThan(0.85)
  })

  test('IDS-8: P is a power of two', () => {
    for (const count of [0, 3, 65, 0.5, Number.NaN, maxPartitions * 2]) {
      expect(isPartitionCount(count)).toBe(false)
      expect(() => partitionOf('sys', count)).toThrow('IDS-8')
    }
    for (let count = 1; count <= maxPartitions; count *= 2) {
      expect(isPartitionCount(count)).toBe(true)
    }
  })
})

test('group prefixes are two bytes, big-endian', () => {
  expect([...groupPrefix(0)]).toEqual([0, 0])
  expect([...groupPrefix(64)]).toEqual([0, 64])
  expect([...groupPrefix(4096)]).toEqual([16, 0])
})

test.each([
  [1, true],
  [1023, true],
  [0, false],
  [1024, false],
  [-1, false],
  [1.5, false],
  ['1', false],
  [Number.NaN, false],
])('node index %s: %s', (value, holds) => {
  expect(isNodeIndex(value)).toBe(holds)
})
