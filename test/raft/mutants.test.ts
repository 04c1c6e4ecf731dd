import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Mutant } from '../../src/raft/mutants.ts'
import { mutants, parseMutant } from '../../src/raft/mutants.ts'
import { runScript } from './world/script.ts'

const folder = join(import.meta.dirname, 'scripts')
const scripts = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => readFileSync(join(folder, name), 'utf8'))

test.for(Object.keys(mutants) as Mutant[])('a script notices mutant %s', (mutant) => {
  expect(scripts.some((text) => isNoticed(text, mutant))).toBe(true)
})

test('a name that is not in the list is no mutant', () => {
  expect(parseMutant('K99')).toBe(null)
  expect(parseMutant('toString')).toBe(null)
  expect(parseMutant(undefined)).toBe(null)
  expect(parseMutant('K1')).toBe('K1')
})

/** A run that goes astray so far that the script cannot go on is noticed too. */
function isNoticed(text: string, mutant: Mutant): boolean {
  try {
    return runScript(text, mutant) !== text
  } catch {
    return true
  }
}
