import { describe, expect, test } from 'vitest'
import type { Actor, Command, GetWord, SetCommand } from '../../src/chat/command.ts'
import { meTopic } from '../../src/ids/topic-name.ts'
import { World, anna, ben, chat, codes, people, saved, team } from './world.ts'

const get = (what: readonly GetWord[], more: object = {}): Command => ({
  kind: 'get',
  query: { what, ...more },
})

/** Anna's world, with her session attached to her `me`. */
function me(): World {
  const w = people()
  w.run(anna, anna, { kind: 'sub' })
  return w
}

describe('the topic me', () => {
  test.each<[string, Command, Partial<Actor>, unknown[]]>([
    [
      'sub',
      { kind: 'sub', get: { what: ['sub', 'desc', 'tags', 'cred'] } },
      {},
      [200, 'desc', 204, 204, 204],
    ],
    ['sub with a mode', { kind: 'sub', mode: 'JS' }, {}, [200]],
    ['sub with bad letters', { kind: 'sub', mode: 'Q' }, {}, [400]],
    [
      'pub',
      { kind: 'pub', producer: 'p', n: 1, hash: 1, head: null, content: '1', noecho: false },
      {},
      [403],
    ],
    ['leave', { kind: 'leave', unsub: false }, {}, [200]],
    ['leave for good', { kind: 'leave', unsub: true }, {}, [403]],
    ['del topic', { kind: 'del', what: 'topic', hard: true }, {}, [403]],
    ['del msg', { kind: 'del', what: 'msg', hard: true }, {}, [403]],
    [
      'del cred',
      { kind: 'del', what: 'cred', hard: true, cred: { meth: 'email', val: 'a@b' } },
      {},
      [304],
    ],
    [
      'del cred without value',
      { kind: 'del', what: 'cred', hard: true, cred: { meth: 'email' } },
      {},
      [400],
    ],
    ['get data and aux', get(['data', 'aux', 'del']), {}, [403, 204, 405]],
    ['get with a user', get(['sub'], { sub: { user: ben } }), {}, [400]],
    ['get nothing', get([]), {}, [400]],
    ['get from outside', get(['desc', 'sub', 'tags']), { attached: false }, ['desc', 'sub', 403]],
    ['a note', { kind: 'note', what: 'read', seq: 1 }, {}, []],
    ['set cred', { kind: 'set', cred: { meth: 'email', val: 'a@b' } }, {}, [400]],
    ['set aux', { kind: 'set', aux: { a: 1 } }, {}, [405]],
    ['set nothing', { kind: 'set' }, {}, [400]],
    ['somebody else', { kind: 'set', desc: { public: 1 } }, { uid: ben }, [403]],
  ])('%s', (_, command, more, expected) =>
    expect(codes(me().run(anna, anna, command, more))).toEqual(expected),
  )

  test('desc, for oneself and as others see it', () => {
    const w = me()
    w.run(anna, anna, { kind: 'set', desc: { private: { tpin: ['slf'] } } })
    const acs = { want: 'JPS', given: 'JPS', mode: 'JPS' }
    const defacs = { auth: 'JRWPASD', anon: 'N' }
    const common = { created: w.now, updated: w.now, public: { fn: 'Anna' } }
    expect(w.run(anna, anna, get(['desc'])).parts).toEqual([
      { kind: 'meta', part: 'desc', value: { ...common, defacs, acs, private: { tpin: ['slf'] } } },
    ])
    expect(w.run(anna, anna, get(['desc']), { attached: false }).parts).toEqual([
      { kind: 'meta', part: 'desc', value: { ...common, acs: { mode: 'JRWPASD' } } },
    ])
    expect(w.run(anna, anna, get(['desc']), { level: 'root' }).parts).toMatchObject([
      { value: { state: 'ok' } },
    ])
  })

  test('going without P is told to own other sessions, and J stays', () => {
    const w = me()
    const { parts, events } = w.run(anna, anna, { kind: 'set', sub: { mode: 'S' } })
    expect(parts).toMatchObject([{ code: 200, params: { acs: { want: 'JS' } } }])
    expect(events).toMatchObject([
      { kind: 'modes', want: 33 },
      { what: 'acs', to: 'attached' },
    ])
    expect(codes(w.run(anna, anna, { kind: 'set', sub: { mode: 'JS' } }))).toEqual([304])
  })
})

