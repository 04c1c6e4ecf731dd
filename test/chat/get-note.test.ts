import { describe, expect, test } from 'vitest'
import type { Command, GetQuery, GetWord, NoteCommand } from '../../src/chat/command.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { anna, ben, carl, chat, codes, people, saved, team } from './world.ts'
import type { World } from './world.ts'

function publish(w: World, uid: UserId, name: string, n: number): void {
  w.run(uid, name, {
    kind: 'pub',
    producer: 'p',
    n,
    hash: 1,
    head: null,
    content: '1',
    noecho: false,
  })
}

function group(channel = false): World {
  const w = people()
  w.run(anna, team, { kind: 'sub', create: channel ? 'chn' : 'grp', desc: { public: { fn: 'T' } } })
  w.run(ben, team, { kind: 'sub' }, { asChan: channel })
  for (let n = 1; n <= 5; n++) publish(w, anna, team, n)
  return w
}

const get = (what: readonly GetWord[], more: Partial<GetQuery> = {}): Command => ({
  kind: 'get',
  query: { what, ...more },
})

describe('what may be got where', () => {
  test.each<[string, UserId, string, readonly GetWord[], object, unknown[]]>([
    [
      'everything, in order',
      anna,
      team,
      ['aux', 'tags', 'del', 'data', 'sub', 'desc', 'cred'],
      {},
      ['desc', 'sub', 'history', 204, 204, 405, 204],
    ],
    ['tags by another', ben, team, ['tags'], {}, [403]],
    ['no word', ben, team, [], {}, [400]],
    [
      'not attached: desc and sub',
      ben,
      team,
      ['desc', 'sub'],
      { attached: false },
      ['desc', 'sub'],
    ],
    [
      'not attached: 403 for the rest',
      ben,
      team,
      ['desc', 'data', 'tags'],
      { attached: false },
      ['desc', 403],
    ],
    ['a stranger', carl, team, ['desc', 'sub'], {}, ['desc', 404]],
    ['by chn what is no channel', ben, team, ['desc'], { asChan: true }, [404]],
    ['no topic', ben, 'grpCQAAAAkAAAA', ['desc'], {}, [404]],
    ['no p2p yet', anna, chat, ['desc'], {}, ['desc']],
    ['saved messages', anna, saved, ['desc', 'sub', 'tags', 'aux'], {}, ['desc', 204, 405, 204]],
  ])('%s', (_, uid, name, what, more, expected) => {
    const w = group()
    w.run(anna, saved, { kind: 'sub' })
    expect(codes(w.run(uid, name, get(what), more))).toEqual(expected)
  })

  test('a muted reader gets no data without R', () => {
    const w = group()
    w.run(ben, team, { kind: 'set', sub: { mode: 'JWP' } })
    expect(codes(w.run(ben, team, get(['data', 'del'])))).toEqual([403, 204])
    const [desc] = w.run(ben, team, get(['desc'])).parts
    expect(desc).not.toHaveProperty('value.seq')
  })
})

describe('history', () => {
  test.each<[string, GetQuery['data'], unknown]>([
    ['all', undefined, [[1, 6]]],
    ['since is inclusive', { since: 3 }, [[3, 6]]],
    ['before is exclusive', { before: 3 }, [[1, 3]]],
    ['both', { since: 2, before: 4 }, [[2, 4]]],
    ['past the end', { since: 6 }, 204],
    ['crossed', { since: 4, before: 2 }, 204],
    [
      'ranges replace them',
      { since: 5, ranges: [{ low: 4 }, { low: 1, hi: 3 }] },
      [
        [1, 3],
        [4, 5],
      ],
    ],
    ['an empty range', { ranges: [{ low: 2, hi: 2 }] }, 204],
    ['beyond the last', { ranges: [{ low: 5, hi: 900 }] }, [[5, 6]]],
    ['crossed range', { ranges: [{ low: 5, hi: 2 }] }, 400],
    ['negative', { since: -1 }, 400],
  ])('%s', (_, data, expected) => {
    const [part] = group().run(ben, team, get(['data'], data === undefined ? {} : { data })).parts
    expect(part?.kind === 'history' ? part.ranges : part?.kind === 'ctrl' && part.code).toEqual(
      expected,
    )
  })

  test.each([
    [undefined, 100],
    [0, 100],
    [24, 24],
    [5_000, 100],
  ])('limit %s means %i', (limit, most) => {
    const data = limit === undefined ? {} : { limit }
    expect(group().run(ben, team, get(['data'], { data })).parts).toMatchObject([{ limit: most }])
  })

  test('readers of a channel are not shown senders', () => {
    const w = group(true)
    expect(w.run(ben, team, get(['data']), { asChan: true }).parts).toMatchObject([
      { anonymous: true },
    ])
    expect(w.run(anna, team, get(['data'])).parts).toMatchObject([{ anonymous: false }])
  })
})

