import { expect, test } from 'vitest'
import { coverage } from '../../jepsen-lite/checker/coverage.ts'
import { digest } from '../../jepsen-lite/checker/digest.ts'
import { idsUnique } from '../../jepsen-lite/checker/ids-unique.ts'
import { leaders } from '../../jepsen-lite/checker/leaders.ts'
import { liveness } from '../../jepsen-lite/checker/liveness.ts'
import { logLines } from '../../jepsen-lite/checker/log-lines.ts'
import { monotonicReads } from '../../jepsen-lite/checker/monotonic-reads.ts'
import { models } from '../../jepsen-lite/checker/registry.ts'
import { ring } from '../../jepsen-lite/checker/ring.ts'
import { worst } from '../../jepsen-lite/checker/verdict.ts'
import { call, seen, table } from './checker-table.ts'
import type { Line } from './checker-table.ts'
import { final, publish } from './story.ts'

function nemesis(f: string, key: string, value?: unknown): Line {
  return { process: 'nemesis', type: 'info', f, key, ...(value !== undefined && { value }) }
}

const read = (last: number, level = 'strong', messages: unknown[] = []): Line[] =>
  call('history', 'ok', 't', { level }, { level, last, messages })

table(monotonicReads, [
  ['sees its own', [...publish('a.1', 1), ...read(1)], []],
  ['does not see what was acknowledged', [...publish('a.1', 1), ...read(0)], ['stale-read']],
  ['goes back', [...read(3), ...read(2)], ['read-went-back']],
  ['stale may go back', [...read(3), ...read(2, 'stale')], []],
  [
    'stale never lies',
    [...publish('a.1', 1), ...read(1, 'stale', [{ seq: 1, id: 'b.1' }]), ...final(['a.1'])],
    ['read-differs'],
  ],
  [
    'the future',
    [...publish('a.1', 1), ...read(2, 'stale'), ...final(['a.1'])],
    ['read-of-the-future'],
  ],
  ['an unknown message may be unseen', [...publish('a.1', 'info'), ...read(0)], []],
])

table(idsUnique, [
  [
    'different',
    [...call('mint', 'ok', 'x', undefined, ['1', '2']), ...call('mint', 'ok', 'x', undefined, '3')],
    [],
  ],
  [
    'twice',
    [...call('mint', 'ok', 'x', undefined, ['1', '2']), ...call('mint', 'ok', 'x', undefined, '2')],
    ['id-twice'],
  ],
  ['twice in one answer', call('mint', 'ok', 'x', undefined, ['1', '1']), ['id-twice']],
  [
    'an unknown mint',
    [...call('mint', 'info', 'x'), ...call('mint', 'ok', 'x', undefined, '1')],
    [],
  ],
])

const [names] = models.names
table(names, [
  [
    'create, delete, create',
    [
      ...call('create', 'ok', 'bob', { owner: 1 }),
      ...call('delete', 'ok', 'bob', { owner: 1 }),
      ...call('create', 'ok', 'bob', { owner: 2 }),
    ],
    [],
  ],
  [
    'two holders',
    [...call('create', 'ok', 'bob', { owner: 1 }), ...call('create', 'ok', 'bob', { owner: 2 })],
    ['not-linearizable'],
  ],
  [
    'an unknown delete may have freed it',
    [
      ...call('create', 'ok', 'bob', { owner: 1 }),
      ...call('delete', 'info', 'bob', { owner: 1 }),
      ...call('create', 'ok', 'bob', { owner: 2 }),
    ],
    [],
  ],
  [
    'an unknown create may hold it',
    [...call('create', 'info', 'bob', { owner: 1 }), ...call('delete', 'ok', 'bob', { owner: 1 })],
    [],
  ],
  [
    'a failed create does not hold it',
    [...call('create', 'fail', 'bob', { owner: 1 }), ...call('delete', 'ok', 'bob', { owner: 1 })],
    ['not-linearizable'],
  ],
  [
    'a refused create is fine',
    [...call('create', 'ok', 'bob', { owner: 1 }), ...call('create', 'fail', 'bob', { owner: 2 })],
    [],
  ],
  [
    'another holder is seen',
    [...call('create', 'ok', 'bob', { owner: 1 }), ...call('lookup', 'ok', 'bob', undefined, 2)],
    ['not-linearizable'],
  ],
  [
    'other names are free',
    [...call('create', 'ok', 'bob', { owner: 1 }), ...call('create', 'ok', 'eve', { owner: 2 })],
    [],
  ],
])

table(digest, [
  [
    'equal',
    [
      seen('digest', 'n1', { applied: 5, digest: 'x' }, 'g1'),
      seen('digest', 'n2', { applied: 5, digest: 'x' }, 'g1'),
    ],
    [],
  ],
  [
    'one is behind',
    [
      seen('digest', 'n1', { applied: 5, digest: 'x' }, 'g1'),
      seen('digest', 'n2', { applied: 4, digest: 'w' }, 'g1'),
    ],
    [],
  ],
  [
    'they differ',
    [
      seen('digest', 'n1', { applied: 5, digest: 'x' }, 'g1'),
      seen('digest', 'n2', { applied: 5, digest: 'y' }, 'g1'),
    ],
    ['state-differs'],
  ],
])