describe('the list', () => {
  test('names, and with ims those that went', () => {
    const w = me()
    w.run(anna, chat, { kind: 'sub' })
    w.now += 10
    w.run(anna, saved, { kind: 'sub' })
    expect(w.run(anna, anna, get(['sub'])).parts).toEqual([
      {
        kind: 'list',
        topics: [
          { topic: saved, updated: w.now },
          { topic: chat, updated: w.now - 10 },
        ],
        limit: 1_024,
      },
    ])
    w.now += 10
    w.run(anna, chat, { kind: 'leave', unsub: true })
    expect(w.run(anna, anna, get(['sub'])).parts).toMatchObject([{ topics: [{ topic: saved }] }])
    const ims = w.now - 1
    expect(w.run(anna, anna, get(['sub'], { sub: { ims } })).parts).toMatchObject([
      { ims, topics: [{ topic: chat, deleted: w.now }, { topic: saved }] },
    ])
    expect(w.run(anna, anna, get(['sub'], { sub: { topic: saved } })).parts).toMatchObject([
      { topics: [{ topic: saved }] },
    ])
    expect(codes(w.run(anna, anna, get(['sub'], { sub: { topic: team } })))).toEqual([204])
  })
})

test("a fact that says what is known changes nobody's list", () => {
  const w = me()
  const fact = { kind: 'list', topic: team, at: w.now } as const
  const events = (gone: boolean): unknown => {
    w.told.clear()
    w.fact(anna, { ...fact, gone })
    return w.told.get(anna)
  }
  expect(events(true)).toEqual([])
  expect(events(false)).toEqual([{ kind: 'list', topic: team, gone: false }])
  expect(events(false)).toEqual([])
  expect(events(true)).toEqual([{ kind: 'list', topic: team, gone: true }])
  expect(events(true)).toEqual([])
})

describe('set', () => {
  test.each<[string, SetCommand['desc'], Partial<Actor>, unknown[]]>([
    ['public', { public: { fn: 'A' } }, {}, [200]],
    ['the same', { public: { fn: 'Anna' } }, {}, [304]],
    ['trusted', { trusted: { staff: true } }, {}, [403]],
    ['trusted by root', { trusted: { staff: true } }, { level: 'root' }, [200]],
    ['defacs', { defacs: { auth: 'JR', anon: 'N' } }, {}, [200]],
    ['bad defacs', { defacs: { auth: 'Q' } }, {}, [400]],
    ['too large', { private: 'x'.repeat(600_000) }, {}, [413]],
  ])('%s', (_, desc, more, expected) => {
    const w = me()
    expect(codes(w.run(anna, anna, { kind: 'set', desc: desc! }, more))).toEqual(expected)
    if (expected[0] !== 200) expect(w.written).toEqual([])
  })

  test('own other sessions and contacts are told', () => {
    const w = me()
    w.run(anna, chat, { kind: 'sub' })
    const { events } = w.run(anna, anna, { kind: 'set', desc: { public: { fn: 'A' } } })
    expect(events).toMatchObject([{ to: 'attached', what: 'upd', src: 'me' }])
    expect(w.told.get(chat)).toMatchObject([
      { to: 'watchers', what: 'upd', onlyUser: ben, evenAttached: true },
    ])
    w.run(anna, anna, { kind: 'set', desc: { private: 1 } })
    expect(w.told.get(chat)).toBeUndefined()
  })

  test('tags: immutable ones are resent unchanged, the mark clears the others', () => {
    const w = new World()
    w.account(anna, { tags: ['basic:anna'] })
    const run = (tags: string[]): unknown[] =>
      codes(w.run(anna, anna, { kind: 'set', tags }, { attached: true }))
    expect(run(['travel'])).toEqual([403]) // basic:anna is missing
    expect(run(['basic:anna', 'email:x@y'])).toEqual([403])
    expect(run(['Travel', 'travel', 'basic:anna'])).toEqual([200])
    expect(run(['basic:anna', 'travel'])).toEqual([304])
    expect(w.ask('tag:travel', { kind: 'tag-find', limit: 5 })).toEqual([meTopic(anna)])
    expect(run(['\u2421'])).toEqual([200])
    expect(w.ask('tag:travel', { kind: 'tag-find', limit: 5 })).toEqual([])
    expect(run(['\u2421'])).toEqual([304])
  })
})

