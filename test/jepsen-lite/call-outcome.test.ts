import { expect, test } from 'vitest'
import { certainCodes, certainErrors, outcomeOf } from '../../jepsen-lite/client/call-outcome.ts'
import { errors } from '../../src/errors.ts'

test.for(Object.entries(errors).filter(([, row]) => row.ctrl > 0))(
  'the harness and the server agree on %s',
  ([error, { ctrl, definite }]) => {
    expect(outcomeOf({ kind: 'answered', code: ctrl, error })).toBe(definite ? 'fail' : 'info')
  },
)

test('the harness knows no certain error that the server does not have', () => {
  for (const error of certainErrors)
    expect(errors[error as keyof typeof errors]).toMatchObject({ definite: true })
})

test('no code that is ever uncertain is certain by itself', () => {
  for (const { ctrl, definite } of Object.values(errors))
    if (!definite) expect(certainCodes.has(ctrl)).toBe(false)
})

test.for([
  [503, undefined, 'info'],
  [503, 'something-new', 'info'],
  [503, 'internal', 'info'],
  [504, 'no-owner', 'fail'],
  [500, 'queue-full', 'fail'],
  [499, 'draining', 'info'],
  [202, 'no-owner', 'ok'],
] as const)('%i naming %s is %s', ([code, error, outcome]) => {
  expect(outcomeOf({ kind: 'answered', code, ...(error && { error }) })).toBe(outcome)
})
