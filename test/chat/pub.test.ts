import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { marks } from '../../src/assert.ts'
import type { Command, PubCommand } from '../../src/chat/command.ts'
import { maxProducers } from '../../src/chat/producers.ts'
import { tables } from '../../src/chat/tables.ts'
import { decodeMessage } from '../../src/chat/message-row.ts'
import { sysTopic } from '../../src/ids/topic-name.ts'
import { anna, ben, carl, chat, codes, people, team } from './world.ts'
import type { World } from './world.ts'

function publish(more: Partial<PubCommand> = {}): Command {
  const plain = { producer: 'p1', n: 1, hash: 7, head: null, content: '"hi"', noecho: false }
  return { kind: 'pub', ...plain, ...more }
}

function group(): World {
  const w = people()
  w.run(anna, team, { kind: 'sub', create: 'grp' })
  w.run(ben, team, { kind: 'sub' })
  return w
}

/** seq of an accepted publish, else code and text. */
function answer(w: World, command: Command, uid = anna, name: string = team): unknown {
  const [part] = w.run(uid, name, command).parts
  if (part?.kind !== 'ctrl') return part
  return part.code === 202 ? part.params?.['seq'] : (part.text ?? part.code)
}

function stored(w: World, name: string = team): number {
  return [...(w.rows.get(name)?.values() ?? [])].filter((row) => row.table === tables.messages)
    .length
}

test('what is told of a message', () => {
  const w = group()
  const outcome = w.run(anna, team, publish({ noecho: true, head: '{"mime":"x"}' }))
  expect(outcome.parts).toEqual([{ kind: 'ctrl', code: 202, params: { seq: 1 } }])
  const common = { seq: 1, from: anna, ts: w.now, head: '{"mime":"x"}', content: '"hi"' }
  expect(outcome.events).toEqual([
    { kind: 'data', ...common, skipSid: w.actor(anna, team).sid },
    { kind: 'pres', to: 'watchers', what: 'msg', seq: 1, act: anna, needs: 11, anyOf: 0 },
  ])
  expect(w.ask(team, { kind: 'row', uid: anna })).toMatchObject({ seq: 1, read: 1, recv: 1 })
  expect(w.ask(team, { kind: 'row', uid: ben })).toMatchObject({ seq: 1, read: 0, recv: 0 })
})

describe('who may', () => {
  test.each<[string, (w: World) => unknown, unknown]>([
    ['not attached', (w) => answer(w, publish(), carl), 409],
    ['no topic', (w) => answer(w, publish(), anna, 'grpCQAAAAkAAAA'), 'topic not found'],
    [
      'no W',
      (w) => {
        w.run(anna, team, { kind: 'set', sub: { user: ben, mode: 'JRPS' } })
        return answer(w, publish(), ben)
      },
      403,
    ],
    [
      'the owner is suspended',
      (w) => {
        w.fact(team, { kind: 'user-state', uid: anna, state: 'susp' })
        return answer(w, publish(), ben)
      },
      403,
    ],
    [
      'the owner is back',
      (w) => {
        w.fact(team, { kind: 'user-state', uid: anna, state: 'susp' })
        w.fact(team, { kind: 'user-state', uid: anna, state: 'ok' })
        return answer(w, publish(), ben)
      },
      1,
    ],
    ['sys, by anybody', (w) => answer(w, publish(), ben, sysTopic), 1],
    ['a producer without a name', (w) => answer(w, publish({ producer: '' })), 400],
    ['a producer that is no plain text', (w) => answer(w, publish({ producer: 'p\ud800' })), 400],
    [
      'a head too deep to write anew',
      (w) =>
        answer(w, publish({ head: `{"sender":1,"x":${'['.repeat(9_000)}${']'.repeat(9_000)}}` })),
      400,
    ],
    ['a head that is none', (w) => answer(w, publish({ head: '["sender"' })), 400],
    ['a number below 1', (w) => answer(w, publish({ n: 0 })), 400],
    ['me', (w) => answer(w, publish(), anna, anna), 403],
  ])('%s', (_, act, expected) => expect(act(group())).toBe(expected))

  test('somebody else finds no p2p', () => {
    const w = people()
    w.run(anna, chat, { kind: 'sub' })
    expect(answer(w, publish(), carl, chat)).toBe('topic not found')
  })

  test('a blocked peer is accepted, and not told', () => {
    const w = people()
    w.run(anna, chat, { kind: 'sub' })
    w.run(ben, chat, { kind: 'sub' })
    expect(codes(w.run(ben, chat, { kind: 'set', sub: { mode: 'RWPA' } }))).toEqual([200])
    expect(answer(w, publish(), anna, chat)).toBe(1)
  })
})

