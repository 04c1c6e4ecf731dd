import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json } from '../../src/chat/command.ts'
import { acceptable, isEmpty, maxJsonDepth, mergeJson } from '../../src/chat/json-merge.ts'

const gone = '\u2421'

/** Path by path: slower, and written from the rule's text. */
function twin(base: Json | undefined, change: Json | undefined): Json | undefined {
  if (change === undefined || change === null) return base
  if (change === gone) return undefined
  if (typeof change !== 'object' || Array.isArray(change)) return change
  const from = typeof base === 'object' && base !== null && !Array.isArray(base) ? base : {}
  const entries = new Map(Object.entries(from as { [key: string]: Json }))
  for (const [key, value] of Object.entries(change as { [key: string]: Json })) {
    if (key === '__proto__') continue
    const merged = twin(entries.get(key), value)
    if (merged === undefined) entries.delete(key)
    else entries.set(key, merged)
  }
  return Object.fromEntries(entries)
}

const { json } = fc.letrec<{ json: Json; leaf: Json }>((tie) => ({
  leaf: fc.constantFrom<Json[]>(null, gone, 'text', 0, 1, true, [] as Json, [1, null] as Json),
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tie('json'), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
}))

test('merging is what the rule says', () => {
  fc.assert(
    fc.property(json, json, (base, change) => {
      const before = JSON.stringify(base)
      expect(mergeJson(base, change)).toEqual(twin(base, change))
      expect(JSON.stringify(base)).toBe(before)
    }),
    { numRuns: 500 },
  )
})

test.each<[Json | undefined, Json | undefined, Json | undefined]>([
  [{ a: 1, b: 2 }, { a: gone }, { b: 2 }],
  [{ a: { x: 1 } }, { a: { y: 2 } }, { a: { x: 1, y: 2 } }],
  [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
  [{ a: 1 }, null, { a: 1 }],
  [{ a: 1 }, undefined, { a: 1 }],
  [{ a: 1 }, gone, undefined],
  [undefined, { fn: 'x', photo: { data: gone, ref: gone }, note: gone }, { fn: 'x', photo: {} }],
  ['text', { a: 1 }, { a: 1 }],
])('%j with %j', (base, change, merged) => expect(mergeJson(base, change)).toEqual(merged))

test('nobody reaches a prototype', () => {
  const merged = mergeJson({}, JSON.parse('{"__proto__":{"polluted":1},"constructor":{"x":1}}'))
  expect(merged).toEqual({ constructor: { x: 1 } })
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test('nesting is bounded before anything recurses', () => {
  let deep: Json = 1
  for (let i = 0; i < maxJsonDepth; i++) deep = { a: deep }
  expect(acceptable(deep)).toBe(true)
  expect(acceptable({ a: deep })).toBe(false)
  expect(acceptable(JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) as Json)).toBe(false)
})

test.each<[Json | undefined, boolean]>([
  [0, true],
  ['', true],
  [false, true],
  [[], true],
  [{}, true],
  [null, true],
  [undefined, true],
  [1, false],
  [[0], false],
  ['N', false],
])('%j is left out: %s', (value, empty) => expect(isEmpty(value)).toBe(empty))
