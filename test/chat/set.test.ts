import { describe, expect, test } from 'vitest'
import { J, O } from '../../src/chat/access-mode.ts'
import type { Json, SetCommand } from '../../src/chat/command.ts'
import type { MeRow } from '../../src/chat/ask.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { anna, ben, carl, chat, codes, dora, limits, people, saved, team } from './world.ts'
import type { World } from './world.ts'

const set = (more: Partial<SetCommand>): SetCommand => ({ kind: 'set', ...more })

function group(): World {
  const w = people()
  w.run(anna, team, {
    kind: 'sub',
    create: 'grp',
    desc: { public: { fn: 'Team' } },
    tags: ['team'],
  })
  w.run(ben, team, { kind: 'sub' })
  return w
}

function p2p(): World {
  const w = people()
  w.run(anna, chat, { kind: 'sub' })
  w.run(ben, chat, { kind: 'sub' })
  return w
}

function modes(w: World, uid: UserId, name: string = team): string {
  const row = w.ask(name, { kind: 'row', uid }) as MeRow | null
  const [part] = w.run(
    uid,
    name,
    { kind: 'get', query: { what: ['sub'] } },
    { attached: false },
  ).parts
  const value =
    part?.kind === 'meta' ? (part.value as { acs: { want: string; given: string } }[]) : []
  return row === null ? 'none' : `${value[0]?.acs.want}/${value[0]?.acs.given}`
}

describe('own rights', () => {
  test.each<[string, UserId, string, unknown, string]>([
    ['less', ben, 'JRP', 200, 'JRP/JRWPS'],
    ['the same', ben, 'JRWPS', 304, 'JRWPS/JRWPS'],
    ['nothing said', ben, '', 304, 'JRWPS/JRWPS'],
    ['more than given', ben, 'JRWPA', 200, 'JRWPA/JRWPS'],
    ['ownership that nobody offered', ben, 'JRWPO', 403, 'JRWPS/JRWPS'],
    ['bad letters', ben, 'Z', 400, 'JRWPS/JRWPS'],
    ['the owner without O', anna, 'JRWP', 403, 'JRWPASDO/JRWPASDO'],
    ['the owner without J', anna, 'RWPASDO', 403, 'JRWPASDO/JRWPASDO'],
    ['blocking', ben, 'N', 200, 'N/JRWPS'],
  ])('%s', (_, uid, mode, code, after) => {
    const w = group()
    expect(codes(w.run(uid, team, set({ sub: { mode } })))).toEqual([code])
    expect(modes(w, uid)).toBe(after)
  })

  test('also without being attached, with the same notices', () => {
    const w = group()
    const outcome = w.run(ben, team, set({ sub: { mode: 'JR' } }), {
      sid: 'phone',
      attached: false,
    })
    expect(outcome.parts).toMatchObject([{ code: 200, params: { acs: { want: 'JR' } } }])
    const dacs = { want: '-WPS' }
    expect(outcome.events).toEqual([
      { kind: 'modes', uid: ben, want: 3, given: 47, member: true },
      expect.objectContaining({ to: 'attached', src: ben, anyOf: 176, exceptUser: ben, dacs }),
      expect.objectContaining({ to: 'attached', onlyUser: ben, skipSid: 'phone', dacs }),
      expect.objectContaining({ to: 'watchers', onlyUser: ben, dacs, needs: 0 }),
    ])
  })

  test('an admin helps himself, but not to D or O', () => {
    const w = group()
    w.run(anna, team, set({ sub: { user: ben, mode: 'JRPA' } }))
    expect(codes(w.run(ben, team, set({ sub: { mode: 'JRWPASD' } })))).toEqual([200])
    expect(modes(w, ben)).toBe('JRWPASD/JRWPAS')
  })

  test('an offered ownership is accepted (4.5)', () => {
    const w = group()
    w.run(anna, team, set({ sub: { user: ben, mode: 'JRWPASDO' } }))
    expect([modes(w, anna), modes(w, ben)]).toEqual(['JRWPASDO/JRWPASDO', 'JRWPS/JRWPASDO'])
    const outcome = w.run(ben, team, set({ sub: { mode: 'JRWPASDO' } }))
    expect(codes(outcome)).toEqual([200])
    expect([modes(w, anna), modes(w, ben)]).toEqual(['JRWPASD/JRWPASD', 'JRWPASDO/JRWPASDO'])
    expect(outcome.events.filter(({ kind }) => kind === 'modes')).toHaveLength(2)
    expect(codes(w.run(anna, team, { kind: 'leave', unsub: true }))).toEqual([200])
  })
})

