import { leaders } from '../../jepsen-lite/checker/leaders.ts'
import { liveness } from '../../jepsen-lite/checker/liveness.ts'
import { ring } from '../../jepsen-lite/checker/ring.ts'
import { call, seen, table } from './checker-table.ts'
import type { Line } from './checker-table.ts'
import { publish } from './story.ts'

interface Row {
  readonly group?: string
  readonly term?: number
  readonly role?: string
  readonly commit?: number
  readonly applied?: number
  readonly voters?: readonly string[]
  readonly opened?: number
}

/** What `node` tells of its groups. */
function state(node: string, rows: readonly Row[], final = false): Line {
  const groups = rows.map((row) => ({ group: 'p1', term: 3, role: 'follower', ...row }))
  return seen('cluster-state', node, { boot: 'b', groups, ...(final && { final }) })
}

/** After a restart, in this life of its data. */
function reborn(node: string, data: number, row: Row): Line {
  const told = state(node, [row])
  return { ...told, value: { ...(told.value as object), boot: `b${data}`, data } }
}

table(leaders, [
  [
    'applied rises',
    [state('n1', [{ applied: 4, commit: 5 }]), state('n1', [{ applied: 5, commit: 5 }])],
    [],
  ],
  [
    'applied goes back',
    [state('n1', [{ applied: 5 }]), state('n1', [{ applied: 4 }])],
    ['applied-went-back'],
  ],
  [
    'applied before it is committed',
    [state('n1', [{ applied: 6, commit: 5 }])],
    ['applied-beyond-commit'],
  ],
  [
    'a replica that was moved away and came back',
    [state('n1', [{ term: 5, commit: 9 }]), state('n1', []), state('n1', [{ term: 1, commit: 0 }])],
    [],
  ],
  [
    'it left and came back between two looks',
    [
      state('n1', [{ term: 5, commit: 9, applied: 9, opened: 3 }]),
      state('n1', [{ term: 5, commit: 0, applied: 0, opened: 7 }]),
    ],
    [],
  ],
  [
    'what it voted for stays, also when it left and came back',
    [state('n1', [{ term: 5, opened: 3 }]), state('n1', [{ term: 4, opened: 7 }])],
    ['term-went-back'],
  ],
  [
    'the same replica forgets',
    [state('n1', [{ commit: 9, opened: 3 }]), state('n1', [{ commit: 8, opened: 3 }])],
    ['commit-went-back'],
  ],
  [
    'another node has the group meanwhile',
    [state('n1', [{ term: 5 }]), state('n2', []), state('n1', [{ term: 4 }])],
    ['term-went-back'],
  ],
  [
    'a node whose data was taken knows nothing of before',
    [reborn('n1', 1, { term: 5, commit: 9 }), reborn('n1', 2, { term: 1, commit: 1 })],
    [],
  ],
  [
    'it forgets again, by itself',
    [reborn('n1', 1, { term: 5 }), reborn('n1', 2, { term: 4 }), reborn('n1', 2, { term: 1 })],
    ['term-went-back'],
  ],
  [
    'a restart takes no data',
    [state('n1', [{ term: 5 }]), state('n1', [{ term: 4 }])],
    ['term-went-back'],
  ],
  [
    'a node whose data was taken leads in a term that has a leader',
    [reborn('n2', 1, { term: 2, role: 'leader' }), reborn('n1', 2, { term: 2, role: 'leader' })],
    ['two-leaders'],
  ],
  [
    'a replica that begins anew as a learner',
    [state('n1', [{ commit: 9 }]), state('n1', [{ term: 0, role: 'learner', commit: 0 }])],
    [],
  ],
])

const leader: Row = { role: 'leader', voters: ['n1', 'n2'] }
const follower: Row = { voters: ['n1', 'n2'] }
table(liveness, [
  ['at rest', [state('n1', [leader], true), state('n2', [follower], true)], []],
  [
    'two still lead',
    [state('n1', [leader], true), state('n2', [{ ...leader, term: 2 }], true)],
    ['many-leaders'],
  ],
  [
    'one still learns',
    [state('n1', [leader], true), state('n2', [{ ...follower, role: 'learner' }], true)],
    ['learner-left'],
  ],
  [
    'they disagree on who votes',
    [state('n1', [leader], true), state('n2', [{ voters: ['n2', 'n3'] }], true)],
    ['voters-differ'],
  ],
  ['a voter has nothing', [state('n1', [leader], true)], ['replica-missing']],
  ['a voter is out', [state('n1', [leader], true), seen('out', 'n2', undefined)], []],
  [
    'a name that is taken is served',
    [...publishThenFault(), ...call('create', 'fail', 't', undefined, undefined).map(taken)],
    [],
  ],
])

function taken(line: Line): Line {
  return line.type === 'fail' ? { ...line, error: '409 duplicate credential' } : line
}

function publishThenFault(): Line[] {
  const nemesis = (f: string, value?: unknown): Line => ({
    process: 'nemesis',
    type: 'info',
    f,
    key: 'kill',
    value,
  })
  return [
    ...publish('a.1', 1),
    nemesis('start', { targets: ['n1'] }),
    nemesis('effect', { what: 'x' }),
    nemesis('stop'),
  ]
}

const wanted = (partitions: object): Line =>
  seen('ring', 'n1', { applied: 9, hash: 'x', idle: true, replicas: 2, partitions })
table(ring, [
  [
    'each votes where the table says',
    [wanted({ 1: ['n2', 'n1'] }), state('n1', [leader], true)],
    [],
  ],
  [
    'a group votes elsewhere',
    [wanted({ 1: ['n1', 'n3'] }), state('n1', [leader], true)],
    ['group-differs-from-table'],
  ],
  ['while it moves', [wanted({ 1: ['n1', 'n3'] }), state('n1', [leader])], []],
  [
    'nobody tells who votes',
    [wanted({ 1: ['n1', 'n3'] }), state('n1', [{ role: 'leader' }], true)],
    [],
  ],
])
