import { expect, test } from 'vitest'
import type { Message } from '../../src/raft/message.ts'
import { message } from '../../src/raft/message.ts'
import type { Raft } from '../../src/raft/raft.ts'
import { Group, text } from './world/group.ts'
import type { MemberConfig } from './world/member.ts'
import { always, seeded } from './world/random.ts'

/*
 * A test for each rule of the paper ("In Search of an Understandable Consensus Algorithm",
 * extended version); thesis sections where the paper has none. The paper knows no pre-vote, so it
 * is off here, and so is the check of the quorum.
 */

const plain = { preVote: false, checkQuorum: false } as const

function group(count: number, config: Partial<MemberConfig> = {}): Group {
  return Group.of(count, always(0), { ...plain, ...config })
}

/** A leader that has committed the first entry of its term. */
function led(count: number, config: Partial<MemberConfig> = {}): Group {
  const made = group(count, config)
  made.raft(1).campaign()
  made.settle()
  return made
}

function role(raft: Raft): string {
  return `${raft.status().role} of term ${raft.status().term}`
}

/** What `id` would send now, after its disk has synced. */
function sent(from: Group, id: number): Message[] {
  from.network = []
  from.take(from.member(id))
  from.store(from.member(id))
  const out = from.network
  from.network = []
  return out
}

const entry = (index: number, term: number, data = '') =>
  ({ index, term, kind: 'normal', data: text(data) }) as const

test.for(['append', 'heartbeat', 'vote', 'snapshot', 'append-response'] as const)(
  '5.1: whoever sees a newer term in %s takes it over and follows',
  (kind) => {
    for (const setUp of [group, led]) {
      const trio = setUp(3)
      const meta = { index: 9, term: 4, conf: trio.member(1).conf }
      const snapshot = kind === 'snapshot' ? { meta, data: text('') } : null
      trio.deliver(message(kind, { from: 2, to: 1, term: 5, snapshot }))
      expect(role(trio.raft(1))).toBe('follower of term 5')
    }
  },
)

test.for(['append', 'heartbeat', 'snapshot', 'vote'] as const)(
  '5.1: a %s of an older term is refused with the newer one',
  (kind) => {
    const trio = group(3)
    trio.deliver(message('heartbeat', { from: 3, to: 1, term: 5 }))
    sent(trio, 1)
    trio.deliver(message(kind, { from: 2, to: 1, term: 4, entries: [entry(1, 4)] }))
    const [answer] = sent(trio, 1)
    expect(answer).toMatchObject({ to: 2, term: 5, reject: true })
    expect(trio.member(1).disk.lastIndex()).toBe(0)
  },
)

test('5.2: everybody starts as a follower', () => {
  for (const { raft } of group(3).members) expect(role(raft)).toBe('follower of term 0')
})

test('5.2: a leader sends heartbeats at its interval', () => {
  const trio = led(3, { heartbeatTick: 2 })
  trio.tick(trio.member(1))
  expect(sent(trio, 1)).toEqual([])
  trio.tick(trio.member(1))
  expect(sent(trio, 1).map(({ kind, to }) => [kind, to])).toEqual([
    ['heartbeat', 2],
    ['heartbeat', 3],
  ])
})

test('5.2: a follower stands in a new term when it hears nobody, and votes for itself', () => {
  const trio = group(3)
  trio.tick(trio.member(1), 9)
  expect(role(trio.raft(1))).toBe('follower of term 0')
  trio.tick(trio.member(1))
  expect(role(trio.raft(1))).toBe('candidate of term 1')
  expect(trio.raft(1).status().vote).toBe(1)
  expect(sent(trio, 1).map(({ kind, to, term }) => [kind, to, term])).toEqual([
    ['vote', 2, 1],
    ['vote', 3, 1],
  ])
})

test('5.2: a candidate that does not win stands again in the next term', () => {
  const trio = group(3)
  trio.tick(trio.member(1), 10)
  trio.tick(trio.member(1), 10)
  expect(role(trio.raft(1))).toBe('candidate of term 2')
})

test.for([
  // members  grants   refusals  outcome
  [1, [], [], 'leader'],
  [3, [2], [], 'leader'],
  [3, [], [], 'candidate'],
  [3, [], [2], 'candidate'],
  [3, [], [2, 3], 'follower'],
  [5, [2], [], 'candidate'],
  [5, [2, 3], [], 'leader'],
  [5, [2, 2, 2], [], 'candidate'],
  [5, [2, 9, 8], [], 'candidate'],
  [5, [2], [3, 4, 5], 'follower'],
] as const)(
  '5.2: one of %i with grants of %j and refusals of %j becomes %s',
  ([count, grants, refusals, outcome]) => {
    const some = group(count)
    some.raft(1).campaign()
    sent(some, 1)
    for (const from of grants) some.deliver(message('vote-response', { from, to: 1, term: 1 }))
    for (const from of refusals) {
      some.deliver(message('vote-response', { from, to: 1, term: 1, reject: true }))
    }
    expect(some.raft(1).status().role).toBe(outcome)
  },
)