describe('descriptions and rows', () => {
  test('desc of a group, for its owner and for a stranger', () => {
    const w = group()
    const acs = { want: 'JRWPASDO', given: 'JRWPASDO', mode: 'JRWPASDO' }
    const defacs = { auth: 'JRWPS', anon: 'N' }
    const [mine] = w.run(anna, team, get(['desc'])).parts
    expect(mine).toEqual({
      kind: 'meta',
      part: 'desc',
      value: {
        created: w.now,
        updated: w.now,
        touched: w.now,
        online: true,
        subcnt: 2,
        defacs,
        acs,
        seq: 5,
        read: 5,
        recv: 5,
        public: { fn: 'T' },
      },
    })
    const [theirs] = w.run(carl, team, get(['desc'])).parts
    expect(theirs).toMatchObject({
      value: {
        created: w.now,
        updated: w.now,
        subcnt: 2,
        acs: { mode: 'JRWPS' },
        public: { fn: 'T' },
      },
    })
    expect(Object.keys((theirs as { value: object }).value)).not.toContain('seq')
  })

  test('ims leaves out what is not newer', () => {
    const w = group()
    const [same] = w.run(anna, team, get(['desc'], { desc: { ims: w.now } })).parts
    expect(same).not.toHaveProperty('value.public')
    expect(same).not.toHaveProperty('value.created')
    const [newer] = w.run(anna, team, get(['desc'], { desc: { ims: w.now - 1 } })).parts
    expect(newer).toHaveProperty('value.public')
  })

  test('desc of a p2p names the peer, whose face the edge adds', () => {
    const w = people()
    w.run(anna, chat, { kind: 'sub' })
    expect(w.run(anna, chat, get(['desc'])).parts).toMatchObject([{ peer: ben }])
    const stranger = w.run(ben, chat, get(['desc']), { attached: false })
    expect(stranger.parts).toMatchObject([
      { value: { public: { fn: 'Anna' }, acs: { mode: 'JRWPAD' } } },
    ])
    w.run(carl, carl, { kind: 'del', what: 'user', hard: true })
  })

  test('rows: rights are shown to sharers, marks with R, private to oneself', () => {
    const w = group()
    w.run(anna, team, { kind: 'set', sub: { user: ben, mode: 'JRW' } })
    w.run(carl, team, { kind: 'sub' })
    w.run(ben, team, { kind: 'set', desc: { private: 'mine' } })
    const rows = (uid: UserId): object[] => {
      const [part] = w.run(uid, team, get(['sub'])).parts
      return part?.kind === 'meta' ? (part.value as unknown as object[]) : []
    }
    const full = { want: 'JRWPASDO', given: 'JRWPASDO', mode: 'JRWPASDO' }
    expect(rows(ben)).toMatchObject([
      { user: anna, acs: full, read: 5, recv: 5 },
      { user: ben, acs: { want: 'JRWPS', given: 'JRW', mode: 'JRW' }, private: 'mine' },
      { user: carl, acs: {} },
    ])
    expect(rows(ben)[0]).not.toHaveProperty('online') // without P
    expect(rows(anna)[1]).toMatchObject({ online: true, acs: { given: 'JRW' } })
    expect(rows(anna)[1]).not.toHaveProperty('private')
  })

  test('with ims those who left since are told', () => {
    const w = group()
    w.run(ben, team, { kind: 'leave', unsub: true })
    const rows = (ims: number): unknown => {
      const [part] = w.run(anna, team, get(['sub'], { sub: { ims } })).parts
      return part?.kind === 'meta' && part.value
    }
    expect(rows(w.now - 1)).toMatchObject([{ user: anna }, { user: ben, deleted: w.now, acs: {} }])
    expect(rows(w.now)).toMatchObject([{ user: anna }])
  })
})

