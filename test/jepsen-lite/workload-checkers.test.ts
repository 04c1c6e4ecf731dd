import { access } from '../../jepsen-lite/checker/access.ts'
import { chain } from '../../jepsen-lite/checker/chain.ts'
import { marks } from '../../jepsen-lite/checker/marks.ts'
import { nameHolders } from '../../jepsen-lite/checker/name-holders.ts'
import { pages } from '../../jepsen-lite/checker/pages.ts'
import { models } from '../../jepsen-lite/checker/registry.ts'
import { emptyDigest, extended } from '../../jepsen-lite/list-digest.ts'
import { around, call, table } from './checker-table.ts'
import type { Line } from './checker-table.ts'
import { attach, deliver, final, publish } from './story.ts'

const create = (owner: string, type: Line['type'] = 'ok'): [Line, Line] =>
  call('create', type, 'bob', { owner })
const release = (owner: string, type: Line['type'] = 'ok'): [Line, Line] =>
  call('release', type, 'bob', { owner })
const lookup = (owner: string | null): Line[] => {
  const [asked, told] = call('lookup', 'ok', 'bob')
  return [asked, { ...told, value: owner }]
}

table(nameHolders, [
  ['one after another', [...create('a'), ...release('a'), ...create('b')], []],
  ['two at a time', [...create('a'), ...create('b')], ['two-holders']],
  [
    'the first never gave it up',
    [...create('a'), ...create('b'), ...release('b'), ...create('c')],
    ['two-holders', 'two-holders'],
  ],
  [
    'a release that began before may come before',
    around(release('a'), create('a')).concat(create('b')),
    [],
  ],
  [
    'an unknown release makes its owner uncertain',
    [...create('a'), ...release('a', 'info'), ...create('b')],
    [],
  ],
  [
    'after it, even if he takes the name anew',
    [...create('a'), ...release('a', 'info'), ...create('a'), ...create('b')],
    [],
  ],
  [
    'a refused release releases nothing',
    [...create('a'), ...release('a', 'fail'), ...create('b')],
    ['two-holders'],
  ],
  ['an unknown create holds nothing for certain', [...create('a', 'info'), ...create('b')], []],
  [
    'a late release frees what was taken again',
    [...create('a'), ...release('a'), ...create('a'), ...create('b')],
    ['two-holders'],
  ],
  ['found', [...create('a'), ...lookup('a')], []],
  ['nobody found', [...create('a'), ...lookup(null)], ['holder-not-found']],
  ['somebody else found', [...create('a'), ...lookup('b')], ['holder-not-found']],
  [
    'found after the release, as long as that takes',
    [...create('a'), ...release('a'), ...lookup('a')],
    [],
  ],
])

table(models.names[0], [
  [
    'a release takes its time',
    [...create('a'), ...release('a'), ...lookup('a'), ...create('b')],
    [],
  ],
  [
    'a release frees once',
    [...create('a'), ...release('a'), ...create('a'), ...create('b')],
    ['not-linearizable'],
  ],
])

interface Asked {
  readonly since?: number
  readonly before?: number
  readonly limit?: number
  readonly last?: number
}
const page = (seqs: readonly number[], asked: Asked): Line[] =>
  call(
    'history',
    'ok',
    't',
    { level: 'strong' },
    {
      level: 'strong',
      since: 1,
      limit: 10,
      last: 9,
      ...asked,
      messages: seqs.map((seq) => ({ seq, id: `a.${seq}` })),
    },
  )

table(pages, [
  ['all of it', page([1, 2, 3], { last: 3 }), []],
  ['nothing there', page([], { last: 0 }), []],
  ['the newest', page([8, 9], { limit: 2 }), []],
  ['what came meanwhile is there as well', page([8, 9, 10], { limit: 3 }), []],
  ['a range', page([3, 4], { since: 3, before: 5 }), []],
  ['a range beyond the end', page([9], { since: 9, before: 20 }), []],
  ['a hole', page([6, 7, 9], { limit: 3 }), ['page-with-hole']],
  ['twice the same', page([8, 8, 9], { limit: 3 }), ['page-with-hole']],
  ['too short at the end', page([7, 8], { limit: 2 }), ['page-too-short']],
  ['too short at the beginning', page([2, 3], { last: 3 }), ['page-not-full']],
  ['too long', page([7, 8, 9], { limit: 2 }), ['page-too-long']],
  ['outside the range', page([3, 4, 5], { since: 3, before: 5 }), ['not-asked-for']],
  ['nothing, though there is something', page([], {}), ['page-too-short']],
])

