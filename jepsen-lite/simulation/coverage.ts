/**
 * States that a campaign must have reached, or it has not tested them. The first list is what the
 * core counts itself (`sometimes` in src/raft), the second what the simulated world counts.
 */
export const coreMarks = [
  'raft: a campaign waits for a conf change to be applied',
  'raft: a candidate learned from a refusal what is committed',
  'raft: a heartbeat response opened a full window',
  'raft: a leader stepped down with entries not committed',
  'raft: a leader stepped down with reads pending',
  'raft: a read waits for the first commit of the term',
  'raft: a snapshot replaced a diverged tail',
  'raft: a stale refusal was dropped',
  'raft: an older snapshot came late',
  'raft: durable entries were overwritten',
] as const

const termsInMemory = 'the store keeps the terms of all entries in memory; test/raft has it'

/** Marks of the core that this world does not reach, and why. */
export const unreachedMarks: Readonly<Record<string, string>> = {
  'raft: a snapshot waits for the disk to be read': termsInMemory,
  'raft: an append waits for the disk to be read': termsInMemory,
  'raft: a read was refused because too many wait': 'takes 65,536 reads at once; test/raft has it',
}

export const worldMarks = [
  'election: won',
  'election: a leader lost its quorum',
  'vote: granted',
  'vote: refused',
  'crash: a leader',
  'crash: a torn record',
  'crash: bytes lost',
  'crash: in a joint phase',
  'crash: a leader in a joint phase',
  'crash: in the middle of an install',
  'crash: records behind a hole',
  'crash: unsynced records survived',
  'disk: entries were read back',
  'disk: hung at a leader',
  'healing: without some of the members',
  'hint: a link was lost',
  'members: a removed machine returned under a new id',
  'members: a voter waits to become a learner',
  'members: changed',
  'members: joint phase entered',
  'members: removal of the leader proposed',
  'network: a message came twice',
  'network: a message of an older term arrived',
  'network: a message of an older term came again',
  'network: a message overtook another',
  'network: a message was lost',
  'network: an append from further back',
  'propose: another entry stands there',
  'propose: to a deposed leader',
  'propose: uncommitted-full',
  'read: confirmed',
  'snapshot: a stream broke half way',
  'snapshot: an old one came again',
  'snapshot: installed',
  'snapshot: installed again after a crash',
  'stall: a leader',
  'transfer: aborted',
  'transfer: to a dead node',
  'trap: vote written',
  'trap: entries written',
  'trap: members changed',
  'trap: snapshot received',
  'trap: install step',
  'trap: elected',
  'trap: committed',
] as const

/** Fewer seeds than this say nothing about what cannot be reached. */
export const minSeedsForCoverage = 300

export function unseenMarks(counts: Readonly<Record<string, number>>): string[] {
  return [...coreMarks, ...worldMarks].filter((mark) => (counts[mark] ?? 0) === 0)
}
