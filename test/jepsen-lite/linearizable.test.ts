import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { History, returnTime } from '../../jepsen-lite/operations.ts'
import type { Operation } from '../../jepsen-lite/operations.ts'
import { kv } from '../../jepsen-lite/checker/kv.ts'
import { linearizable } from '../../jepsen-lite/checker/linearizable.ts'
import { register } from '../../jepsen-lite/checker/register.ts'
import { registerRun } from './simulated-register.ts'
import { judge, story } from './story.ts'

const registers = linearizable(register, 'register', '')
const texts = linearizable(kv, 'kv', '')

/** A history written as `process type f value`, one operation a line. */
function script(text: string): OpDraft[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [process = '', type, f = '', ...rest] = line.trim().split(' ')
      const value = rest.length > 0 ? (JSON.parse(rest.join(' ')) as unknown) : undefined
      return {
        process,
        type: type as OpDraft['type'],
        f,
        key: 'k',
        ...(value !== undefined && { value }),
      }
    })
}

test.for([
  ['a read of the initial null', 'a invoke read\na ok read null', 'valid'],
  ['a stale read', 'a invoke write 1\na ok write 1\nb invoke read\nb ok read null', 'invalid'],
  [
    'a read beside a write sees the old value',
    'a invoke write 1\nb invoke read\nb ok read null\na ok write 1',
    'valid',
  ],
  [
    'a read beside a write sees the new value',
    'a invoke write 1\nb invoke read\nb ok read 1\na ok write 1',
    'valid',
  ],
  [
    'new, then old',
    'a invoke write 1\nb invoke read\nb ok read 1\nb invoke read\nb ok read null\na ok write 1',
    'invalid',
  ],
  [
    'an unknown write shows much later',
    'a invoke write 1\na info write 1\nb invoke read\nb ok read null\nb invoke read\nb ok read 1',
    'valid',
  ],
  [
    'an unknown write shows, then goes away',
    'a invoke write 1\na info write 1\nb invoke read\nb ok read 1\nb invoke read\nb ok read null',
    'invalid',
  ],
  [
    'an unknown write never shows',
    'a invoke write 1\na info write 1\nb invoke read\nb ok read null',
    'valid',
  ],
  [
    'a failed write shows',
    'a invoke write 1\na fail write 1\nb invoke read\nb ok read 1',
    'invalid',
  ],
  [
    'a cas of a value that was there',
    'a invoke write 1\na ok write 1\nb invoke cas [1,2]\nb ok cas [1,2]\nb invoke read\nb ok read 2',
    'valid',
  ],
  [
    'two cas of one value',
    'a invoke write 1\na ok write 1\nb invoke cas [1,2]\nc invoke cas [1,3]\nb ok cas [1,2]\nc ok cas [1,3]',
    'invalid',
  ],
  [
    'an unknown cas makes way for another',
    'a invoke write 1\na ok write 1\nb invoke cas [1,2]\nb info cas [1,2]\nc invoke cas [2,3]\nc ok cas [2,3]',
    'valid',
  ],
  [
    'a chain of unknown cas',
    'b invoke cas [null,2]\nb info cas\nc invoke cas [2,3]\nc info cas\nd invoke read\nd ok read 3',
    'valid',
  ],
  [
    'a failed cas says nothing',
    'a invoke write 1\na ok write 1\nb invoke cas [1,2]\nb fail cas [1,2]\nc invoke read\nc ok read 1',
    'valid',
  ],
  ['an unknown read says nothing', 'a invoke read\na info read 7', 'valid'],
  [
    'a read of what is written only later',
    'b invoke read\nb ok read 1\na invoke write 1\na ok write 1',
    'invalid',
  ],
  [
    'a read of what an unknown write wrote only later',
    'b invoke read\nb ok read 1\na invoke write 1\na info write 1',
    'invalid',
  ],
  ['an operation that never ends', 'a invoke write 1\nb invoke read\nb ok read 1', 'valid'],
] as const)('register: %s', ([, text, expected]) => {
  expect(judge(registers, script(text)).result).toBe(expected)
})

