import { describe, expect, test } from 'vitest'
import { modeChange, modeText, parseMode, J, O } from '../../src/chat/access-mode.ts'
import {
  asPeer,
  askedOfGroup,
  changedDefaults,
  changedUserDefaults,
  defaultsAtCreation,
  newcomerMode,
} from '../../src/chat/rights.ts'
import { limits } from './world.ts'

const m = (text: string): number => parseMode(text) ?? NaN
const all = Array.from({ length: 256 }, (_, mode) => mode)

test('every mode survives its text, in any case and order', () => {
  for (const mode of all) {
    const text = modeText(mode)
    expect(parseMode(text)).toBe(mode)
    expect(parseMode(text.toLowerCase())).toBe(mode)
    if (mode !== 0) expect(parseMode(text.split('').toReversed().join('') + text)).toBe(mode)
  }
})

test.each([
  ['', undefined],
  ['N', 0],
  ['n', 0],
  ['NJ', null],
  ['JX', null],
  ['JPRS', m('JRPS')],
])('parse %j', (text, mode) => expect(parseMode(text)).toBe(mode))

/** What a client makes of `dacs` (4.6). */
function apply(before: number, change: string | undefined): number {
  if (change === undefined) return before
  if (!/^[+-]/.test(change)) return m(change)
  let mode = before
  for (const [, sign, letters] of change.matchAll(/([+-])([A-Z]+)/g)) {
    mode = sign === '+' ? mode | m(letters ?? '') : mode & ~m(letters ?? '')
  }
  return mode
}

test('every change of every mode is understood by clients', () => {
  for (const before of all) {
    for (const after of all) {
      const change = modeChange(before, after)
      if (apply(before, change) !== after) expect([before, after, change]).toBeNull()
    }
  }
})

describe('asking for other rights in a group', () => {
  /** What is wrong with a change that somebody with `given` may make by asking for `asked`. */
  function wrong(given: number, asked: number): boolean {
    const change = askedOfGroup({ want: m('JRWPS') & given, given }, asked, false)
    if ((given & J) === 0 || (asked & O & ~given) !== 0) return change !== null
    if (change === null) return (asked & O) === 0
    // Nobody gives himself D or O, and only managers give themselves anything.
    const gained = change.given & ~given
    const mayGain = (given & m('AO')) !== 0 ? 0xff & ~m('DO') : 0
    return (gained & ~mayGain) !== 0 || change.want !== asked
  }

  test('all pairs of asked and given keep the rules', () => {
    const bad = all.flatMap((given) =>
      all.filter((asked) => wrong(given, asked)).map((asked) => [given, asked]),
    )
    expect(bad).toEqual([])
  })

  test('an owner keeps O and J, and may extend what he has', () => {
    const now = { want: m('JRWPASDO'), given: m('JRWO') }
    expect(askedOfGroup(now, m('RWPASDO'), true)).toBeNull()
    expect(askedOfGroup(now, m('JRWPASD'), true)).toBeNull()
    expect(askedOfGroup(now, m('JRWPO'), true)).toMatchObject({ given: m('JRWPO') })
  })
})

test.each([
  ['JRWPS', 'JRWPA'],
  ['N', 'A'],
  ['JRWPASDO', 'JRWPAD'],
])('as a peer %s is %s', (mode, peer) => expect(asPeer(m(mode), limits)).toBe(m(peer)))

test('defaults', () => {
  expect(defaultsAtCreation(undefined, false)).toEqual({ auth: m('JRWPS'), anon: 0 })
  expect(defaultsAtCreation(undefined, true)).toEqual({ auth: m('RWPS'), anon: 0 })
  expect(defaultsAtCreation({ auth: 'JRO', anon: 'X' }, false)).toEqual({ auth: m('JR'), anon: 0 })
  const now = { auth: m('JRWPS'), anon: 0 }
  expect(changedDefaults(now, { auth: 'JRWO' })).toBeNull()
  expect(changedDefaults(now, { anon: 'Z' })).toBeNull()
  expect(changedDefaults(now, { anon: 'JR' })).toEqual({ auth: now.auth, anon: m('JR') })
  expect(changedUserDefaults(now, { auth: 'JRWPDO', anon: 'N' }, limits)).toEqual({
    auth: m('JRWPA'),
    anon: 0,
  })
  expect(newcomerMode('anon', { auth: 1, anon: 2 }, false)).toBe(2)
  expect(newcomerMode('root', { auth: 1, anon: 2 }, false)).toBe(m('JRWPS'))
})