test('5.2: a vote goes to whoever asks first, and again to the same one', () => {
  const trio = group(3)
  const ask = (from: number): boolean | undefined => {
    trio.deliver(message('vote', { from, to: 1, term: 1 }))
    return sent(trio, 1)[0]?.reject
  }
  expect([ask(2), ask(3), ask(2)]).toEqual([false, true, false])
})

test('5.2: a candidate that hears a leader of its term follows it', () => {
  for (const kind of ['append', 'heartbeat'] as const) {
    const trio = group(3)
    trio.raft(1).campaign()
    trio.deliver(message(kind, { from: 2, to: 1, term: 1 }))
    expect(role(trio.raft(1))).toBe('follower of term 1')
    expect(trio.raft(1).status().lead).toBe(2)
  }
})

test('5.2: election timeouts are random, in one to two times the least, anew each time', () => {
  const trio = Group.of(3, seeded(7), plain)
  const seen = new Set<number>()
  for (let i = 0; i < 200; i++) {
    const { term } = trio.raft(1).status()
    let ticks = 0
    while (trio.raft(1).status().term === term) {
      trio.tick(trio.member(1))
      ticks++
    }
    expect(ticks).toBeGreaterThanOrEqual(10)
    expect(ticks).toBeLessThan(20)
    seen.add(ticks)
  }
  expect(seen.size).toBe(10)
})

test('5.2: random timeouts end split votes (pitfall 25)', () => {
  for (let seed = 0; seed < 200; seed++) {
    const five = Group.of(5, seeded(seed), plain)
    let ticks = 0
    while (five.leader() === undefined) {
      for (const member of five.members) five.tick(member)
      five.settle()
      expect(++ticks).toBeLessThan(200)
    }
  }
})

test('5.3: a leader appends first, then sends, and commits what a majority has stored', () => {
  const trio = led(3)
  expect(trio.raft(1).propose(text('a'))).toEqual({ term: 1, index: 2 })
  const appends = sent(trio, 1)
  expect(appends.map(({ to, index, logTerm, commit }) => [to, index, logTerm, commit])).toEqual([
    [2, 1, 1, 1],
    [3, 1, 1, 1],
  ])
  expect(trio.raft(1).status().commit).toBe(1)
  for (const m of appends) trio.deliver(m)
  trio.settle()
  expect(trio.raft(1).status().commit).toBe(2)
})

test.for([
  // members  acknowledged by  is committed
  [1, [], true],
  [3, [], false],
  [3, [2], true],
  [5, [2], false],
  [5, [2, 3], true],
] as const)(
  '5.3: of %i with the entry on %j too, committed: %s',
  ([count, others, isCommitted]) => {
    const some = led(count)
    some.raft(1).propose(text('a'))
    sent(some, 1)
    const before = some.raft(1).status().commit
    for (const from of others) {
      const { disk } = some.member(from)
      disk.write({ hardState: null, entries: [entry(2, 1, 'a')], snapshot: null })
      disk.sync()
      some.deliver(message('append-response', { from, to: 1, term: 1, index: 2 }))
    }
    const committed = count === 1 ? before === 2 : some.raft(1).status().commit === 2
    expect(committed).toBe(isCommitted)
  },
)

test('5.3: a committed entry is applied by all, in log order', () => {
  const trio = led(3)
  for (const word of ['a', 'b', 'c']) trio.raft(1).propose(text(word))
  trio.settle()
  for (const { appliedLog } of trio.members) {
    expect(appliedLog.map(({ index }) => index)).toEqual([1, 2, 3, 4])
  }
})

test('5.3: a leader tries again until every follower has stored the entry', () => {
  const trio = led(3)
  trio.isolate(3)
  trio.raft(1).propose(text('a'))
  trio.settle()
  trio.heal()
  trio.tick(trio.member(1))
  trio.settle()
  expect(trio.member(3).applied).toBe(2)
})

test.for([
  // after  its term  is accepted by a log of (1, term 1) and (2, term 2)
  [0, 0, true],
  [1, 1, true],
  [2, 2, true],
  [1, 2, false],
  [2, 1, false],
  [3, 3, false],
] as const)('5.3: an append after %i of term %i: %s', ([index, logTerm, isAccepted]) => {
  const trio = group(3)
  const entries = [entry(1, 1), entry(2, 2)]
  trio.deliver(message('append', { from: 2, to: 1, term: 2, entries }))
  sent(trio, 1)
  trio.deliver(message('append', { from: 2, to: 1, term: 3, index, logTerm }))
  expect(sent(trio, 1)[0]).toMatchObject({ kind: 'append-response', reject: !isAccepted })
})