describe("somebody else's rights", () => {
  test.each<[string, UserId, UserId, string | undefined, unknown[]]>([
    ['invited by default', anna, carl, undefined, [200]],
    ['invited with a mode', anna, carl, 'JRP', [200]],
    ['invited by a sharer', ben, carl, undefined, [200]],
    ['a mode by a sharer', ben, carl, 'JR', [403]],
    ['ownership by a sharer', ben, carl, 'JRO', [403]],
    ['changed', anna, ben, 'JR', [200]],
    ['the same', anna, ben, 'JRWPS', [304]],
    ['nothing said', anna, ben, undefined, [304]],
    ['the owner is not touched', ben, anna, 'JR', [403]],
    ['bad letters', anna, ben, 'Q', [400]],
  ])('%s', (_, by, user, mode, expected) => {
    const w = group()
    const sub = mode === undefined ? { user } : { user, mode }
    expect(codes(w.run(by, team, set({ sub })))).toEqual(expected)
  })

  test('only the owner offers, or takes back, the ownership', () => {
    const w = group()
    w.run(carl, team, { kind: 'sub' })
    w.run(anna, team, set({ sub: { user: ben, mode: 'JRWPA' } }))
    w.run(ben, team, set({ sub: { mode: 'JRWPA' } }))
    const give = (by: UserId, user: UserId, mode: string): unknown[] =>
      codes(w.run(by, team, set({ sub: { user, mode } })))
    expect(give(ben, carl, 'JRWP')).toEqual([200])
    expect(give(ben, carl, 'JRWPO')).toEqual([403])
    expect(give(ben, dora, 'JRWPO')).toEqual([403])
    expect(give(anna, carl, 'JRWPO')).toEqual([200])
    expect(give(ben, carl, 'JRWP')).toEqual([403])
    expect(give(anna, carl, 'JRWP')).toEqual([200])
  })

  test('an invitation, as the invited is told of it', () => {
    const w = group()
    const outcome = w.run(anna, team, set({ sub: { user: carl } }))
    expect(outcome.parts).toEqual([
      {
        kind: 'ctrl',
        code: 200,
        params: { acs: { want: 'JRWPS', given: 'JRWPS', mode: 'JRWPS' }, user: carl },
      },
    ])
    expect(w.told.get(carl)).toEqual([
      { kind: 'list', topic: team, gone: false },
      expect.objectContaining({
        what: 'acs',
        src: team,
        act: anna,
        dacs: { want: 'JRWPS', given: 'JRWPS' },
      }),
    ])
  })

  test.each<[string, (w: World) => void, unknown[]]>([
    ['nobody', (w) => w.run(carl, carl, { kind: 'del', what: 'user', hard: true }), [404]],
    ['suspended', (w) => w.ask(carl, { kind: 'set-state', state: 'susp' }), [403]],
    [
      'who grants nothing',
      (w) => w.run(carl, carl, set({ desc: { defacs: { auth: 'N' } } })),
      [403],
    ],
    ['too many', (w) => (w.limits = { ...limits, maxSubscriberCount: 2 }), [422]],
    [
      'the topic is suspended',
      (w) => w.fact(team, { kind: 'user-state', uid: anna, state: 'susp' }),
      [403],
    ],
  ])('not invited: %s', (_, before, expected) => {
    const w = group()
    before(w)
    expect(codes(w.run(anna, team, set({ sub: { user: carl } })))).toEqual(expected)
    expect(w.written).toEqual([])
  })

  test('who removed J himself, or was banned, is not brought back by a sharer', () => {
    const w = group()
    w.run(carl, team, { kind: 'sub' })
    w.run(carl, team, set({ sub: { mode: 'RW' } }))
    w.run(carl, team, { kind: 'leave', unsub: true })
    expect(w.run(ben, team, set({ sub: { user: carl } })).parts).toMatchObject([
      { text: 'invitation rejected' },
    ])
    w.run(dora, team, { kind: 'sub' })
    w.run(anna, team, set({ sub: { user: dora, mode: 'N' } }))
    w.run(dora, team, { kind: 'leave', unsub: true })
    expect(codes(w.run(ben, team, set({ sub: { user: dora } })))).toEqual([403])
    expect(codes(w.run(anna, team, set({ sub: { user: dora } })))).toEqual([200])
  })

  test('without J he is evicted and stays on record', () => {
    const w = group()
    const { events } = w.run(anna, team, set({ sub: { user: ben, mode: 'RW' } }))
    expect(events).toContainEqual({ kind: 'evict', uid: ben, unsub: false })
    expect(modes(w, ben)).toBe('JRWPS/RW')
  })

  test('needs to be attached', () => {
    const w = group()
    const outcome = w.run(anna, team, set({ sub: { user: carl } }), { attached: false })
    expect(codes(outcome)).toEqual([403])
  })

  test.each<[UserId, string, unknown[], string]>([
    [ben, 'JR', [200], 'JRWPAD/JRA'],
    [ben, 'JRWPASDO', [304], 'JRWPAD/JRWPAD'],
    [ben, 'N', [200], 'JRWPAD/A'],
    [carl, 'JR', [403], 'JRWPAD/JRWPAD'],
  ])('in a p2p: %s gets %s', (user, mode, expected, after) => {
    const w = p2p()
    expect(codes(w.run(anna, chat, set({ sub: { user, mode } })))).toEqual(expected)
    expect(modes(w, ben, chat)).toBe(after)
  })

  test('there is never more than one owner', () => {
    const w = group()
    w.run(anna, team, set({ sub: { user: ben, mode: 'JRWPASDO' } }))
    w.run(carl, team, { kind: 'sub' })
    w.run(anna, team, set({ sub: { user: carl, mode: 'JRWPASDO' } }))
    w.run(ben, team, set({ sub: { mode: 'JRWPASDO' } }))
    w.run(carl, team, set({ sub: { mode: 'JRWPASDO' } }))
    const owners = [anna, ben, carl].filter((uid) => {
      const { want, given } = (w.ask(team, { kind: 'row', uid }) as MeRow).acs
      return (want & given & (O | J)) === (O | J)
    })
    expect(owners).toEqual([carl])
  })
})