test.each([
  ['{"sender":"usrX"}', null],
  ['{"sender":"usrX","mime":"x"}', '{"mime":"x"}'],
  ['{"reply":"the \\"sender\\" said"}', '{"reply":"the \\"sender\\" said"}'],
  ['{ "b":1,"a":[1.50] }', '{ "b":1,"a":[1.50] }'],
  ['{}', null],
])('head %s is kept as %s', (head, kept) => {
  const w = group()
  const [data] = w.run(anna, team, publish({ head })).events
  expect(data).toMatchObject({ head: kept })
  const row = w.written.find(({ table }) => table === tables.messages)
  expect(decodeMessage(row!.value!)).toMatchObject({ head: kept, content: '"hi"', from: anna })
})

describe('idempotency keys (P3)', () => {
  test('the table of section 5', () => {
    const w = group()
    expect(answer(w, publish({ n: 1 }))).toBe(1)
    expect(answer(w, publish({ n: 2 }))).toBe(2)
    expect(answer(w, publish({ n: 1 }))).toBe(1) // a retry
    expect(w.written).toEqual([])
    expect(w.told.get(team)).toEqual([])
    expect(answer(w, publish({ n: 2, hash: 8 }))).toBe('key reused')
    expect(answer(w, publish({ n: 4 }))).toBe('out of order')
    expect(answer(w, publish({ n: 3 }))).toBe(3)
    expect(answer(w, publish({ n: 1 }), ben)).toBe(4) // another user's producer of that name
    expect(answer(w, publish({ producer: 'p2', n: 70 }))).toBe(5) // first seen: starts there
    expect(answer(w, publish({ producer: 'p2', n: 69 }))).toBe('key retired')
    expect(answer(w, publish({ producer: 'p2', n: 71, hash: -1 }))).toBe(6)
    expect(answer(w, publish({ producer: 'p2', n: 71, hash: 0xffffffff }))).toBe(6)
    expect(stored(w)).toBe(6)
  })

  test('an edge that numbers says when what is missing never comes', () => {
    const w = group()
    expect(answer(w, publish({ n: 2, alone: false }))).toBe('out of order')
    expect(answer(w, publish({ n: 1, alone: true }))).toBe(1)
    expect(answer(w, publish({ n: 2, alone: false }))).toBe(2)
    expect(answer(w, publish({ n: 5, alone: false }))).toBe('out of order')
    expect(answer(w, publish({ n: 5, alone: true }))).toBe(3)
    expect(answer(w, publish({ n: 6, alone: false }))).toBe(4)
    expect(answer(w, publish({ n: 70, alone: true }))).toBe(5)
    for (const n of [3, 4, 7, 31, 32, 63, 69]) {
      expect(answer(w, publish({ n }))).toBe('key retired')
    }
    for (const [n, seq] of [
      [1, 1],
      [2, 2],
      [5, 3],
      [6, 4],
      [70, 5],
    ] as const) {
      expect(answer(w, publish({ n }))).toBe(seq)
    }
    expect(stored(w)).toBe(5)
  })

  test('the last 256 publishes are known, whoever publishes between', () => {
    const w = group()
    const seqs: unknown[] = []
    w.shadowed = false
    for (let n = 1; n <= 400; n++) {
      seqs[n] = answer(w, publish({ n, hash: n }))
      if (n % 7 === 0) answer(w, publish({ n: n / 7 }), ben)
    }
    w.shadowed = true
    const total = stored(w)
    for (let n = 400 - 255; n <= 400; n++) expect(answer(w, publish({ n, hash: n }))).toBe(seqs[n])
    expect(answer(w, publish({ n: 100, hash: 100 }))).toBe('key retired')
    expect(stored(w)).toBe(total)
  })
})

