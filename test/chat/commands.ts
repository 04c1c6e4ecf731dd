import fc from 'fast-check'
import type { Command, GetQuery, Json, SeqRange } from '../../src/chat/command.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { anna, ben, carl, chat, dora, saved, team } from './world.ts'

/** One thing that somebody does somewhere. */
export interface Step {
  readonly uid: UserId
  readonly name: string
  readonly sid: string
  readonly asChan: boolean
  readonly command: Command
  /** ms that pass before it. */
  readonly pause: number
}

const users = [anna, ben, carl, dora]
const modes = 'N JRWPS JRP JRWPASDO RWP JRWPA JRWPASD O jp X JRWPSO'.split(' ')
const mode = fc.constantFrom('', ...modes)
const values: readonly Json[] = [
  { fn: 'x' },
  { fn: '\u2421' },
  '\u2421',
  { a: { b: 1 } },
  { a: { b: null, c: [] } },
  'text',
  7,
]
const value: fc.Arbitrary<Json> = fc.constantFrom(...values)
const seq = fc.integer({ min: 0, max: 12 })
const range: fc.Arbitrary<SeqRange> = fc.oneof(
  seq.map((low) => ({ low })),
  fc.tuple(seq, fc.integer({ min: 0, max: 14 })).map(([low, hi]) => ({ low, hi })),
)
const words = fc.subarray(['desc', 'sub', 'data', 'del', 'tags', 'cred', 'aux'] as const)
const query: fc.Arbitrary<GetQuery> = fc
  .record({
    what: words,
    since: seq,
    before: seq,
    limit: fc.integer({ min: 0, max: 4 }),
    ims: fc.constantFrom(undefined, 1, 1_800_000_000_500, 1_800_000_005_000),
    ranges: fc.option(fc.array(range, { maxLength: 3 }), { nil: undefined }),
  })
  .map(({ what, since, before, limit, ims, ranges }) => ({
    what,
    ...(ims === undefined ? {} : { desc: { ims }, sub: { ims, limit } }),
    data: { since, before, limit, ...(ranges === undefined ? {} : { ranges }) },
    del: { since, before: 0, limit },
  }))

const desc = fc.record(
  { public: value, private: value, defacs: fc.record({ auth: mode, anon: mode }) },
  { requiredKeys: [] },
)
const tags = fc.array(
  fc.constantFrom('travel', 'team', 'Team ', 'basic:x', 'alias:team-1', '\u2421', 'a'),
  { maxLength: 3 },
)

/** Producers and their numbers collide often, bodies sometimes differ. */
const publish: fc.Arbitrary<Command> = fc
  .record({
    producer: fc.constantFrom('a1', 'a2', 'b1'),
    n: fc.integer({ min: 1, max: 6 }),
    hash: fc.constantFrom(1, 1, 1, 0xffffffff),
    head: fc.constantFrom(null, '{"mime":"x"}', '{"sender":"usrX"}', '{"sender":"usrX","a":1}'),
    content: fc.constantFrom('"hi"', '"здравствуй"', 'null', '{"txt":"𝒳"}'),
    noecho: fc.boolean(),
    alone: fc.constantFrom(undefined, undefined, true, false),
  })
  .map(({ alone, ...fields }) => ({
    kind: 'pub',
    ...fields,
    ...(alone === undefined ? {} : { alone }),
  }))

const subscribe: fc.Arbitrary<Command> = fc
  .record(
    { mode, desc, tags, get: query, create: fc.constantFrom('grp' as const, 'chn' as const) },
    { requiredKeys: [] },
  )
  .map((fields) => ({ kind: 'sub', ...fields }))

const set: fc.Arbitrary<Command> = fc
  .record(
    {
      desc,
      tags,
      aux: fc.oneof(value, fc.constant<Json>({ pins: [1] }), fc.constant<Json>({ pins: '\u2421' })),
      sub: fc.record({ user: fc.constantFrom(...users), mode }, { requiredKeys: [] }),
      cred: fc.constant({ meth: 'email' }),
    },
    { requiredKeys: [] },
  )
  .map((fields) => ({ kind: 'set', ...fields }))

const low = fc.integer({ min: 0, max: 4 })
const few: fc.Arbitrary<SeqRange> = fc.oneof(
  low.map((at) => ({ low: at })),
  fc.tuple(low, fc.integer({ min: 1, max: 6 })).map(([at, more]) => ({ low: at, hi: at + more })),
)
const removeMessages: fc.Arbitrary<Command> = fc
  .record({ delseq: fc.array(few, { minLength: 1, maxLength: 2 }), hard: fc.boolean() })
  .map((fields) => ({ kind: 'del' as const, what: 'msg' as const, ...fields }))

const remove: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(...users)
      .map((user) => ({ kind: 'del' as const, what: 'sub' as const, user, hard: false })),
  },
  {
    weight: 1,
    arbitrary: fc.constant({ kind: 'del' as const, what: 'topic' as const, hard: true }),
  },
)

const note: fc.Arbitrary<Command> = fc
  .record({ what: fc.constantFrom('kp', 'recv', 'read', 'data', 'call' as const), seq })
  .map(({ what, seq: at }) => ({
    kind: 'note',
    what: what as 'kp',
    seq: at,
    event: 'ringing',
    payload: { x: 1 },
  }))

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: publish },
  { weight: 4, arbitrary: subscribe },
  { weight: 3, arbitrary: fc.constant<Command>({ kind: 'sub' }) },
  { weight: 3, arbitrary: set },
  { weight: 3, arbitrary: removeMessages },
  { weight: 2, arbitrary: remove },
  { weight: 3, arbitrary: note },
  { weight: 2, arbitrary: query.map((q): Command => ({ kind: 'get', query: q })) },
  { weight: 1, arbitrary: fc.boolean().map((unsub): Command => ({ kind: 'leave', unsub })) },
)

/** Mostly those who have some business there. */
const place = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constantFrom(anna, anna, ben, carl), fc.constant(team as string)),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom(anna, ben), fc.constant(chat as string)) },
  { weight: 1, arbitrary: fc.constantFrom([anna, saved as string] as [UserId, string]) },
  { weight: 1, arbitrary: fc.constantFrom([anna, anna] as [UserId, string]) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom(...users),
      fc.constantFrom(team, chat, saved, 'sys', anna, 'fnd' + anna.slice(3)),
    ),
  },
)

export const step: fc.Arbitrary<Step> = fc
  .record({
    place,
    sid: fc.constantFrom('s1', 's1', 's1', 's2'),
    asChan: fc.constantFrom(false, false, false, true),
    command,
    pause: fc.constantFrom(0, 1, 1_000, 20_000, 700_000),
  })
  .map(({ place: [uid, name], ...rest }) => ({ uid, name, ...rest }))
