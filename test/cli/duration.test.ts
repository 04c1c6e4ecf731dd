import { expect, test } from 'vitest'
import { durationText, parseDuration } from '../../src/cli/duration.ts'

test.for([
  ['30s', 30_000],
  ['15m', 900_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
  ['0s', 0],
  ['', undefined],
  ['1', undefined],
  ['1.5h', undefined],
  ['-1h', undefined],
  ['1w', undefined],
] as const)('%j is %s ms', ([text, ms]) => {
  expect(parseDuration(text)).toBe(ms)
})

test.for([
  [0, '0 s'],
  [999, '1 s'],
  [61_000, '1 min 1 s'],
  [3_600_000, '1 h'],
  [90_061_000, '1 d 1 h'],
  [-5, '0 s'],
] as const)('%i ms is told as %s', ([ms, text]) => {
  expect(durationText(ms)).toBe(text)
})