describe('an edge that numbers for its session', () => {
  test('what was refused may be passed over when nothing below is under way', () => {
    const w = group()
    expect(answer(w, publish({ n: 2, alone: false }))).toBe('out of order') // 1 is on its way
    expect(answer(w, publish({ n: 2, alone: true }))).toBe(1) // 1 was refused
    expect(answer(w, publish({ n: 5, alone: false }))).toBe('out of order')
    expect(answer(w, publish({ n: 5, alone: true }))).toBe(2)
    expect(answer(w, publish({ n: 4, alone: true }))).toBe('key retired') // passed over: never stored
    expect(answer(w, publish({ n: 2 }))).toBe(1)
    expect(answer(w, publish({ n: 5 }))).toBe(2)
    expect(answer(w, publish({ n: 6 }))).toBe(3)
  })

  test('over many pages', () => {
    const w = group()
    const seqs = new Map<number, unknown>()
    for (const n of [1, 33, 65, 66, 100, 260, 261, 700]) {
      seqs.set(n, answer(w, publish({ n, alone: true })))
    }
    for (const n of [1, 65, 260, 261, 300, 699]) {
      expect(answer(w, publish({ n, alone: true }))).toBe('key retired')
    }
    expect(answer(w, publish({ n: 700 }))).toBe(8)
    expect(seqs.get(700)).toBe(8)
    expect(answer(w, publish({ n: 701 }))).toBe(9)
    expect(stored(w)).toBe(9)
  })
})

test('whatever is sent again, and in whatever order, is stored once', () => {
  const sends = fc.array(
    fc.record({
      producer: fc.constantFrom('a', 'b'),
      n: fc.integer({ min: 1, max: 12 }),
      hash: fc.constantFrom(1, 1, 1, 2),
    }),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(sends, (list) => {
      const w = group()
      const twin = new Map<string, { seq: number; hash: number }>()
      const last = new Map<string, number>()
      const first = new Map<string, number>()
      let seq = 0
      for (const one of list) {
        const { producer, n, hash } = one
        const known = twin.get(`${producer} ${n}`)
        let expected: unknown
        if (known !== undefined) expected = known.hash === hash ? known.seq : 'key reused'
        else if (n < (first.get(producer) ?? n)) expected = 'key retired'
        else if (n > (last.get(producer) ?? n - 1) + 1) expected = 'out of order'
        else {
          expected = ++seq
          twin.set(`${producer} ${n}`, { seq, hash })
          last.set(producer, n)
          if (!first.has(producer)) first.set(producer, n)
        }
        expect(answer(w, publish(one))).toBe(expected)
      }
      expect(stored(w)).toBe(seq)
    }),
    { numRuns: 40 },
  )
})

describe('too many producers', () => {
  const name = (i: number): string => (100_000 + i).toString(36)

  test('the one that was not used for longest is retired, and refused for ever', () => {
    const w = group()
    w.shadowed = false
    for (let i = 0; i <= maxProducers; i++) answer(w, publish({ producer: name(i) }))
    w.shadowed = true
    const total = stored(w)
    expect(answer(w, publish({ producer: name(0) }))).toBe('key retired')
    expect(answer(w, publish({ producer: name(1) }))).toBe(2)
    expect(answer(w, publish({ producer: name(maxProducers) }))).toBe(maxProducers + 1)
    expect(stored(w)).toBe(total)
    expect(answer(w, publish({ producer: name(maxProducers + 1) }))).toBe(maxProducers + 2)
    expect(marks.get('chat: a producer was retired')).toBeGreaterThan(0)
    const again = w.reopened(team)
    for (const i of [0, 1]) {
      const outcome = again.evaluate(
        w.actor(anna, team),
        publish({ producer: name(i) }),
        w.env(team),
      )
      expect(outcome.parts).toMatchObject([{ text: 'key retired' }])
    }
  })

  test('whoever lets them multiply does not hurt others', () => {
    const w = group()
    w.shadowed = false
    answer(w, publish({ producer: name(0) }), ben)
    for (let i = 1; i <= maxProducers + 10; i++)
      answer(w, publish({ producer: 'zzzzzzzz' + name(i) }))
    expect(answer(w, publish({ producer: name(0) }), ben)).toBe(1)
    expect(answer(w, publish({ producer: name(5) }), ben)).toBe(maxProducers + 12)
  })
})
