import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSweepDue, keptFrom, TimeMarks } from '../../src/chat/retention.ts'
import { tables } from '../../src/chat/tables.ts'
import { decodeHead, emptyHead, encodeHead } from '../../src/chat/topic-rows.ts'
import type { Head } from '../../src/chat/topic-rows.ts'
import { maxSwept, sweptAlong } from '../../src/chat/topic-state.ts'
import { numberFromKey } from '../../src/chat/row-bytes.ts'
import { step } from './commands.ts'
import { anna, ben, carl, limits, people, pub, team } from './world.ts'
import type { World } from './world.ts'

const kept = (keepMessages: number, keepMessagesS = 0) => ({
  ...limits,
  keepMessages,
  keepMessagesS,
})

function group(count = 0): World {
  const w = people()
  w.run(anna, team, { kind: 'sub', create: 'grp' })
  w.run(ben, team, { kind: 'sub' })
  publish(w, count)
  return w
}

function publish(w: World, count: number): void {
  for (let n = 0; n < count; n++) w.run(anna, team, pub('hello'))
}

/** Seqs whose rows are there. */
function seqs(w: World): number[] {
  return [...(w.rows.get(team)?.values() ?? [])]
    .filter((row) => row.table === tables.messages)
    .map((row) => numberFromKey(row.key))
    .sort((a, b) => a - b)
}

function head(w: World): Head {
  const rows = [...(w.rows.get(team)?.values() ?? [])]
  return decodeHead(rows.find((r) => r.table === tables.self && r.key.length === 0)!.value)
}

const removed = (w: World) =>
  w.written.filter((row) => row.table === tables.messages && row.value === null).length

describe('by number', () => {
  test('the newest stay, and no publish pays for more than a few', () => {
    const w = group()
    w.limits = kept(8)
    for (let n = 1; n <= 60; n++) {
      w.run(ben, team, pub('hello'))
      expect(seqs(w)).toEqual(Array.from({ length: Math.min(n, 8) }, (_, i) => n - i).reverse())
      expect(removed(w)).toBeLessThanOrEqual(1)
    }
    expect(head(w)).toMatchObject({ seq: 60, kept: 53, swept: 53 })
  })

  test('steps: an eighth of what is kept falls out at once', () => {
    const w = group()
    w.limits = kept(80)
    publish(w, 89)
    expect(head(w)).toMatchObject({ kept: 1, trim: 0, clear: 0 })
    publish(w, 1)
    expect(head(w)).toMatchObject({ kept: 11, trim: 1, clear: 1 })
    publish(w, 10)
    expect(head(w)).toMatchObject({ kept: 21, trim: 2, clear: 2 })
  })

  test('a limit set on a long topic: hidden with the next message, rows go in slices', () => {
    const w = group()
    w.shadowed = false
    publish(w, 1_500)
    w.shadowed = true
    w.limits = kept(100)
    publish(w, 1)
    expect(head(w)).toMatchObject({ seq: 1_501, kept: 1_402 })
    expect(removed(w)).toBe(sweptAlong + 2)
    expect(w.entity(team).unswept?.()).toBe(1_401 - sweptAlong - 2)
    for (const left of [871, 359, 0]) {
      w.written = []
      expect(w.ask(team, { kind: 'sweep' })).toBe(false)
      expect(removed(w)).toBeLessThanOrEqual(maxSwept)
      expect(w.entity(team).unswept?.()).toBe(left)
    }
    expect(seqs(w)).toHaveLength(100)
    expect(isSweepDue(encodeHead(head(w)), undefined, w.now, w.limits)).toBe(false)
  })

  test('an idle topic is found due by its head alone, and a sweep trims it', () => {
    const w = group(30)
    const due = () => isSweepDue(encodeHead(head(w)), undefined, w.now, w.limits)
    expect(due()).toBe(false)
    w.limits = kept(10)
    expect(due()).toBe(true)
    w.ask(team, { kind: 'sweep' })
    expect(seqs(w)).toHaveLength(10)
    expect(due()).toBe(false)
  })
})