table(ring, [
  [
    'equal',
    [seen('ring', 'n1', { applied: 9, hash: 'x' }), seen('ring', 'n2', { applied: 9, hash: 'x' })],
    [],
  ],
  [
    'they differ',
    [seen('ring', 'n1', { applied: 9, hash: 'x' }), seen('ring', 'n2', { applied: 9, hash: 'y' })],
    ['tables-differ'],
  ],
  [
    'too few voters',
    [
      seen('ring', 'n1', {
        applied: 9,
        hash: 'x',
        idle: true,
        replicas: 3,
        partitions: { 0: ['a', 'b'] },
      }),
    ],
    ['wrong-voters'],
  ],
  [
    'a voter twice',
    [
      seen('ring', 'n1', {
        applied: 9,
        hash: 'x',
        idle: true,
        replicas: 3,
        partitions: { 0: ['a', 'b', 'b'] },
      }),
    ],
    ['wrong-voters'],
  ],
  [
    'one more while a move goes on',
    [
      seen('ring', 'n1', {
        applied: 9,
        hash: 'x',
        replicas: 3,
        partitions: { 0: ['a', 'b', 'c', 'd'] },
      }),
    ],
    [],
  ],
])

const group = (term: number, role: string, more: object = {}): unknown => ({
  groups: [{ group: 'g1', term, role, ...more }],
})
table(leaders, [
  [
    'one after another',
    [
      seen('cluster-state', 'n1', group(1, 'leader')),
      seen('cluster-state', 'n2', group(2, 'leader')),
    ],
    [],
  ],
  [
    'two in one term',
    [
      seen('cluster-state', 'n1', group(2, 'leader')),
      seen('cluster-state', 'n2', group(2, 'leader')),
    ],
    ['two-leaders'],
  ],
  [
    'the term goes back',
    [
      seen('cluster-state', 'n1', group(2, 'follower')),
      seen('cluster-state', 'n1', group(1, 'follower')),
    ],
    ['term-went-back'],
  ],
  [
    'the commit goes back',
    [
      seen('cluster-state', 'n1', group(2, 'follower', { commit: 5 })),
      seen('cluster-state', 'n1', group(2, 'follower', { commit: 4 })),
    ],
    ['commit-went-back'],
  ],
])

table(logLines, [
  ['quiet', publish('a.1', 1), []],
  [
    'an unhandled rejection',
    [seen('log', 'n1', { pattern: 'unhandledRejection', line: 'oops' })],
    ['log-pattern'],
  ],
  ['a log is missing', [seen('log-missing', 'n1', undefined)], 'unknown'],
])

const fault = [
  nemesis('start', 'kill', { targets: ['n1'] }),
  nemesis('effect', 'kill', { what: 'election' }),
  nemesis('stop', 'kill'),
]
const settled = (more: object, role = 'leader', node = 'n1'): Line =>
  seen('cluster-state', node, { ...(group(3, role, more) as object), final: true })
/** Seen long after everything should have settled, but not at the end. */
const late = (node: string, value: unknown): Line => ({
  ...seen('cluster-state', node, value),
  time: 20e9,
})
const gone = (node: string): Line => ({
  ...seen('cluster-state', node, { groups: [], final: true }),
  time: 21e9,
})
table(liveness, [
  ['works again', [...publish('a.1', 1), ...fault, ...publish('a.2', 2)], []],
  ['a dead topic', [...publish('a.1', 1), ...fault, ...publish('a.2', 'info')], ['dead-key']],
  ['a topic that nobody tried', [...publish('a.1', 1), ...fault], 'unknown'],
  ['never healed', [...publish('a.1', 1), ...fault.slice(0, 2)], 'unknown'],
  [
    'an operation without an end',
    [{ process: 'c', type: 'invoke', f: 'read', key: 'k' }],
    ['never-over'],
  ],
  ['no leader', [settled({}, 'follower')], ['no-leader']],
  ['a joint configuration stays', [settled({ joint: true })], ['joint-left']],
  [
    'a replica stays behind',
    [settled({ applied: 5 }), settled({ applied: 4 }, 'follower', 'n2')],
    ['not-converged'],
  ],
  ['converged', [settled({ applied: 5 }), settled({ applied: 5 }, 'follower', 'n2')], []],
  [
    'joint when it left the group',
    [late('n1', group(3, 'follower', { joint: true })), gone('n1'), settled({}, 'leader', 'n2')],
    [],
  ],
  [
    'a leader that left the cluster',
    [late('n1', group(3, 'leader')), settled({}, 'leader', 'n2')],
    [],
  ],
  [
    'joint to the end, without a final look',
    [late('n1', group(3, 'leader', { joint: true }))],
    ['joint-left'],
  ],
])

table(coverage, [
  ['enough', [...publish('a.1', 1), ...fault, ...final(['a.1'])], []],
  ['nothing happened', [], 'unknown'],
  ['no publish was ok', publish('a.1', 'info'), 'unknown'],
  ['a kind of operation is missing', publish('a.1', 1), 'unknown', { mustSucceed: ['read'] }],
  [
    'a fault without effect',
    [...publish('a.1', 1), nemesis('start', 'kill'), nemesis('stop', 'kill')],
    'unknown',
  ],
  [
    'it need not have one',
    [...publish('a.1', 1), nemesis('start', 'delay', { optional: true }), nemesis('stop', 'delay')],
    [],
  ],
  [
    'a fault was skipped',
    [...publish('a.1', 1), nemesis('skip', 'disk', { why: 'no cc' })],
    'unknown',
  ],
  ['too slow', publish('a.1', 1), 'unknown', { minThroughput: 5_000 }],
  [
    'a final read did not finish',
    [...publish('a.1', 1), ...final(['a.1'], 'n1'), ...call('read-all', 'info', 't')],
    'unknown',
  ],
])

test.for([
  [['valid', 'unknown', 'invalid'], 'invalid'],
  [['valid', 'unknown'], 'unknown'],
  [['valid'], 'valid'],
  [[], 'unknown'],
] as const)('the worst of %j is %s', ([results, expected]) => {
  expect(worst(results)).toBe(expected)
})
