import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Mutant } from '../../src/raft/mutants.ts'
import { mutants, parseMutant } from '../../src/raft/mutants.ts'
import { runScript } from './world/script.ts'

/** The script that is about what the mutant gets wrong. */
const noticedBy: Record<Mutant, string> = {
  K1: 'votes-are-durable',
  K2: 'async-storage',
  K4: 'figure-8',
  K5: 'replication',
  K6: 'replication',
  K7: 'votes-are-durable',
  K8: 'figure-7',
  K9: 'votes-are-durable',
  K10: 'read-index',
  K11: 'read-index',
  K12: 'membership-joint',
  K13: 'membership-simple',
  K22: 'membership-simple',
  K23: 'pre-vote',
  K24: 'flow-control',
}

test.for(Object.keys(mutants) as Mutant[])('its script notices mutant %s', (mutant) => {
  const file = join(import.meta.dirname, 'scripts', `${noticedBy[mutant]}.txt`)
  const script = readFileSync(file, 'utf8')
  expect(isNoticed(script, mutant)).toBe(true)
})

test('a name that is not in the list is no mutant', () => {
  expect(parseMutant('K99')).toBe(null)
  expect(parseMutant('toString')).toBe(null)
  expect(parseMutant(undefined)).toBe(null)
  expect(parseMutant('K1')).toBe('K1')
})

/** A run that goes astray so far that the script cannot go on is noticed too. */
function isNoticed(script: string, mutant: Mutant): boolean {
  try {
    return runScript(script, mutant) !== script
  } catch {
    return true
  }
}
