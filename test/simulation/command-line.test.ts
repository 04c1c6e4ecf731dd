import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Prng } from '../../jepsen-lite/prng.ts'
import {
  UsageError,
  readSettings,
  reproduction,
} from '../../jepsen-lite/simulation/command-line.ts'
import {
  coreMarks,
  unreachedMarks,
  unseenMarks,
  worldMarks,
} from '../../jepsen-lite/simulation/coverage.ts'
import { cutLinks } from '../../jepsen-lite/simulation/partition-shapes.ts'

test.for([
  'run --seed 7 --trace',
  'run --seed 7 --trace --off loss,crash --faults "1,2,3" --until 900 --salt 2 --mutant K4',
  'run --seed 7 --trace --faults ""',
])('the command that shows a failure again is understood: %s', (command) => {
  const words = command.split(' ').map((word) => word.replaceAll('"', ''))
  const { seed, overrides, seeds } = readSettings(words)
  expect(seeds).toBe(1)
  expect(reproduction(seed, overrides)).toBe(`node dist/jepsen-lite/simulation/main.js ${command}`)
})

test.for([
  [],
  ['walk'],
  ['run', '--seeds', 'many'],
  ['run', '--seed', '-1'],
  ['run', '--what'],
  ['run', '--off', 'gravity'],
  ['mutants', '--only', 'K99'],
])('%j is refused', (words) => {
  expect(() => readSettings(words)).toThrow(UsageError)
})

test('every rare state that the core counts must be reached, or says why not', () => {
  const folder = join(import.meta.dirname, '../../src/raft')
  const counted = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .flatMap((text) => [...text.matchAll(/'(raft: [^']+)'/g)].map(([, mark]) => mark!))
  const listed = [...coreMarks, ...Object.keys(unreachedMarks)]
  expect(listed.toSorted()).toEqual([...new Set(counted)].toSorted())
})

test('a state that was never reached is told', () => {
  const seen = Object.fromEntries([...coreMarks, ...worldMarks].map((mark) => [mark, 1]))
  expect(unseenMarks(seen)).toEqual([])
  expect(unseenMarks({ ...seen, 'crash: a leader': 0 })).toEqual(['crash: a leader'])
})

test('partitions: two ways are symmetric, one way never is, nobody is cut from itself', () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Prng(seed)
    const ids = random.shuffled([1, 2, 3, 4, 5, 6, 7].slice(0, 1 + random.below(7)))
    const isOneWay = random.chance(0.5)
    const cuts = cutLinks(ids, isOneWay, random)
    const has = (from: number, to: number) => cuts.some(([a, b]) => a === from && b === to)
    for (const [from, to] of cuts) {
      expect(from).not.toBe(to)
      expect(has(to, from)).toBe(!isOneWay)
    }
  }
})
