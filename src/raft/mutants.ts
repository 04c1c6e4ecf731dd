/**
 * Bugs planted on purpose. A simulation that cannot tell a mutant from the real core has no teeth.
 * A closed list; each is one `if` at the place where people have got it wrong. Only tests set one.
 */
export const mutants = {
  K1: 'a vote is answered before it is durable',
  K2: 'an append is acknowledged before it is durable',
  K4: 'commit counts replicas of entries of older terms',
  K5: 'a follower takes the commit index of the leader past what it verified',
  K6: 'a follower truncates on every append',
  K7: 'a vote is forgotten on step-down within a term',
  K8: 'the up-to-date check ignores the term',
  K9: 'votes are counted by message, not by voter',
  K10: 'a strong read is not confirmed by a quorum',
  K11: 'a read is confirmed by an old heartbeat',
  K12: 'a joint configuration asks only its new half',
  K13: 'a new voter is counted before its configuration is adopted',
  K22: 'a removed node is still counted',
  K23: 'a heartbeat response carries no term',
  K24: 'the in-flight window is never reset',
} as const

export type Mutant = keyof typeof mutants

/** The mutant of that name if it is one of the core's, else null. */
export function parseMutant(name: string | undefined): Mutant | null {
  return name !== undefined && Object.hasOwn(mutants, name) ? (name as Mutant) : null
}