test.for([
  // after/term  entries             log afterwards, on one of (1, term 1) and (2, term 2)
  [2, 2, [[3, 3]], [1, 2, 3]],
  [
    1,
    1,
    [
      [2, 3],
      [3, 4],
    ],
    [1, 3, 4],
  ],
  [0, 0, [[1, 1]], [1, 2]],
  [0, 0, [[1, 3]], [3]],
] as const)(
  '5.3: conflicts are cut, matching entries stay: %j',
  ([index, logTerm, list, terms]) => {
    const trio = group(3)
    const entries = [entry(1, 1), entry(2, 2)]
    trio.deliver(message('append', { from: 2, to: 1, term: 2, entries }))
    sent(trio, 1)
    const more = list.map(([i, t]) => entry(i, t))
    trio.deliver(message('append', { from: 2, to: 1, term: 4, index, logTerm, entries: more }))
    sent(trio, 1)
    const { disk } = trio.member(1)
    const found = Array.from({ length: disk.lastIndex() }, (_, i) => disk.term(i + 1))
    expect(found).toEqual(terms)
  },
)

test.for([
  // last index and term of the candidate, vote, by one with (1, term 1) and (2, term 2)
  [2, 2, true],
  [3, 2, true],
  [1, 3, true],
  [1, 2, false],
  [9, 1, false],
  [0, 0, false],
] as const)('5.4.1: a candidate with a log to %i of term %i gets a vote: %s', (row) => {
  const [index, logTerm, isGranted] = row
  const trio = group(3)
  const entries = [entry(1, 1), entry(2, 2)]
  trio.deliver(message('append', { from: 2, to: 1, term: 2, entries }))
  sent(trio, 1)
  trio.deliver(message('vote', { from: 3, to: 1, term: 3, index, logTerm }))
  expect(sent(trio, 1)[0]).toMatchObject({ kind: 'vote-response', reject: !isGranted })
})

test('5.4.2: entries of older terms are committed only together with one of its own', () => {
  const trio = group(3)
  const entries = [entry(1, 1), entry(2, 2)]
  for (const id of [1, 2]) {
    trio.deliver(message('append', { from: 3, to: id, term: 2, entries }))
    sent(trio, id)
  }
  trio.raft(1).campaign()
  sent(trio, 1)
  trio.deliver(message('vote-response', { from: 3, to: 1, term: 3 }))
  sent(trio, 1)
  trio.deliver(message('append-response', { from: 2, to: 1, term: 3, index: 2 }))
  expect(trio.raft(1).status().commit).toBe(0)
  trio.settle()
  trio.tick(trio.member(1))
  trio.settle()
  expect(trio.raft(1).status().commit).toBe(3)
})

test('5.5: answers that come twice, and requests that come again, change nothing', () => {
  const trio = led(3)
  trio.raft(1).propose(text('a'))
  trio.take(trio.member(1))
  for (let i = 0; i < 3; i++) for (const m of trio.network) trio.deliver(m)
  trio.settle()
  expect(trio.members.map(({ applied }) => applied)).toEqual([2, 2, 2])
})

test('6: members that hear their leader are not disturbed by others', () => {
  const trio = led(3, { checkQuorum: true })
  trio.deliver(message('vote', { from: 9, to: 2, term: 8, index: 9, logTerm: 9 }))
  trio.deliver(message('vote', { from: 9, to: 1, term: 8, index: 9, logTerm: 9 }))
  expect(trio.members.map(({ raft }) => raft.status().term)).toEqual([1, 1, 1])
})

test('7: a follower far behind is brought up by a snapshot', () => {
  const trio = led(3)
  trio.isolate(3)
  for (const word of ['a', 'b', 'c']) trio.raft(1).propose(text(word))
  trio.settle()
  trio.member(1).snapshotNow()
  trio.heal()
  trio.tick(trio.member(1))
  trio.settle()
  expect(trio.member(3).appliedBase).toBe(4)
  expect(trio.raft(3).status().commit).toBe(4)
})

test('8: a new leader commits an empty entry, so that it knows what is committed', () => {
  const trio = led(3)
  expect(trio.member(1).appliedLog).toMatchObject([{ index: 1, term: 1, data: text('') }])
})

test('thesis 3.10: a transfer takes less than an election timeout', () => {
  const trio = led(3, { checkQuorum: true, preVote: true })
  trio.raft(1).transferLeader(3)
  trio.settle()
  expect(role(trio.raft(3))).toBe('leader of term 2')
})

test('thesis 6.4: a read waits for a quorum to confirm the leader', () => {
  const trio = led(3)
  trio.checker.asked(5, trio.members)
  trio.raft(1).readIndex(5)
  trio.take(trio.member(1))
  expect(trio.member(1).reads).toEqual([])
  trio.settle()
  expect(trio.member(1).reads).toEqual([{ index: 1, context: 5 }])
})

test('thesis 9.6: a cut-off member does not raise its term', () => {
  const trio = led(3, { preVote: true, checkQuorum: true })
  trio.isolate(3)
  trio.tick(trio.member(3), 100)
  trio.settle()
  expect(trio.raft(3).status().term).toBe(1)
})