describe('by age', () => {
  test('what is old goes with the next message, what is young stays', () => {
    const w = group()
    w.limits = kept(0, 3_200) // marks every 100 s
    for (let n = 0; n < 40; n++) {
      publish(w, 1)
      w.now += 50_000
    }
    expect(head(w).kept).toBe(1) // the first is 2,000 s old
    w.now += 2_000_000
    publish(w, 1)
    // Numbers 1 to 16 are 3,250 s old and more; up to 33 within a step.
    expect(head(w).kept).toBeGreaterThanOrEqual(15)
    expect(head(w).kept).toBeLessThanOrEqual(17)
  })

  test('switched on later: what was written before counts from the next message on', () => {
    const w = group(5)
    w.limits = kept(0, 60)
    publish(w, 1)
    expect(head(w).kept).toBe(1)
    w.now += 61_000
    publish(w, 1)
    expect(head(w)).toMatchObject({ seq: 7, kept: 6 })
  })

  test('an idle topic is emptied; nothing of it is unread', () => {
    const w = group(5)
    w.limits = kept(0, 60)
    w.now += 61_000
    expect(isSweepDue(encodeHead(head(w)), undefined, w.now, w.limits)).toBe(true)
    w.ask(team, { kind: 'sweep' })
    expect(seqs(w)).toEqual([])
    expect(head(w)).toMatchObject({ seq: 5, kept: 6, swept: 6 })
    expect(w.ask(team, { kind: 'row', uid: ben })).toMatchObject({ seq: 5, read: 5, recv: 5 })
    publish(w, 1)
    expect(seqs(w)).toEqual([6])
  })

  test('nothing younger than the limit ever goes, whatever the limit was before', () => {
    const pause = fc.integer({ min: 0, max: 40_000 })
    const keepS = fc.constantFrom(0, 1, 10, 60, 600)
    fc.assert(
      fc.property(fc.array(fc.tuple(pause, keepS), { maxLength: 120 }), (steps) => {
        const marks = new TimeMarks()
        const state = emptyHead()
        const written: number[] = []
        let now = 1_000_000
        for (const [ms, keepMessagesS] of steps) {
          now += ms
          written.push(now)
          state.seq++
          state.touched = now
          marks.wrote(state.seq, now, keepMessagesS)
          const from = keptFrom(state, marks, now, { keepMessages: 0, keepMessagesS })
          expect(from).toBeGreaterThanOrEqual(state.kept)
          for (let seq = state.kept; seq < from; seq++) {
            expect(written[seq - 1]).toBeLessThanOrEqual(now - keepMessagesS * 1000)
          }
          state.kept = from
        }
      }),
    )
  })
})

describe('what readers are told', () => {
  function trimmed(): World {
    const w = group()
    w.limits = kept(10)
    publish(w, 30)
    return w
  }
  const get = (w: World, query: object, what = ['data']) =>
    w.run(ben, team, { kind: 'get', query: { what, ...query } } as never).parts

  test('an old cursor: messages from what is kept on, and behind them what is gone', () => {
    const w = trimmed()
    const told = { kind: 'meta', part: 'del', value: { clear: 20, delseq: [{ low: 1, hi: 21 }] } }
    expect(get(w, { data: { since: 5 } })).toEqual([
      expect.objectContaining({ kind: 'history', ranges: [[21, 31]], hidden: [] }),
      told,
    ])
    expect(get(w, { data: { since: 5, before: 15 } })).toEqual([
      expect.objectContaining({ code: 204 }),
      told,
    ])
    expect(get(w, { data: { ranges: [{ low: 3, hi: 6 }] } }).at(-1)).toEqual(told)
    expect(get(w, {}, ['data', 'del']).filter((p) => p.kind === 'meta')).toEqual([told])
  })

  test('a cursor in what is kept, or none: nothing but messages', () => {
    const w = trimmed()
    expect(get(w, { data: { since: 21 } })).toHaveLength(1)
    expect(get(w, { data: { limit: 5 } })).toHaveLength(1)
  })

  test('deletions are told as for messages deleted by hand, and only once to who knows', () => {
    const w = trimmed()
    w.run(anna, team, { kind: 'del', what: 'msg', hard: true, delseq: [{ low: 25, hi: 27 }] })
    const delseq = [
      { low: 1, hi: 21 },
      { low: 25, hi: 27 },
    ]
    expect(get(w, {}, ['del'])).toMatchObject([{ value: { clear: 21, delseq } }])
    expect(get(w, { del: { since: 21 } }, ['del'])).toMatchObject([
      { value: { clear: 21, delseq: [delseq[1]] } },
    ])
    expect(get(w, { del: { since: 22 } }, ['del'])).toMatchObject([{ code: 204 }])
    const [desc] = get(w, {}, ['desc'])
    expect(desc).toMatchObject({ value: { seq: 30, clear: 21, read: 20, recv: 20 } })
  })

  test('deletions that only concern what was trimmed are forgotten', () => {
    const w = group(12)
    for (const low of [1, 2, 3]) {
      w.run(ben, team, { kind: 'del', what: 'msg', hard: false, delseq: [{ low }] })
    }
    const count = () =>
      [...w.rows.get(team)!.values()].filter((row) => row.table === tables.deletion).length
    expect(count()).toBe(3)
    w.limits = kept(10)
    publish(w, 1)
    expect(count()).toBe(0)
    expect(get(w, {}, ['del'])).toMatchObject([
      { value: { clear: 4, delseq: [{ low: 1, hi: 4 }] } },
    ])
  })
})

test('CHAT-9: whatever is done, what is kept is there and what is trimmed is hidden', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const w = group(2)
      w.run(carl, team, { kind: 'sub' })
      w.limits = kept(4, 600)
      let before = head(w)
      for (const { uid, command, pause } of steps) {
        w.now += pause
        w.run(uid, team, command)
        const now = head(w)
        expect(now.kept).toBeGreaterThanOrEqual(before.kept)
        expect(now.kept).toBeLessThanOrEqual(now.seq + 1)
        expect(now.swept).toBeLessThanOrEqual(now.kept)
        expect(seqs(w).every((seq) => seq >= now.swept)).toBe(true)
        expect(now.trim).toBeLessThanOrEqual(now.clear)
        before = now
      }
    }),
    { numRuns: 40 },
  )
})
