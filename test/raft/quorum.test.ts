import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Index, RaftId } from '../../src/raft/entry.ts'
import { committedIndex, everyIndex, majority, voteResult } from '../../src/raft/quorum.ts'

test.for([
  // voters        acked by                      commits
  [[1], { 1: 7 }, 7],
  [[1, 2], { 1: 7 }, 0],
  [[1, 2], { 1: 7, 2: 5 }, 5],
  [[1, 2, 3], { 1: 7, 2: 4, 3: 9 }, 7],
  [[1, 2, 3], { 1: 7, 9: 8 }, 0],
  [[1, 2, 3, 4], { 1: 7, 2: 4, 3: 9 }, 4],
  [[1, 2, 3, 4, 5], { 1: 7, 2: 4, 3: 9 }, 4],
  [[], {}, everyIndex],
] as const)('a majority of %j with %j commits %i', ([voters, acked, commits]) => {
  expect(committedIndex(voters, null, lookup(acked))).toBe(commits)
})

test.for([
  // incoming  outgoing   acked by                     commits
  [[1, 2], [3, 4], { 1: 7, 2: 6, 3: 5, 4: 4 }, 4],
  [[1, 2, 3], [2, 3, 4], { 1: 9, 2: 9, 3: 1, 4: 2 }, 2],
  [[1], [], { 1: 3 }, 3],
] as const)('both halves %j and %j with %j commit %i', ([voters, outgoing, acked, commits]) => {
  expect(committedIndex(voters, outgoing, lookup(acked))).toBe(commits)
})

test.for([
  [[], [], {}, 'won'],
  [[1], [], {}, 'pending'],
  [[1], [], { 1: true }, 'won'],
  [[1], [], { 1: false }, 'lost'],
  [[1, 2, 3], [], { 1: true, 9: true }, 'pending'],
  [[1, 2, 3], [], { 1: true, 2: true }, 'won'],
  [[1, 2, 3], [], { 1: false, 2: false }, 'lost'],
  [[1, 2, 3, 4], [], { 1: true, 2: true, 3: false, 4: false }, 'lost'],
  [[1, 2], [2, 3], { 1: true, 2: true, 3: false }, 'lost'],
  [[1, 2], [2, 3], { 1: true, 2: true }, 'pending'],
  [[1, 2], [2, 3], { 1: true, 2: true, 3: true }, 'won'],
  [[1, 2], [3], { 1: true, 3: false }, 'lost'],
] as const)('voters %j and %j with votes %j: %s', ([voters, outgoing, votes, result]) => {
  expect(voteResult(voters, outgoing, lookup(votes))).toBe(result)
})

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 7 })

test('committedIndex is what its slow twin finds', () => {
  const acked = fc.dictionary(digit(), fc.integer({ min: 0, max: 20 }))
  fc.assert(
    fc.property(ids, ids, acked, (voters, outgoing, acks) => {
      const found = committedIndex(voters, outgoing, lookup(acks))
      expect(found).toBe(slowCommittedIndex(voters, outgoing, acks))
    }),
  )
})

test('voteResult is what its slow twin finds', () => {
  const votes = fc.dictionary(digit(), fc.boolean())
  fc.assert(
    fc.property(ids, ids, votes, (voters, outgoing, answers) => {
      const found = voteResult(voters, outgoing, lookup(answers))
      expect(found).toBe(slowVoteResult(voters, outgoing, answers))
    }),
  )
})

function digit(): fc.Arbitrary<string> {
  return fc.integer({ min: 1, max: 9 }).map(String)
}

function lookup<T>(table: Readonly<Record<string, T>>): Map<RaftId, T> {
  return new Map(Object.entries(table).map(([id, value]) => [Number(id), value]))
}

/** The highest index of which one can say, by counting, that enough hold it. */
function slowCommittedIndex(
  voters: readonly RaftId[],
  outgoing: readonly RaftId[],
  acks: Readonly<Record<string, Index>>,
): Index {
  const halves = [voters, outgoing].filter((half) => half.length > 0)
  if (halves.length === 0) return everyIndex
  let best = 0
  for (let index = 0; index <= 20; index++) {
    const isHeld = halves.every(
      (half) => half.filter((id) => (acks[id] ?? 0) >= index).length >= majority(half.length),
    )
    if (isHeld) best = index
  }
  // Without incoming voters only the outgoing half asks for anything, and the other way round.
  return best
}

/** Tries every way in which the missing votes could still fall. */
function slowVoteResult(
  voters: readonly RaftId[],
  outgoing: readonly RaftId[],
  answers: Readonly<Record<string, boolean>>,
): string {
  const missing = [...new Set([...voters, ...outgoing])].filter((id) => !(id in answers))
  const outcomes = new Set<boolean>()
  for (let bits = 0; bits < 2 ** missing.length; bits++) {
    const guess = Object.fromEntries(missing.map((id, i) => [id, (bits >> i) % 2 === 1]))
    const all = { ...answers, ...guess }
    const isWon = [voters, outgoing].every(
      (half) => half.length === 0 || half.filter((id) => all[id]).length >= majority(half.length),
    )
    outcomes.add(isWon)
  }
  if (outcomes.size === 2) return 'pending'
  return outcomes.has(true) ? 'won' : 'lost'
}