const digests = ['a.1', 'b.1'].reduce(
  (so, id) => [...so, extended(so.at(-1) ?? '', id)],
  [emptyDigest],
)
const lookBack = (before: number, digest = digests[before - 1]): Line[] =>
  call('look-back', 'ok', 't', { before }, { before, digest })
const knowing = (lines: readonly Line[], seq: number, digest = digests[seq]): Line[] =>
  lines.map((line) => ({ ...line, value: { ...(line.value as object), seen: { seq, digest } } }))

table(chain, [
  [
    'the same list',
    [
      ...publish('a.1', 1),
      ...lookBack(1),
      ...publish('b.1', 2),
      ...lookBack(2),
      ...final(['a.1', 'b.1']),
    ],
    [],
  ],
  ['without a final read', [...publish('a.1', 1), ...publish('b.1', 2), ...lookBack(2)], []],
  [
    'another list',
    [...publish('a.1', 1), ...publish('b.1', 2), ...lookBack(2, 'beef'), ...final(['a.1', 'b.1'])],
    ['another-list'],
  ],
  [
    'the list was changed afterwards',
    [...publish('b.1', 2), ...lookBack(2), ...final(['c.1', 'b.1'])],
    ['another-list'],
  ],
  ['more than anybody knows of', [...publish('b.1', 2), ...lookBack(2)], 'unknown'],
  [
    'a writer who had seen it',
    [...publish('a.1', 1), ...knowing(publish('b.1', 2), 1), ...final(['a.1', 'b.1'])],
    [],
  ],
  [
    'a writer who had seen something else',
    [...publish('a.1', 1), ...knowing(publish('b.1', 2), 1, 'beef'), ...final(['a.1', 'b.1'])],
    ['another-list'],
  ],
  [
    'a message before what its writer had seen',
    [...knowing(publish('a.1', 1), 2), ...publish('b.1', 2), ...final(['a.1', 'b.1'])],
    ['before-what-it-saw'],
  ],
])

const change = (f: string, member = 'm', type: Line['type'] = 'ok'): [Line, Line] =>
  call(f, type, 't', { member })
const came = (member = 'm', type: Line['type'] = 'ok'): [Line, Line] =>
  call('attach', type, 't', { subscriber: member, member })
const got = (seq: number, id: string, member = 'm'): Line[] =>
  deliver(seq, id, member).map((line) => ({
    ...line,
    value: { ...(line.value as object), member },
  }))
const reads = (member = 'm'): Line[] =>
  call('history', 'ok', 't', { member }, { member, level: 'strong', last: 0, messages: [] })
const sends = (id: string, seq: number, member = 'm'): Line[] =>
  publish(id, seq).map((line) => ({ ...line, value: { ...(line.value as object), member } }))

table(access, [
  ['comes in and gets it', [...came(), ...publish('a.1', 1), ...got(1, 'a.1')], []],
  [
    'banned, and gets what was sent before',
    [...came(), ...publish('a.1', 1), ...change('ban'), ...got(1, 'a.1')],
    [],
  ],
  [
    'banned, and gets what is sent then',
    [...came(), ...change('ban'), ...publish('a.1', 1), ...got(1, 'a.1')],
    ['seen-though-out'],
  ],
  [
    'expelled, and gets what is sent then',
    [...came(), ...change('expel'), ...publish('a.1', 1), ...got(1, 'a.1')],
    ['seen-though-out'],
  ],
  [
    'left, and gets what is sent then',
    [...came(), ...change('leave'), ...publish('a.1', 1), ...got(1, 'a.1')],
    ['seen-though-out'],
  ],
  [
    'an unknown ban proves nothing',
    [...came(), ...change('ban', 'm', 'info'), ...publish('a.1', 1), ...got(1, 'a.1')],
    [],
  ],
  [
    'another one is banned',
    [...came(), ...change('ban', 'o'), ...publish('a.1', 1), ...got(1, 'a.1')],
    [],
  ],
  [
    'banned and admitted',
    [...change('ban'), ...change('admit'), ...came(), ...publish('a.1', 1), ...got(1, 'a.1')],
    [],
  ],
  [
    'expelled and back by himself',
    [...change('expel'), ...came(), ...publish('a.1', 1), ...got(1, 'a.1')],
    [],
  ],
  ['a ban beside an admission', [...around(change('ban'), change('admit')), ...came()], []],
  [
    'an admission of unknown end may come later',
    [...change('admit', 'm', 'info'), ...change('ban'), ...came()],
    [],
  ],
  ['banned and let in', [...change('ban'), ...came()], ['let-in-though-banned']],
  ['banned and refused', [...change('ban'), ...came('m', 'fail')], []],
  ['banned and reads', [...came(), ...change('ban'), ...reads()], ['read-though-out']],
  ['banned and sends', [...came(), ...change('ban'), ...sends('m.1', 1)], ['sent-though-out']],
  ['left and sends', [...came(), ...change('leave'), ...sends('m.1', 1)], ['sent-though-out']],
  ['sends while he is banned', [...came(), ...around(change('ban'), sends('m.1', 1))], []],
  [
    'comes in and misses the first',
    [...came(), ...publish('a.1', 1), ...publish('a.2', 2), ...got(2, 'a.2')],
    ['missed-after-coming-in'],
  ],
  [
    'what was sent before he came need not come',
    [...publish('a.1', 1), ...came(), ...publish('a.2', 2), ...got(2, 'a.2')],
    [],
  ],
  [
    'comes in while it is sent',
    [...around(came(), publish('a.1', 1)), ...publish('a.2', 2), ...got(2, 'a.2')],
    [],
  ],
  [
    'a cursor is a matter of I8',
    [...attach(1), ...publish('a.1', 1), ...publish('a.2', 2), ...deliver(2, 'a.2')],
    [],
  ],
])

