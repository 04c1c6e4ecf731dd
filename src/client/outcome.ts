import { errors, type ErrorCode } from '../errors.ts'
import type { Ctrl } from './protocol.ts'

/**
 * What is known of an operation when it has ended:
 *
 * - ok: the server says it was done (codes 200–399).
 * - fail: it certainly did not happen and never will: the server said so (400–499, or 5xx with the
 *   name of a definite row of errors.ts), or it never left this process (code 0).
 * - unknown: it may have happened, or still may: any other 5xx, no answer in time, or the
 *   connection went first (code 0). To try again without harm, keep the idempotency key.
 *
 * A stranger in between may also say 503: it counts as definite only with a name (`params.error`).
 */
export type Outcome = OkOutcome | FailOutcome | UnknownOutcome

export interface OkOutcome {
  readonly kind: 'ok'
  readonly code: number
  readonly text: string
  /** The topic's name as the server knows it; a new group gets its name here. */
  readonly topic: string | undefined
  readonly params: Readonly<Record<string, unknown>>
}

export interface FailOutcome {
  readonly kind: 'fail'
  readonly code: number
  readonly text: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface UnknownOutcome {
  readonly kind: 'unknown'
  readonly code: number
  readonly text: string
}

export function outcomeOf(ctrl: Ctrl): Outcome {
  const { code, text, topic, params = {} } = ctrl
  if (code >= 200 && code < 400) return { kind: 'ok', code, text, topic, params }
  const isDefinite = code < 500 || isDefiniteRow(params['error'], code)
  if (code >= 400 && isDefinite) return { kind: 'fail', code, text, params }
  return { kind: 'unknown', code, text }
}

/** It failed for a reason that does not go away by itself: to ask again is of no use. */
export function isFinal({ kind, code }: Outcome): boolean {
  return kind === 'fail' && code > 0 && code < 500
}

function isDefiniteRow(name: unknown, code: number): boolean {
  if (typeof name !== 'string' || !Object.hasOwn(errors, name)) return false
  const { ctrl, definite } = errors[name as ErrorCode]
  return definite && ctrl === code
}

/** It never left this process. */
export function notSent(text: string): Outcome {
  return { kind: 'fail', code: 0, text, params: {} }
}

/** It left, and no answer will come any more. */
export function noAnswer(text: 'timeout' | 'closed'): Outcome {
  return { kind: 'unknown', code: 0, text }
}
