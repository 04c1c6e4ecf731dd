import { describe, expect, test } from 'vitest'
import { ClientChecker } from '../../jepsen-lite/simulation/client-checker.ts'
import { ElectionChecker } from '../../jepsen-lite/simulation/election-checker.ts'
import { LogChecker } from '../../jepsen-lite/simulation/log-checker.ts'
import { ReplicaState, encodeCommand } from '../../jepsen-lite/simulation/replica-state.ts'
import { Violation } from '../../jepsen-lite/simulation/violation.ts'
import type { Entry } from '../../src/raft/entry.ts'
import { emptyConfState } from '../../src/raft/entry.ts'
import { message } from '../../src/raft/message.ts'
import type { RaftStatus } from '../../src/raft/status.ts'
import { GroupLog } from '../../src/store/group-log.ts'

const conf = { ...emptyConfState, voters: [1, 2, 3] }

function status(fields: Partial<RaftStatus>): RaftStatus {
  const none = { id: 1, term: 2, vote: 1, commit: 1, applied: 1, lead: 1, transferee: 0 }
  return { ...none, role: 'leader', config: conf, progress: {}, confPending: false, ...fields }
}

function entry(index: number, term: number, id = index): Entry {
  return { index, term, kind: 'normal', data: encodeCommand({ id, register: 0 }, 0) }
}

function logOf(entries: Entry[]): { live: GroupLog; synced: GroupLog } {
  const live = new GroupLog()
  live.step({ hardState: null, entries: [], snapshot: { index: 1, term: 1, conf }, conf: null })
  live.step({ hardState: null, entries, snapshot: null, conf: null })
  return { live, synced: live.clone() }
}

/** The invariant that `act` breaks; null: none. */
function broken(act: () => void): string | null {
  try {
    act()
    return null
  } catch (error) {
    if (error instanceof Violation) return error.invariant
    throw error
  }
}

const all = () => true

describe('elections', () => {
  const grant = (from: number, to: number, term: number) =>
    message('vote-response', { from, to, term })

  test('a voter may repeat its vote, not change it', () => {
    const checker = new ElectionChecker()
    checker.sent(grant(2, 1, 5))
    checker.sent(grant(2, 1, 5))
    checker.sent(grant(2, 3, 6))
    checker.sent(message('vote-response', { from: 2, to: 3, term: 5, reject: true }))
    expect(broken(() => checker.sent(grant(2, 3, 5)))).toBe('I14 one vote')
    expect(broken(() => checker.sent(message('vote', { from: 2, to: 1, term: 6 })))).toBe(
      'I14 one vote',
    )
  })

  test('a leader needs the votes of a majority of each half', () => {
    const checker = new ElectionChecker()
    checker.sent(message('vote', { from: 1, to: 2, term: 2 }))
    expect(broken(() => checker.isNewLeader(status({})))).toBe('I14 elected')
    checker.sent(grant(2, 1, 3))
    checker.sent(grant(3, 1, 3))
    const joint = { ...conf, outgoing: [4, 5] }
    expect(broken(() => checker.isNewLeader(status({ term: 3, config: joint })))).toBe(
      'I14 elected',
    )
  })

  test('one leader in a term', () => {
    const checker = new ElectionChecker()
    checker.sent(grant(2, 1, 2))
    checker.sent(grant(3, 1, 2))
    expect(checker.isNewLeader(status({}))).toBe(true)
    expect(checker.isNewLeader(status({}))).toBe(false)
    expect(broken(() => checker.isNewLeader(status({ id: 3 })))).toBe('I14 one leader')
  })
})

