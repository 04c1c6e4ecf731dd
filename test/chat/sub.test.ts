import { describe, expect, test } from 'vitest'
import type { SubCommand } from '../../src/chat/command.ts'
import { p2pName, slfTopic, sysTopic } from '../../src/ids/topic-name.ts'
import { userIdFromHalves } from '../../src/ids/user-id.ts'
import { anna, ben, carl, chat, codes, limits, people, saved, team } from './world.ts'
import type { World } from './world.ts'

const sub = (more: Partial<SubCommand> = {}): SubCommand => ({ kind: 'sub', ...more })
const group = (more: Partial<SubCommand> = {}): World => {
  const w = people()
  w.run(anna, team, sub({ create: 'grp', ...more }))
  return w
}
const channel = (): World => group({ create: 'chn' })

/** Code, text and acs of the first answer. */
function said(
  w: World,
  uid = ben,
  name: string = team,
  command = sub(),
  asChan = false,
): unknown[] {
  const outcome = w.run(uid, name, command, { asChan })
  const [part] = outcome.parts
  if (part?.kind !== 'ctrl') return []
  const acs = part.params?.['acs'] as { want: string; given: string } | undefined
  return [
    part.code,
    part.text ?? (acs ? `${acs.want}/${acs.given}` : ''),
    outcome.attach !== undefined,
  ]
}

describe('groups', () => {
  test.each<[string, () => unknown, unknown]>([
    [
      'created',
      () => said(people(), anna, team, sub({ create: 'grp' })),
      [200, 'JRWPASDO/JRWPASDO', true],
    ],
    [
      'created with less',
      () => said(people(), anna, team, sub({ create: 'grp', mode: 'RW' })),
      [200, 'JRWO/JRWPASDO', true],
    ],
    [
      'created again by the same',
      () => said(group(), anna, team, sub({ create: 'grp' })),
      [200, 'JRWPASDO/JRWPASDO', false],
    ],
    [
      'created again by another',
      () => said(group(), ben, team, sub({ create: 'grp' })),
      [403, '', false],
    ],
    [
      'created with bad letters',
      () => said(people(), anna, team, sub({ create: 'grp', mode: 'XY' })),
      [400, '', false],
    ],
    [
      'created with trusted',
      () => said(people(), anna, team, sub({ create: 'grp', desc: { trusted: { a: 1 } } })),
      [403, '', false],
    ],
    [
      'created with an immutable tag',
      () => said(people(), anna, team, sub({ create: 'grp', tags: ['basic:x'] })),
      [403, '', false],
    ],
    ['joined', () => said(group()), [200, 'JRWPS/JRWPS', true]],
    [
      'joined with less',
      () => said(group(), ben, team, sub({ mode: 'JR' })),
      [200, 'JR/JRWPS', true],
    ],
    [
      'joined with a wish for more',
      () => said(group(), ben, team, sub({ mode: 'JRWPA' })),
      [200, 'JRWPA/JRWPS', true],
    ],
    ['joined as owner', () => said(group(), ben, team, sub({ mode: 'JRWO' })), [403, '', false]],
    [
      'by invitation only',
      () => said(group({ desc: { defacs: { auth: 'N' } } })),
      [403, '', false],
    ],
    [
      'anonymous',
      () => {
        const w = group()
        return codes(w.run(ben, team, sub(), { level: 'anon' }))
      },
      [403],
    ],
    ['not there', () => said(people()), [404, 'topic not found', false]],
    ['not a channel', () => said(group(), ben, team, sub(), true), [404, '', false]],
  ])('%s', (_, act, expected) => expect(act()).toEqual(expected))

  test('again: nothing to tell; with another mode: that', () => {
    const w = group()
    said(w)
    expect(said(w)).toEqual([200, '', false])
    expect(w.written).toEqual([])
    expect(said(w, ben, team, sub({ mode: 'JRP' }))).toEqual([200, 'JRP/JRWPS', false])
    expect(said(w, ben, team, sub({ mode: 'X' }))).toEqual([400, '', false])
  })

  test('a repeated sub of a session that lost track runs its get', () => {
    const w = group()
    expect(codes(w.run(anna, team, sub({ get: { what: ['desc', 'data'] } })))).toEqual([
      200,
      'desc',
      204,
    ])
  })

  test('after the ctrl: desc, sub, tags, cred, aux, data, del', () => {
    const w = group()
    const what = ['del', 'data', 'aux', 'cred', 'tags', 'sub', 'desc'] as const
    expect(codes(w.run(anna, team, sub({ get: { what } })))).toEqual([
      200,
      'desc',
      'sub',
      204,
      405,
      204,
      204,
      204,
    ])
  })

  test('full: 422, and nothing is stored', () => {
    const w = group()
    w.limits = { ...limits, maxSubscriberCount: 2 }
    said(w)
    expect(said(w, carl)).toEqual([422, '', false])
    expect(w.written).toEqual([])
  })

  test('leaving and coming back does not lift a ban', () => {
    const w = group()
    said(w)
    w.run(anna, team, { kind: 'set', sub: { user: ben, mode: 'RW' } })
    expect(said(w)).toEqual([403, '', false])
    w.run(ben, team, { kind: 'leave', unsub: true })
    expect(said(w)).toEqual([403, '', false])
  })

  test('a ban of his own is lifted by a plain sub', () => {
    const w = group()
    said(w)
    const outcome = w.run(ben, team, sub({ mode: 'RWP' }))
    expect(outcome.events).toContainEqual({ kind: 'evict', uid: ben, unsub: false })
    expect(outcome).toMatchObject({ detach: true })
    expect(said(w)).toEqual([200, 'JRWPS/JRWPS', true])
  })

  test('who is told of a newcomer', () => {
    const w = group()
    said(w)
    const dacs = { want: 'JRWPS', given: 'JRWPS' }
    expect(w.told.get(team)).toEqual([
      { kind: 'modes', uid: ben, want: 47, given: 47, member: true },
      expect.objectContaining({
        to: 'attached',
        what: 'acs',
        src: ben,
        anyOf: 176,
        dacs,
        exceptUser: ben,
      }),
      expect.objectContaining({
        to: 'watchers',
        what: 'acs',
        tgt: ben,
        act: ben,
        anyOf: 176,
        dacs,
      }),
    ])
    expect(w.told.get(ben)).toEqual([
      { kind: 'list', topic: team, gone: false },
      expect.objectContaining({
        to: 'attached',
        what: 'acs',
        src: team,
        dacs,
        unlessAttachedTo: team,
      }),
    ])
  })
})