describe('the account', () => {
  test('deleted: everything that hangs on it goes', () => {
    const w = me()
    w.run(anna, chat, { kind: 'sub' })
    w.run(anna, team, { kind: 'sub', create: 'grp' })
    w.run(ben, team, { kind: 'sub' })
    w.run(anna, anna, { kind: 'set', tags: ['travel'] })
    const serial = (w.ask(anna, { kind: 'card' }) as { serial: number }).serial
    const outcome = w.run(anna, anna, { kind: 'del', what: 'user', hard: true })
    expect(outcome).toMatchObject({ parts: [{ code: 200 }], events: [{ kind: 'closed' }] })
    expect(w.ask(anna, { kind: 'card' })).toMatchObject({
      state: 'del',
      serial: serial + 1,
      public: undefined,
    })
    expect(w.ask(ben, { kind: 'list' })).toEqual([])
    expect(w.ask('tag:travel', { kind: 'tag-find', limit: 5 })).toEqual([])
    for (const name of [chat, team]) expect(w.ask(name, { kind: 'row', uid: ben })).toBeNull()
    expect(w.told.get(ben)?.filter((event) => event.kind === 'pres')).toMatchObject([
      { what: 'gone', src: chat },
      { what: 'gone', src: team },
    ])
    expect(codes(w.run(anna, anna, { kind: 'sub' }))).toEqual([404])
  })

  test('suspended, and back', () => {
    const w = me()
    w.run(anna, chat, { kind: 'sub' })
    w.run(ben, chat, { kind: 'sub' })
    const pub = (n: number): unknown[] =>
      codes(
        w.run(ben, chat, {
          kind: 'pub',
          producer: 'p',
          n,
          hash: 1,
          head: null,
          content: '1',
          noecho: false,
        }),
      )
    expect(w.ask(anna, { kind: 'set-state', state: 'susp' })).toBe(true)
    expect(w.ask(anna, { kind: 'set-state', state: 'susp' })).toBe(false)
    expect(pub(1)).toEqual([403])
    expect(codes(w.run(anna, anna, { kind: 'sub' }))).toEqual([403])
    expect(w.ask(anna, { kind: 'found-row', uid: ben, level: 'auth' })).toBeNull()
    expect(w.ask(anna, { kind: 'set-state', state: 'ok' })).toBe(true)
    expect(pub(1)).toEqual([202])
  })

  test('seen and revoked tokens survive reopening', () => {
    const w = me()
    w.ask(anna, { kind: 'seen', when: 77, ua: 'x' })
    const before = (w.ask(anna, { kind: 'card' }) as { serial: number }).serial
    expect(w.ask(anna, { kind: 'revoke-tokens' })).toBe(before + 1)
    expect(w.reopened(anna).ask({ kind: 'card' }, w.env(anna)).answer).toMatchObject({
      seen: { when: 77, ua: 'x' },
      serial: before + 1,
    })
  })

  test('nobody has no card', () =>
    expect(people().ask('usrAAAAAAAAAAB', { kind: 'card' })).toBeNull())
})