test.for([
  [
    'appends in order',
    'a invoke append "x"\na ok append\na invoke append "y"\na ok append\nb invoke get\nb ok get "xy"',
    'valid',
  ],
  [
    'an append nobody saw, whose text stands within another',
    'a invoke append "a"\na ok append\nb invoke put "ba"\nb ok put\nc invoke get\nc ok get "ba"',
    'valid',
  ],
  [
    'appends before a put, in any order',
    'a invoke append "x"\nb invoke append "y"\na ok append\nb ok append\nc invoke put "z"\nc ok put\nc invoke get\nc ok get "z"',
    'valid',
  ],
  [
    'an append that was seen before a put and again behind it',
    'a invoke append "x"\na ok append\nb invoke get\nb ok get "x"\nc invoke put "z"\nc ok put\nb invoke get\nb ok get "zx"',
    'invalid',
  ],
  [
    'appends against real time',
    'a invoke append "x"\na ok append\na invoke append "y"\na ok append\nb invoke get\nb ok get "yx"',
    'invalid',
  ],
  [
    'concurrent appends in either order',
    'a invoke append "x"\nc invoke append "y"\na ok append\nc ok append\nb invoke get\nb ok get "yx"',
    'valid',
  ],
  [
    'a put wipes',
    'a invoke append "x"\na ok append\na invoke put "p"\na ok put\nb invoke get\nb ok get "p"',
    'valid',
  ],
  ['a lost append', 'a invoke append "x"\na ok append\nb invoke get\nb ok get ""', 'invalid'],
  [
    'an unknown append between known ones',
    'c invoke append "u"\nc info append\na invoke append "x"\na ok append\nb invoke get\nb ok get "xu"',
    'valid',
  ],
] as const)('kv: %s', ([, text, expected]) => {
  expect(judge(texts, script(text)).result).toBe(expected)
})

test('a refutation names the key, the state and the operations', () => {
  const verdict = judge(
    registers,
    script('a invoke write 1\na ok write 1\nb invoke read\nb ok read null'),
  )
  expect(verdict.anomalies).toMatchObject([
    { kind: 'not-linearizable', key: 'k', ops: [0, 1, 2, 3] },
  ])
  expect(verdict.anomalies[0]?.says).toMatch(
    /in state null.*no place for write 1.*read → null \(2, 3\) needs/,
  )
})

/** Tries every order of every subset that contains all answered calls. */
function bruteForce(operations: readonly Operation[], initial = 'null'): boolean {
  const useful = operations.filter(
    ({ invoke, outcome }) =>
      outcome !== 'fail' && (outcome === 'ok' || !['read', 'get'].includes(invoke.f)),
  )
  const search = (state: string, left: readonly Operation[]): boolean => {
    if (left.every((operation) => operation.outcome !== 'ok')) return true
    const firstReturn = Math.min(...left.map(returnTime))
    return left.some((operation) => {
      if (operation.invoke.time > firstReturn) return false
      const next = apply(state, operation)
      return (
        next !== undefined &&
        search(
          next,
          left.filter((other) => other !== operation),
        )
      )
    })
  }
  return search(initial, useful)
}

function apply(state: string, { invoke, complete }: Operation): string | undefined {
  const text = (value: unknown): string => JSON.stringify(value ?? null)
  if (invoke.f === 'put') return String(invoke.value)
  if (invoke.f === 'append') return state + String(invoke.value)
  if (invoke.f === 'get') return complete?.value === state ? state : undefined
  if (invoke.f === 'write') return text(invoke.value)
  if (invoke.f === 'read') return text(complete?.value) === state ? state : undefined
  const [from, to] = invoke.value as [unknown, unknown]
  return text(from) === state ? text(to) : undefined
}

interface Choice {
  readonly start: boolean
  readonly f: string
  readonly end: string
  readonly process: number
  readonly a: number
  readonly b: number
}

/** Any choices make a well-formed history: a process goes on under another name after info. */
function tinyHistory(choices: readonly Choice[]): OpDraft[] {
  const open = new Map<number, OpDraft>()
  const lives = new Map<number, number>()
  const lines: OpDraft[] = []
  for (const { f, end, process, a, b } of choices) {
    const running = open.get(process)
    const name = `${process}/${lives.get(process) ?? 0}`
    if (!running) {
      const value = f === 'cas' ? { value: [a || null, b] } : f === 'write' ? { value: b } : {}
      const line: OpDraft = { process: name, type: 'invoke', f, key: 'k', ...value }
      open.set(process, line)
      lines.push(line)
      continue
    }
    open.delete(process)
    const read = running.f === 'read' && end === 'ok' ? { value: a || null } : {}
    lines.push({ ...running, type: end as OpDraft['type'], ...read })
    if (end === 'info') lives.set(process, (lives.get(process) ?? 0) + 1)
  }
  return lines
}

const choice = fc.record({
  start: fc.boolean(),
  f: fc.constantFrom('read', 'read', 'write', 'cas'),
  end: fc.constantFrom('ok', 'ok', 'ok', 'info', 'fail'),
  process: fc.nat(3),
  a: fc.nat(3),
  b: fc.integer({ min: 1, max: 3 }),
})

/** The same choices as texts: puts, appends, and gets of what may have come of them. */
function tinyTexts(choices: readonly Choice[]): OpDraft[] {
  const names: Readonly<Record<string, string>> = { read: 'get', write: 'append', cas: 'put' }
  const gets = ['', 'a', 'b', 'ab', 'ba', 'aa', 'bab', 'aba']
  return tinyHistory(choices).map((line, i) => {
    const f = names[line.f] ?? '?'
    const [, b = line.value] = Array.isArray(line.value) ? (line.value as unknown[]) : []
    const value =
      f === 'get' ? gets[(Number(line.value ?? 0) * 7 + i) % gets.length] : b === 1 ? 'a' : 'b'
    return { ...line, f, value }
  })
}