describe('channels', () => {
  test.each<[string, (w: World) => unknown, unknown]>([
    ['read by anybody', (w) => said(w, ben, team, sub(), true), [200, 'JRP/JRP', true]],
    [
      'a reader wants too much',
      (w) => said(w, ben, team, sub({ mode: 'JRWPASDO' }), true),
      [200, 'JRP/JRP', true],
    ],
    [
      'a reader wants too little',
      (w) => said(w, ben, team, sub({ mode: 'N' }), true),
      [200, 'JR/JRP', true],
    ],
    ['joined uninvited', (w) => said(w), [403, '', false]],
    [
      'a full subscriber by the chn name',
      (w) => codes(w.run(anna, team, sub(), { asChan: true })),
      [303],
    ],
    [
      'created again',
      (w) => said(w, anna, team, sub({ create: 'chn' }), true),
      [200, 'JRWPASDO/JRWPASDO', false],
    ],
  ])('%s', (_, act, expected) => expect(act(channel())).toEqual(expected))

  test('a reader who says grp is attached as a reader', () => {
    const w = channel()
    w.run(ben, team, sub(), { asChan: true })
    const outcome = w.run(ben, team, sub(), { sid: 'other' })
    expect(outcome.attach).toMatchObject({ asChan: true })
  })

  test('readers are told of, and tell, nobody; they do not count as subscribers', () => {
    const w = channel()
    w.limits = { ...limits, maxSubscriberCount: 1 }
    w.run(ben, team, sub(), { asChan: true })
    expect(w.told.get(team)).toEqual([
      { kind: 'modes', uid: ben, want: 11, given: 11, member: true, reader: true },
    ])
    expect(
      w.run(ben, team, sub({ get: { what: ['sub', 'desc'] } }), { asChan: true }).parts[2],
    ).toMatchObject({
      part: 'sub',
      value: [{ user: ben }],
    })
    expect(w.ask(team, { kind: 'row', uid: ben })).toMatchObject({ chan: true, subcnt: 2 })
    w.run(carl, team, sub(), { asChan: true })
    expect(w.told.get(carl)?.[1]).toMatchObject({ what: 'acs', src: team, srcChan: true })
  })
})

