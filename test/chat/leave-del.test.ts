import { describe, expect, test } from 'vitest'
import type { Command, DelCommand } from '../../src/chat/command.ts'
import { numberFromKey } from '../../src/chat/row-bytes.ts'
import { tables } from '../../src/chat/tables.ts'
import { maxErased } from '../../src/chat/topic-state.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { anna, ben, carl, chat, codes, people, saved, team } from './world.ts'
import type { World } from './world.ts'

const leave: Command = { kind: 'leave', unsub: true }
const del = (more: Partial<DelCommand>): DelCommand => ({
  kind: 'del',
  what: 'msg',
  hard: false,
  ...more,
})

function group(messages = 0): World {
  const w = people()
  w.run(anna, team, { kind: 'sub', create: 'grp', tags: ['team'] })
  for (const uid of [ben, carl]) w.run(uid, team, { kind: 'sub' })
  for (let n = 1; n <= messages; n++) publish(w, ben, team, n)
  return w
}

function publish(w: World, uid: UserId, name: string, n: number): void {
  w.run(uid, name, {
    kind: 'pub',
    producer: 'p',
    n,
    hash: 1,
    head: null,
    content: `${n}`,
    noecho: false,
  })
}

function seqs(w: World, name: string = team): number[] {
  return [...(w.rows.get(name)?.values() ?? [])]
    .filter((row) => row.table === tables.messages)
    .map((row) => numberFromKey(row.key))
}

function hidden(w: World, uid: UserId, name: string = team): unknown {
  const [part] = w.run(uid, name, { kind: 'get', query: { what: ['data'] } }).parts
  return part?.kind === 'history' ? part.hidden : part
}

describe('leaving', () => {
  test('a member: told to the others, and gone from his list', () => {
    const w = group()
    const outcome = w.run(ben, team, leave)
    expect(outcome).toMatchObject({ parts: [{ code: 200 }], detach: true })
    const sid = w.actor(ben, team).sid
    expect(outcome.events).toEqual([
      expect.objectContaining({
        to: 'attached',
        what: 'acs',
        src: ben,
        dacs: { want: 'N', given: 'N' },
        anyOf: 176,
      }),
      { kind: 'modes', uid: ben, want: 47, given: 47, member: false },
      { kind: 'evict', uid: ben, unsub: true, exceptSid: sid },
    ])
    expect(w.told.get(ben)).toEqual([
      { kind: 'list', topic: team, gone: true },
      expect.objectContaining({ what: 'gone', src: team, skipSid: sid }),
    ])
    expect(w.ask(team, { kind: 'row', uid: ben })).toBeNull()
    expect(codes(w.run(ben, team, { kind: 'get', query: { what: ['sub'] } }))).toEqual([404])
  })

  test.each<[string, UserId, string, Command, object, unknown[]]>([
    ['the owner', anna, team, leave, {}, [403]],
    ['the owner of saved messages', anna, saved, leave, {}, [403]],
    ['not attached', ben, team, leave, { attached: false }, [200]],
    ['by the chn name', ben, team, leave, { asChan: true }, [404]],
    ['a stranger', anna, chat, leave, {}, [304]],
    ['only detaching', ben, team, { kind: 'leave', unsub: false }, {}, [200]],
    [
      'detaching without being there',
      ben,
      team,
      { kind: 'leave', unsub: false },
      { attached: false },
      [304],
    ],
  ])('%s', (_, uid, name, command, more, expected) => {
    const w = group()
    w.run(anna, saved, { kind: 'sub' })
    expect(codes(w.run(uid, name, command, more))).toEqual(expected)
  })

  test('what he hid for himself is forgotten', () => {
    const w = group(3)
    w.run(carl, team, del({ delseq: [{ low: 2 }] }))
    w.run(carl, team, { kind: 'note', what: 'read', seq: 2 })
    expect(hidden(w, carl)).toEqual([[2, 3]])
    w.run(carl, team, leave)
    w.run(carl, team, { kind: 'sub' })
    expect(hidden(w, carl)).toEqual([])
    expect(w.ask(team, { kind: 'row', uid: carl })).toMatchObject({ read: 0, recv: 0, clear: 0 })
  })
})