describe('descriptions', () => {
  test.each<[string, UserId, SetCommand['desc'], unknown[]]>([
    ['public, by the owner', anna, { public: { fn: 'New' } }, [200]],
    ['public, the same', anna, { public: { fn: 'Team' } }, [304]],
    ['public, by another', ben, { public: { fn: 'New' } }, [403]],
    ['private, by anybody', ben, { private: { comment: 'x' } }, [200]],
    ['both, by another: nothing is done', ben, { private: { comment: 'x' }, public: {} }, [403]],
    ['trusted', anna, { trusted: { verified: true } }, [403]],
    ['defacs', anna, { defacs: { auth: 'JR' } }, [200]],
    ['defacs with O', anna, { defacs: { auth: 'JRO' } }, [400]],
    ['too deep', anna, { public: JSON.parse('['.repeat(99) + ']'.repeat(99)) as Json }, [400]],
    ['too large', anna, { public: 'x'.repeat(600_000) }, [413]],
    ['nothing', anna, {}, [304]],
  ])('%s', (_, uid, desc, expected) => {
    const w = group()
    expect(codes(w.run(uid, team, set({ desc: desc! })))).toEqual(expected)
    if (expected[0] !== 200) expect(w.written).toEqual([])
  })

  test('who is told: own other sessions, and for what all may see all members', () => {
    const w = group()
    const { events } = w.run(anna, team, set({ desc: { public: { fn: 'New' } } }))
    const sid = w.actor(anna, team).sid
    const common = {
      kind: 'pres',
      to: 'watchers',
      what: 'upd',
      needs: 1,
      anyOf: 0,
      evenAttached: true,
    }
    expect(events).toEqual([
      { ...common, onlyUser: anna, skipSid: sid },
      { ...common, exceptUser: anna },
    ])
    expect(w.run(ben, team, set({ desc: { private: 1 } })).events).toHaveLength(1)
  })

  test('without being attached: private counts, the rest is not modified', () => {
    const w = group()
    const run = (desc: SetCommand['desc']): unknown[] =>
      codes(w.run(anna, team, set({ desc: desc! }), { attached: false }))
    expect(run({ private: { a: 1 } })).toEqual([200])
    expect(run({ public: { fn: 'New' } })).toEqual([304])
    expect(codes(w.run(carl, team, set({ desc: { private: 1 } })))).toEqual([404])
    expect(w.ask(team, { kind: 'row', uid: anna })).toMatchObject({
      private: { a: 1 },
      public: { fn: 'Team' },
    })
  })

  test.each<[string, SetCommand['desc'], unknown[]]>([
    ['p2p has no public', { public: 1 }, [403]],
    ['nor defacs', { defacs: { auth: 'JR' } }, [403]],
    ['but private', { private: 1 }, [200]],
  ])('%s', (_, desc, expected) =>
    expect(codes(p2p().run(anna, chat, set({ desc: desc! })))).toEqual(expected),
  )
})

test('root may mark a group as trusted, and nothing in a p2p', () => {
  const trusted = set({ desc: { trusted: { verified: true } } })
  expect(codes(group().run(anna, team, trusted, { level: 'root' }))).toEqual([200])
  expect(codes(p2p().run(anna, chat, trusted, { level: 'root' }))).toEqual([403])
})