describe('p2p', () => {
  test.each<[string, Partial<SubCommand>, unknown]>([
    ['by default', {}, [200, 'JRWPAD/JRWPAD', true]],
    ['granting less', { desc: { defacs: { auth: 'JR' } } }, [200, 'JRA/JRWPAD', true]],
    ['wanting less', { mode: 'R' }, [200, 'JRA/JRWPAD', true]],
    ['bad letters', { mode: 'Q' }, [400, '', false]],
    ['bad grant', { desc: { defacs: { auth: 'Q' } } }, [400, '', false]],
  ])('%s', (_, more, expected) => expect(said(people(), anna, chat, sub(more))).toEqual(expected))

  test('both are told, each in his own list', () => {
    const w = people()
    w.run(anna, chat, sub())
    for (const uid of [anna, ben]) {
      expect(w.told.get(uid)).toEqual([
        { kind: 'list', topic: chat, gone: false },
        expect.objectContaining({
          what: 'acs',
          src: chat,
          act: anna,
          dacs: { want: 'JRWPAD', given: 'JRWPAD' },
        }),
      ])
      expect(w.ask(uid, { kind: 'list' })).toEqual([chat])
    }
  })

  test('nobody there, or nobody wanted', () => {
    const w = people()
    const nobody = userIdFromHalves(1, 1)
    expect(said(w, anna, p2pName(anna, nobody))).toEqual([404, 'user not found', false])
    const strict = people()
    strict.run(ben, ben, { kind: 'set', desc: { defacs: { auth: 'N' } } }, { attached: true })
    expect(said(strict, anna, chat)).toEqual([403, '', false])
    expect(strict.written).toEqual([])
    strict.run(ben, ben, { kind: 'del', what: 'user', hard: true })
    expect(said(strict, anna, chat)).toEqual([404, 'user not found', false])
    expect(said(strict, carl, chat)).toEqual([404, 'topic not found', false])
  })

  test('left by one and opened by the other, it is for both again; a ban stays', () => {
    const w = people()
    said(w, anna, chat)
    said(w, ben, chat)
    w.run(ben, chat, { kind: 'leave', unsub: true })
    expect(w.ask(ben, { kind: 'list' })).toEqual([])
    expect(said(w, anna, chat)).toEqual([200, '', false])
    expect(w.ask(ben, { kind: 'list' })).toEqual([chat])
    w.run(anna, chat, { kind: 'set', sub: { user: ben, mode: 'N' } })
    w.run(ben, chat, { kind: 'leave', unsub: true })
    expect(said(w, ben, chat)).toEqual([403, '', false])
  })

  test('left by both it is gone; its numbers go on, and nothing of it shows', () => {
    const w = people()
    said(w, anna, chat)
    said(w, ben, chat)
    for (let n = 1; n <= 3; n++) {
      w.run(anna, chat, {
        kind: 'pub',
        producer: 'p',
        n,
        hash: 1,
        head: null,
        content: '1',
        noecho: false,
      })
    }
    w.run(ben, chat, { kind: 'leave', unsub: true })
    expect(w.run(anna, chat, { kind: 'leave', unsub: true }).events).toContainEqual({
      kind: 'closed',
    })
    const back = w.run(anna, chat, sub({ get: { what: ['desc', 'data', 'del'] } }))
    expect(back.parts.slice(1)).toMatchObject([
      { part: 'desc', value: { seq: 3, read: 3, recv: 3 } },
      { kind: 'history', hidden: [[1, 4]] },
      { part: 'del', value: { delseq: [{ low: 1, hi: 4 }] } },
    ])
  })
})

describe('saved messages and sys', () => {
  test('slf', () => {
    const w = people()
    expect(said(w, anna, saved)).toEqual([200, 'JRWDO/JRWDO', true])
    expect(said(w, anna, saved)).toEqual([200, '', false])
    expect(said(w, ben, saved)).toEqual([404, 'topic not found', false])
    expect(w.ask(anna, { kind: 'list' })).toEqual([saved])
    expect(codes(w.run(anna, saved, { kind: 'leave', unsub: true }))).toEqual([403])
    expect(said(w, anna, slfTopic(ben))[0]).toBe(404)
  })

  test('sys is for root', () => {
    const w = people()
    expect(said(w, anna, sysTopic)).toEqual([403, '', false])
    const outcome = w.run(anna, sysTopic, sub(), { level: 'root' })
    expect(outcome.parts).toMatchObject([{ code: 200, params: { acs: { mode: 'JRWPD' } } }])
  })
})

test.each<[string, SubCommand]>([
  [
    'deep private',
    sub({ desc: { private: JSON.parse('['.repeat(500) + ']'.repeat(500)) as never } }),
  ],
  ['bad mode', sub({ mode: 'Q' })],
])('malformed: %s', (_, command) => {
  const w = group()
  expect(said(w, ben, team, command)[0]).toBe(400)
  expect(w.written).toEqual([])
})