/** The same with texts that are written once: a letter each, and gets of two or three of them. */
function tinyLetters(choices: readonly Choice[]): OpDraft[] {
  const names: Readonly<Record<string, string>> = { read: 'get', write: 'append', cas: 'put' }
  const written: string[] = []
  return tinyHistory(choices).map((line) => {
    const f = names[line.f] ?? '?'
    if (f === 'get') {
      const pick = (i: number): string => written[written.length - 1 - i] ?? ''
      const chosen = [pick(0), pick(1), pick(1) + pick(0), pick(0) + pick(1), pick(2) + pick(0)]
      return {
        ...line,
        f,
        value: chosen[Number(line.value ?? 0) + (line.process === '0/0' ? 1 : 0)] ?? '',
      }
    }
    const letter = String.fromCharCode(97 + written.length)
    if (line.type === 'invoke') written.push(letter)
    return { ...line, f, value: letter }
  })
}

test.for([
  ['texts that come again', tinyTexts],
  ['texts that are written once', tinyLetters],
] as const)('kv search agrees with brute force on tiny histories: %s', ([, lined]) => {
  const seen = { valid: 0, invalid: 0 }
  fc.assert(
    fc.property(fc.array(choice, { maxLength: 16 }), (choices) => {
      const lines = lined(choices)
      const expected = bruteForce(new History(story(lines)).operations, '') ? 'valid' : 'invalid'
      seen[expected]++
      const { result } = judge(texts, lines)
      expect(result).toBe(expected)
    }),
    { numRuns: 3_000, seed: 7 },
  )
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(200)
})

test('register search agrees with brute force on tiny histories', () => {
  const seen = { valid: 0, invalid: 0 }
  fc.assert(
    fc.property(fc.array(choice, { maxLength: 16 }), (choices) => {
      const lines = tinyHistory(choices)
      const expected = bruteForce(new History(story(lines)).operations) ? 'valid' : 'invalid'
      seen[expected]++
      expect(judge(registers, lines).result).toBe(expected)
    }),
    { numRuns: 3_000, seed: 7 },
  )
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(300)
})

test.for([
  // clients operations keys values unknown
  [50, 20_000, 1, 0, 0.01],
  [50, 20_000, 100, 0, 0.02],
  [20, 5_000, 100, 5, 0.02],
  [5, 2_000, 1, 3, 0.01],
] as const)(
  '%i clients, %i operations, %i keys, %i values, %f unknown: accepted',
  ([clients, operations, keys, values, unknown]) => {
    const lines = registerRun({ clients, operations, keys, values, unknown, seed: 11 })
    expect(judge(registers, lines)).toMatchObject({ result: 'valid' })
  },
)

test('a legal execution with one read changed is rejected', () => {
  let edited = 0
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.nat(), (seed, where) => {
      const lines = registerRun({
        clients: 4,
        operations: 60,
        keys: 2,
        values: 0,
        unknown: 0.05,
        seed,
      })
      expect(judge(registers, lines).result).toBe('valid')
      const reads = lines.filter((line) => line.f === 'read' && line.type === 'ok')
      const victim = reads[where % Math.max(1, reads.length)]
      if (!victim) return
      edited++
      const never = lines.map((line) => (line === victim ? { ...line, value: 1_000_000 } : line))
      expect(judge(registers, never).result).toBe('invalid')
    }),
    { numRuns: 100, seed: 7 },
  )
  expect(edited).toBeGreaterThan(80)
})

test('out of time or memory is unknown, never valid', () => {
  const hard = registerRun({
    clients: 50,
    operations: 4_000,
    keys: 1,
    values: 3,
    unknown: 0.01,
    seed: 3,
  })
  expect(judge(registers, hard, { searchMs: 0 }).result).toBe('unknown')
  expect(judge(registers, hard, { searchMs: 5_000, maxMemoEntries: 1 << 10 })).toMatchObject({
    result: 'unknown',
    doubts: ['key k0: the memo is full'],
  })
})

test('a refutation ends the search although another key would take for ever', () => {
  const hard = registerRun({
    clients: 50,
    operations: 20_000,
    keys: 1,
    values: 3,
    unknown: 0.01,
    seed: 3,
  })
  const bad = script('a invoke write 1\na ok write 1\nb invoke read\nb ok read null')
  const started = performance.now()
  expect(judge(registers, [...hard, ...bad]).result).toBe('invalid')
  expect(performance.now() - started).toBeLessThan(5_000)
})
