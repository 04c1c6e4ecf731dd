import { expect, test } from 'vitest'
import { isFinal, outcomeOf } from '../../src/client/outcome.ts'
import { channelUrl } from '../../src/client/connection.ts'
import { errors } from '../../src/errors.ts'

test.for([
  [200, 'ok'],
  [202, 'ok'],
  [208, 'ok'],
  [300, 'ok'],
  [304, 'ok'],
  [400, 'fail'],
  [409, 'fail'],
  [429, 'fail'],
  [499, 'fail'],
  [500, 'unknown'],
  [503, 'unknown'],
  [504, 'unknown'],
  [0, 'unknown'],
] as const)('ctrl %i is %s', ([code, kind]) => {
  expect(outcomeOf({ code, text: 'x' }).kind).toBe(kind)
})

test.for([
  [503, 'queue-full', 'fail'],
  [503, 'no-owner', 'fail'],
  [503, 'draining', 'fail'],
  [504, 'no-answer', 'unknown'],
  [500, 'internal', 'unknown'],
  [503, 'no-answer', 'unknown'],
  [500, 'queue-full', 'unknown'],
  [503, 'toString', 'unknown'],
  [503, 7, 'unknown'],
] as const)('ctrl %i that names %s is %s, and never final', ([code, error, kind]) => {
  const outcome = outcomeOf({ code, text: 'x', params: { error } })
  expect(outcome.kind).toBe(kind)
  expect(isFinal(outcome)).toBe(false)
})

test('every row, named: failed exactly when it is definite', () => {
  for (const [error, row] of Object.entries(errors)) {
    if (row.ctrl === 0) continue
    const { kind } = outcomeOf({ code: row.ctrl, text: 'x', params: { error } })
    expect([error, kind]).toEqual([error, row.definite ? 'fail' : 'unknown'])
  }
})

test('no row of the error table that may have happened is ever called failed', () => {
  for (const [name, row] of Object.entries(errors)) {
    if (row.ctrl === 0) continue
    const { kind } = outcomeOf({ code: row.ctrl, text: name })
    if (!row.definite) expect(kind).toBe('unknown')
    if (row.ctrl < 500) expect(kind).toBe('fail')
  }
})

test.for([
  ['127.0.0.1:6060', undefined, 'ws://127.0.0.1:6060/v0/channels'],
  ['[::1]:6060', 'a_b-c', 'ws://[::1]:6060/v0/channels?apikey=a_b-c'],
  ['wss://chat.example', 'k', 'wss://chat.example/v0/channels?apikey=k'],
] as const)('%s with key %s', ([address, key, url]) => {
  expect(channelUrl(address, key)).toBe(url)
})