describe('deleting a topic', () => {
  test('by the owner: for everybody', () => {
    const w = group(3)
    const outcome = w.run(anna, team, del({ what: 'topic', hard: true }))
    expect(outcome).toMatchObject({ parts: [{ code: 200 }], events: [{ kind: 'closed' }] })
    for (const uid of [anna, ben, carl]) {
      expect(w.ask(uid, { kind: 'list' })).toEqual([])
      expect(w.told.get(uid)).toContainEqual(expect.objectContaining({ what: 'gone', src: team }))
    }
    expect(seqs(w)).toEqual([])
    const left = [...w.rows.get(team)!.values()].map((row) => row.table)
    expect(left).not.toContain(tables.member)
    expect(w.ask('tag:team', { kind: 'tag-find', limit: 9 })).toEqual([])
    expect(codes(w.run(ben, team, { kind: 'sub' }))).toEqual([404])
    expect(codes(w.run(anna, team, { kind: 'sub', create: 'grp' }))).toEqual([403])
    expect(codes(w.run(anna, team, { kind: 'get', query: { what: ['desc'] } }))).toEqual([404])
  })

  test.each<[string, UserId, unknown[]]>([
    ['by a member: he leaves', ben, [200]],
    ['by a stranger', 'usrAAAAAAAAAAB' as UserId, [304]],
  ])('%s', (_, uid, expected) => {
    const w = group()
    expect(codes(w.run(uid, team, del({ what: 'topic' })))).toEqual(expected)
    expect(w.ask(team, { kind: 'row', uid: carl })).not.toBeNull()
  })
})

describe('removing a member', () => {
  test.each<[string, UserId, UserId | undefined, object, unknown[]]>([
    ['by an admin', anna, ben, {}, [200]],
    ['by a member', ben, carl, {}, [403]],
    ['himself', anna, anna, {}, [403]],
    ['who is not there', anna, 'usrAAAAAAAAAAB' as UserId, {}, [304]],
    ['nobody', anna, undefined, {}, [400]],
    ['not attached', anna, ben, { attached: false }, [409]],
  ])('%s', (_, by, user, more, expected) => {
    const w = group()
    const whom = user === undefined ? {} : { user }
    expect(codes(w.run(by, team, del({ what: 'sub', ...whom }), more))).toEqual(expected)
  })

  test('he is evicted and told', () => {
    const w = group()
    const { events } = w.run(anna, team, del({ what: 'sub', user: ben }))
    expect(events).toContainEqual({ kind: 'evict', uid: ben, unsub: true })
    expect(w.told.get(ben)).toContainEqual(expect.objectContaining({ what: 'gone', src: team }))
  })

  test('neither the owner nor who blocked the group himself', () => {
    const w = group()
    w.run(anna, team, { kind: 'set', sub: { user: ben, mode: 'JRWPA' } })
    expect(codes(w.run(ben, team, del({ what: 'sub', user: anna })))).toEqual([403])
    w.run(carl, team, { kind: 'set', sub: { mode: 'RW' } })
    expect(codes(w.run(anna, team, del({ what: 'sub', user: carl })))).toEqual([403])
  })
})

