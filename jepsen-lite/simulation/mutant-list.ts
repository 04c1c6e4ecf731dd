import type { Mutant } from '../../src/raft/mutants.ts'
import { mutants as coreMutants } from '../../src/raft/mutants.ts'

/** Bugs planted in the simulated host and disk, beside those of the core. */
const hostMutants = {
  K3: 'entries and term are written as two batches, the term second',
  K15: 'an install clears the state before the snapshot is safe, and does not say so',
} as const

/** Every planted bug, by id, in the order of the ids. */
export const mutants: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ ...coreMutants, ...hostMutants }).sort(([a], [b]) => order(a) - order(b)),
)

export type AnyMutant = Mutant | keyof typeof hostMutants

function order(id: string): number {
  return Number(id.slice(1))
}