const marked = (what: string, seq: number, told: readonly number[], user = 'u'): Line[] =>
  call('mark', 'ok', 't', { user, what, seq }, { user, ...triple(told) })
const sight = (told: readonly number[], more: object = {}, user = 'u'): Line[] =>
  call('marks', 'ok', 't', { user }, { user, ...triple(told), ...more })
const triple = ([seq, read, recv]: readonly number[]): object => ({ seq, read, recv })
const settled = { final: true }

table(marks, [
  [
    'rises',
    [...marked('recv', 2, [5, 0, 2]), ...marked('read', 3, [5, 3, 3]), ...sight([6, 3, 3])],
    [],
  ],
  ['a mark that was not taken', [...marked('read', 3, [5, 0, 0]), ...sight([5, 0, 0])], []],
  ['a lost mark that comes late', [...marked('read', 3, [5, 0, 0]), ...sight([5, 3, 3])], []],
  ['read goes back', [...marked('read', 3, [5, 3, 3]), ...sight([5, 2, 3])], ['read-went-back']],
  ['recv goes back', [...marked('recv', 3, [5, 0, 3]), ...sight([5, 0, 2])], ['recv-went-back']],
  ['the topic goes back', [...sight([5, 0, 0]), ...sight([4, 0, 0])], ['seq-went-back']],
  ['of another user', [...marked('read', 3, [5, 3, 3]), ...sight([5, 0, 0], {}, 'v')], []],
  ['beside each other', around(sight([5, 0, 0]) as [Line, Line], marked('read', 3, [5, 3, 3])), []],
  ['read beyond recv', [...marked('read', 3, [5, 3, 2])], ['marks-out-of-order']],
  ['recv beyond the end', [...marked('recv', 6, [5, 0, 6])], ['marks-out-of-order']],
  ['nobody read so far', [...marked('read', 3, [5, 4, 4])], ['mark-of-nobody', 'mark-of-nobody']],
  ['received is not read', [...marked('recv', 3, [5, 3, 3])], ['mark-of-nobody']],
  ['whoever sends has read it', [...sends('a.1', 4, 'u'), ...sight([5, 4, 4])], []],
  ['his own is unread', [...sends('a.1', 4, 'u'), ...sight([5, 0, 4])], ['own-message-unread']],
  [
    'counts right',
    [
      ...publish('a.1', 1),
      ...publish('a.2', 2),
      ...final(['a.1', 'a.2']),
      ...sight([2, 0, 0], settled),
    ],
    [],
  ],
  [
    'counts wrong',
    [
      ...publish('a.1', 1),
      ...publish('a.2', 2),
      ...final(['a.1', 'a.2']),
      ...sight([3, 0, 0], settled),
    ],
    ['unread-wrong'],
  ],
  [
    'differs from node to node',
    [
      ...publish('a.1', 1),
      ...final(['a.1']),
      ...around(marked('read', 1, [1, 1, 1]) as [Line, Line], sight([1, 0, 0], settled)),
      ...sight([1, 1, 1], settled),
    ],
    ['marks-differ'],
  ],
])