describe('deleting messages', () => {
  test.each<[string, UserId, Partial<DelCommand>, object, unknown[]]>([
    ['for oneself', ben, { delseq: [{ low: 1 }] }, {}, [200]],
    ['hard without D: soft', ben, { delseq: [{ low: 1 }], hard: true }, {}, [200]],
    ['not attached', ben, { delseq: [{ low: 1 }] }, { attached: false }, [409]],
    ['no ranges', ben, {}, {}, [400]],
    ['beyond the last', ben, { delseq: [{ low: 6 }] }, {}, [400]],
    ['zero', ben, { delseq: [{ low: 0, hi: 3 }] }, {}, [400]],
    ['nobody knows what', ben, { what: 'cred' }, {}, [400]],
  ])('%s', (_, uid, more, actor, expected) => {
    const w = group(5)
    expect(codes(w.run(uid, team, del(more), actor))).toEqual(expected)
    expect(seqs(w)).toEqual([1, 2, 3, 4, 5])
  })

  test('soft: for him alone', () => {
    const w = group(5)
    const outcome = w.run(ben, team, del({ delseq: [{ low: 2, hi: 4 }, { low: 5 }] }))
    expect(outcome.parts).toEqual([{ kind: 'ctrl', code: 200, params: { del: 1 } }])
    const delseq = [{ low: 2, hi: 4 }, { low: 5 }]
    const common = { clear: 1, delseq, onlyUser: ben, skipSid: w.actor(ben, team).sid }
    expect(outcome.events).toEqual([
      expect.objectContaining({ to: 'attached', what: 'del', src: ben, needs: 2, ...common }),
      expect.objectContaining({ to: 'watchers', what: 'del', act: ben, needs: 11, ...common }),
    ])
    expect([hidden(w, ben), hidden(w, carl)]).toEqual([
      [
        [2, 4],
        [5, 6],
      ],
      [],
    ])
    expect(w.ask(team, { kind: 'row', uid: ben })).toMatchObject({ clear: 1 })
    expect(w.ask(team, { kind: 'row', uid: carl })).toMatchObject({ clear: 0 })
    const [desc] = w.run(ben, team, { kind: 'get', query: { what: ['desc'] } }).parts
    expect(desc).toMatchObject({ value: { clear: 1 } })
  })

  test('hard: rows go, everybody is told, numbers are not reused', () => {
    const w = group(5)
    const outcome = w.run(anna, team, del({ delseq: [{ low: 4, hi: 99 }], hard: true }))
    expect(outcome.parts).toMatchObject([{ params: { del: 1 } }])
    expect(outcome.events).toMatchObject([{ delseq: [{ low: 4, hi: 6 }] }, { clear: 1, act: anna }])
    expect(outcome.events[0]).not.toHaveProperty('onlyUser')
    expect(seqs(w)).toEqual([1, 2, 3])
    publish(w, ben, team, 6)
    expect(seqs(w)).toEqual([1, 2, 3, 6])
    const got = w.run(carl, team, { kind: 'get', query: { what: ['del'] } })
    expect(got.parts).toEqual([
      { kind: 'meta', part: 'del', value: { clear: 1, delseq: [{ low: 4, hi: 6 }] } },
    ])
  })

  test('only what is young enough, except for the owner', () => {
    const w = people()
    w.run(anna, chat, { kind: 'sub' })
    w.run(ben, chat, { kind: 'sub' })
    for (let n = 1; n <= 4; n++) {
      publish(w, anna, chat, n)
      w.now += 300_000
    }
    // 1,200, 900, 600 and 300 s old: the third is within one step of the limit.
    const outcome = w.run(ben, chat, del({ delseq: [{ low: 1, hi: 5 }], hard: true }))
    expect(outcome.events).toMatchObject([{ delseq: [{ low: 3, hi: 5 }] }, {}])
    expect(codes(w.run(ben, chat, del({ delseq: [{ low: 1 }], hard: true })))).toEqual([403])
    w.now += 10_000_000
    expect(codes(w.run(ben, chat, del({ delseq: [{ low: 1, hi: 5 }], hard: true })))).toEqual([403])
    expect(seqs(w, chat)).toEqual([1, 2])
    const g = group(5)
    g.now += 10_000_000
    g.run(anna, team, del({ delseq: [{ low: 1, hi: 6 }], hard: true }))
    expect(seqs(g)).toEqual([])
  })

  test('a long history goes in pieces, and is hidden at once', () => {
    const w = group()
    const total = maxErased + 50
    w.shadowed = false
    for (let n = 1; n <= total; n++) publish(w, anna, team, n)
    w.shadowed = true
    w.run(anna, team, del({ delseq: [{ low: 1, hi: total + 1 }], hard: true }))
    expect(seqs(w)).toHaveLength(50)
    expect(hidden(w, ben)).toEqual([[1, total + 1]])
    expect(w.ask(team, { kind: 'sweep' })).toBe(true)
    expect(seqs(w)).toEqual([])
    expect(w.ask(team, { kind: 'sweep' })).toBe(false)
  })

  test('not by readers of a channel, nor without R', () => {
    const w = people()
    w.run(anna, team, { kind: 'sub', create: 'chn' })
    publish(w, anna, team, 1)
    w.run(ben, team, { kind: 'sub' }, { asChan: true })
    expect(codes(w.run(ben, team, del({ delseq: [{ low: 1 }] }), { asChan: true }))).toEqual([405])
    const g = group(1)
    g.run(ben, team, { kind: 'set', sub: { mode: 'JW' } })
    expect(codes(g.run(ben, team, del({ delseq: [{ low: 1 }] })))).toEqual([403])
  })
})
