import { expect, test } from 'vitest'
import { outcomeOf } from '../../src/client/outcome.ts'
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