describe('notes', () => {
  const note = (more: Partial<NoteCommand>): NoteCommand => ({
    kind: 'note',
    what: 'read',
    seq: 0,
    ...more,
  })
  const marks = (w: World, uid = ben): unknown[] => {
    const row = w.ask(team, { kind: 'row', uid }) as { read: number; recv: number }
    return [row.read, row.recv]
  }

  test('marks only rise, read pulls recv, and neither passes the last message', () => {
    const w = group()
    const steps: [NoteCommand['what'], number, unknown[]][] = [
      ['recv', 3, [0, 3]],
      ['read', 2, [2, 3]],
      ['read', 1, [2, 3]],
      ['recv', 2, [2, 3]],
      ['read', 4, [4, 4]],
      ['read', 6, [4, 4]],
      ['recv', 0, [4, 4]],
      ['recv', 1.5, [4, 4]],
      ['read', 5, [5, 5]],
    ]
    for (const [what, seq, expected] of steps) {
      expect(w.run(ben, team, note({ what, seq })).parts).toEqual([])
      expect(marks(w)).toEqual(expected)
    }
  })

  test('who is told of a mark', () => {
    const w = group()
    const sid = w.actor(ben, team).sid
    expect(w.run(ben, team, note({ seq: 3 })).events).toEqual([
      {
        kind: 'info',
        from: ben,
        what: 'read',
        seq: 3,
        skipSid: sid,
        skipOwn: false,
        toWatchers: true,
      },
      expect.objectContaining({
        to: 'watchers',
        what: 'read',
        seq: 3,
        onlyUser: ben,
        skipSid: sid,
      }),
    ])
    expect(w.run(ben, team, note({ seq: 3 })).events).toEqual([])
  })

  test.each<[string, UserId, string, Partial<NoteCommand>, object, boolean]>([
    ['read, not attached', ben, team, { seq: 1 }, { attached: false }, false],
    ['recv, not attached', ben, team, { what: 'recv', seq: 1 }, { attached: false }, true],
    ['a stranger', carl, team, { seq: 1 }, { attached: true }, false],
    ['typing', ben, team, { what: 'kp' }, {}, true],
    ['typing with a seq', ben, team, { what: 'kp', seq: 1 }, {}, false],
    ['data', ben, team, { what: 'data', payload: 1 }, {}, true],
    ['data without payload', ben, team, { what: 'data' }, {}, false],
    ['a call in a group', ben, team, { what: 'call', seq: 1, event: 'accept' }, {}, false],
    ['a call', ben, chat, { what: 'call', seq: 1, event: 'ringing' }, { attached: false }, true],
    [
      'an offer from outside',
      ben,
      chat,
      { what: 'call', seq: 1, event: 'offer' },
      { attached: false },
      false,
    ],
    ['a call that is not there', ben, chat, { what: 'call', seq: 9, event: 'ringing' }, {}, false],
    ['no topic', ben, 'grpCQAAAAkAAAA', { seq: 1 }, {}, false],
  ])('%s', (_, uid, name, more, actor, told) => {
    const w = group()
    w.run(anna, chat, { kind: 'sub' })
    publish(w, anna, chat, 1)
    const outcome = w.run(uid, name, note(more), actor)
    expect([outcome.parts, outcome.events.length > 0]).toEqual([[], told])
    if (!told) expect(w.written).toEqual([])
  })

  test('typing is not echoed to oneself, nor data forwarded without its payload', () => {
    const w = group()
    expect(w.run(ben, team, note({ what: 'kpa' })).events).toMatchObject([
      { what: 'kpa', skipOwn: true },
    ])
    const data = w.run(ben, team, note({ what: 'data', payload: { a: 1 }, event: 'x' }))
    expect(data.events).toMatchObject([{ what: 'data', payload: { a: 1 }, event: 'x' }])
  })

  test('marks of channel readers are stored, and nobody is told', () => {
    const w = group(true)
    expect(w.run(ben, team, note({ seq: 3 }), { asChan: true }).events).toEqual([])
    expect(marks(w)).toEqual([3, 3])
  })
})