describe('tags', () => {
  test.each<[string, string[], unknown, string[]]>([
    ['replaced', ['a1', 'team'], { added: 1, removed: 0 }, ['a1', 'team']],
    [
      'normalised',
      [' TEAM ', 'x', 'b'.repeat(97), '-no', 'Zwei'],
      { added: 1, removed: 0 },
      ['team', 'zwei'],
    ],
    ['cleared', ['\u2421'], { added: 0, removed: 1 }, []],
    ['the same', ['team'], 304, ['team']],
    ['immutable', ['team', 'basic:x'], 403, ['team']],
    ['two aliases', ['alias:team1', 'alias:team2'], 400, ['team']],
    ['a bad alias', ['alias:x'], 400, ['team']],
  ])('%s', (_, tags, expected, after) => {
    const w = group()
    const [part] = w.run(anna, team, set({ tags })).parts
    if (part?.kind !== 'ctrl') throw new Error('no ctrl')
    expect(typeof expected === 'number' ? part.code : part.params).toEqual(expected)
    const got = w.run(anna, team, { kind: 'get', query: { what: ['tags'] } }).parts[0]
    expect(got).toMatchObject(after.length === 0 ? { code: 204 } : { value: after })
    expect(w.ask('tag:team', { kind: 'tag-find', limit: 9 })).toEqual(
      after.includes('team') ? [team] : [],
    )
  })

  test('an alias is claimed first, and given up with its tag', () => {
    const w = group()
    const tags = ['alias:team1']
    const asks = w.run(anna, team, set({ tags }))
    expect(asks).toMatchObject({ claims: { tags, epoch: 0 }, parts: [{ code: 409 }] })
    expect(w.written).toEqual([])
    expect(w.ask('nam:alias:team1', { kind: 'name-claim', holder: team, epoch: 0 })).toBe('ok')
    expect(codes(w.run(anna, team, set({ tags, claimed: { tags: [], epoch: 0 } })))).toEqual([409])
    expect(codes(w.run(anna, team, set({ tags, claimed: { tags, epoch: 0 } })))).toEqual([200])
    expect(codes(w.run(anna, team, set({ tags: ['alias:team1', 'more'] })))).toEqual([200])
    expect(codes(w.run(anna, team, set({ tags: ['\u2421'] })))).toEqual([200])
    expect(w.ask('nam:alias:team1', { kind: 'name-find' })).toBeNull()
  })

  test('what was claimed before an alias was given up is claimed anew', () => {
    const w = group()
    const tags = ['alias:team1']
    const early = { tags, epoch: 0 }
    expect(codes(w.run(anna, team, set({ tags, claimed: early })))).toEqual([200])
    expect(codes(w.run(anna, team, set({ tags: ['more'] })))).toEqual([200])
    const late = w.run(anna, team, set({ tags, claimed: early }))
    expect(late).toMatchObject({ claims: { tags, epoch: 1 }, parts: [{ code: 409 }] })
    expect(codes(w.run(anna, team, set({ tags, claimed: { tags, epoch: 1 } })))).toEqual([200])
  })

  test('only by the owner, attached, of a group', () => {
    const w = group()
    expect(codes(w.run(ben, team, set({ tags: ['x1'] })))).toEqual([403])
    expect(codes(w.run(anna, team, set({ tags: ['x1'] }), { attached: false }))).toEqual([403])
    expect(codes(p2p().run(anna, chat, set({ tags: ['x1'] })))).toEqual([405])
  })
})

describe('aux', () => {
  test.each<[string, UserId, Json, unknown[]]>([
    ['by a manager', anna, { pins: [1] }, [200]],
    ['by another', ben, { pins: [1] }, [403]],
    ['not a map', anna, 7, [400]],
    ['nothing to clear', anna, '\u2421', [304]],
  ])('%s', (_, uid, aux, expected) =>
    expect(codes(group().run(uid, team, set({ aux })))).toEqual(expected),
  )

  test('unpinning the last message leaves an empty list to be told (12.10)', () => {
    const w = p2p()
    w.run(anna, chat, set({ aux: { pins: [4] } }))
    const { events } = w.run(ben, chat, set({ aux: { pins: '\u2421' } }))
    expect(events).toMatchObject([{ to: 'attached', what: 'aux', skipSid: w.actor(ben, chat).sid }])
    const got = w.run(anna, chat, { kind: 'get', query: { what: ['aux'] } })
    expect(got.parts).toEqual([{ kind: 'meta', part: 'aux', value: { pins: [] } }])
  })
})

test('each part answers for itself, in a fixed order', () => {
  const w = group()
  const parts = codes(
    w.run(
      anna,
      team,
      set({
        aux: { a: 1 },
        cred: { meth: 'email' },
        tags: ['t1'],
        sub: { user: ben, mode: 'JR' },
        desc: { private: 1 },
      }),
    ),
  )
  expect(parts).toEqual([200, 200, 200, 405, 200])
  expect(codes(w.run(anna, team, set({})))).toEqual([400])
  const s = people()
  s.run(anna, saved, { kind: 'sub' })
  expect(codes(s.run(anna, saved, set({ aux: { pins: [1] }, desc: { private: 2 } })))).toEqual([
    200, 200,
  ])
})
