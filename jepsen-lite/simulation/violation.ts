import { BrokenInvariant } from '../../src/assert.ts'

/** What a run is held against; numbered as in docs/testing.md. */
export const invariants = {
  'I14 one leader': 'at most one leader in a term',
  'I14 one vote': 'a member grants one vote in a term, and keeps it over a crash',
  'I14 elected': 'a leader holds the granted votes of a majority of each half of its members',
  'I15 log matching': 'equal index and term: equal entry, and equal entries before it',
  'I15 leader completeness': 'a leader has everything that was committed in older terms',
  'I15 committed stays': 'a committed entry is the same on every member and for ever',
  'I15 on a quorum': 'what a leader commits is durable on a majority of each half of its members',
  'I16 monotone': 'term, commit and applied index never fall',
  'I16 order': 'snapshot ≤ applied ≤ commit ≤ last',
  'I16 match is durable': 'what a leader counts as held is durable there, in its term',
  'I17 equal digest': 'equal applied index: equal state',
  'I3 acknowledged': 'what was acknowledged is in the log at that index and term',
  'I10 fresh read': 'a read sees everything that was committed when it was asked',
  'I10 read value': 'a read returns what the log says at its index',
  'L1 leader': 'a healed majority elects a leader',
  'L2 members': 'a joint phase ends and no change stays pending',
  'L3 converged': 'all members of a healed majority reach one index and one state',
  'L4 fresh write': 'a healed majority takes a write and a read',
} as const

export type Invariant = keyof typeof invariants

/** A promise was broken. `seen`: the numbers that show it. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly invariant: string
  readonly seen: object

  constructor(invariant: Invariant, seen: object) {
    super(`${invariant}: ${invariants[invariant]}; ${JSON.stringify(seen)}`)
    this.invariant = invariant
    this.seen = seen
  }
}

export function demand(holds: boolean, invariant: Invariant, seen: () => object): void {
  if (!holds) throw new Violation(invariant, seen())
}

/** By what name a failure is known: two runs failed alike if these are equal. */
export function failureName(error: unknown): string {
  if (error instanceof Violation) return error.invariant
  if (error instanceof BrokenInvariant) return error.id
  return error instanceof Error ? `thrown ${error.name}` : 'thrown'
}