describe('logs', () => {
  test('equal index and term is the same entry after the same', () => {
    const checker = new LogChecker()
    checker.appended(1, [entry(2, 1), entry(3, 2)], 1)
    checker.appended(2, [entry(2, 1), entry(3, 2)], 1)
    checker.appended(2, [entry(3, 3)], 1)
    expect(broken(() => checker.appended(3, [entry(3, 2, 99)], 1))).toBe('I15 log matching')
    expect(broken(() => checker.appended(3, [entry(3, 2)], 2))).toBe('I15 log matching')
  })

  test('a leader commits what a majority holds, and it stays', () => {
    const checker = new LogChecker()
    const logs = logOf([entry(2, 2), entry(3, 2)])
    const commit = (index: number, holders: (voter: number) => boolean) => () =>
      checker.commitMoved(status({ commit: index }), logs, 0, holders, false)
    expect(broken(commit(2, (voter) => voter < 3))).toBe(null)
    expect(broken(commit(3, (voter) => voter === 1))).toBe('I15 on a quorum')
    expect(checker.lastCommitted).toBe(2)
    const other = logOf([entry(2, 3)])
    const follower = status({ id: 2, role: 'follower', commit: 2 })
    expect(broken(() => checker.commitMoved(follower, other, 0, all, false))).toBe(
      'I15 committed stays',
    )
    expect(checker.commitMoved(follower, other, 0, all, true)).toBe(0)
  })

  test('nobody but a leader is the first to commit', () => {
    const checker = new LogChecker()
    const follower = status({ role: 'follower', commit: 2 })
    const move = () => checker.commitMoved(follower, logOf([entry(2, 2)]), 0, all, false)
    expect(broken(move)).toBe('I15 on a quorum')
  })

  test('a leader has everything that older terms committed', () => {
    const checker = new LogChecker()
    checker.commitMoved(status({ commit: 2 }), logOf([entry(2, 2)]), 0, all, false)
    const elect = (term: number, entries: Entry[]) => () =>
      checker.elected(status({ term }), logOf(entries))
    expect(broken(elect(3, [entry(2, 2)]))).toBe(null)
    expect(broken(elect(3, []))).toBe('I15 leader completeness')
    expect(broken(elect(3, [entry(2, 1)]))).toBe('I15 leader completeness')
    // A late winner of an older term owes nothing to a newer one.
    expect(broken(elect(2, []))).toBe(null)
  })
})

describe('clients', () => {
  function applied(...ids: number[]): { checker: ClientChecker; state: ReplicaState } {
    const checker = new ClientChecker()
    const state = new ReplicaState(conf)
    state.applied = 1
    checker.founded(state)
    ids.forEach((id, i) => {
      const one = entry(i + 2, 2, id)
      state.apply(one, conf)
      checker.applied(1, one, state)
    })
    return { checker, state }
  }

  test('equal index, equal state', () => {
    const { checker, state } = applied(7, 8)
    expect(broken(() => checker.matches(2, state.clone()))).toBe(null)
    const other = state.clone()
    other.registers[0] = 6
    expect(broken(() => checker.matches(2, other))).toBe('I17 equal digest')
  })

  test('what is acknowledged stands there', () => {
    const { checker } = applied(7, 8)
    expect(broken(() => checker.acknowledged(3, 2, 8))).toBe(null)
    expect(broken(() => checker.acknowledged(3, 2, 7))).toBe('I3 acknowledged')
    expect(broken(() => checker.acknowledged(3, 1, 8))).toBe('I3 acknowledged')
    expect(broken(() => checker.acknowledged(4, 2, 9))).toBe('I3 acknowledged')
  })

  test('a read sees what was committed when it was asked, and nothing else', () => {
    const { checker, state } = applied(7, 8)
    checker.asked(1, 3)
    checker.asked(2, 4)
    checker.asked(3, 2)
    expect(broken(() => checker.answered(1, 1, 0, state))).toBe(null)
    expect(broken(() => checker.answered(1, 2, 0, state))).toBe('I10 fresh read')
    const other = state.clone()
    other.registers[0] = 9
    expect(broken(() => checker.answered(1, 3, 0, other))).toBe('I10 read value')
  })
})
