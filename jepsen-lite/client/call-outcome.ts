import type { Outcome } from '../operations.ts'

/**
 * Decides what became of a call, here and nowhere else. A wrong `fail` is a false alarm or a missed
 * bug, so everything that is not certain is `info`: it may have happened, or still happen.
 */
export type CallEnd =
  /** `error`: the row of docs/errors.md that the answer names, if it names one. */
  | { readonly kind: 'answered'; readonly code: number; readonly error?: string }
  /** The request never left: no connection, or too many calls open. */
  | { readonly kind: 'not-sent' }
  | { readonly kind: 'timeout' }
  /** The connection ended after the request was sent. */
  | { readonly kind: 'closed' }

export function outcomeOf(end: CallEnd): Outcome {
  if (end.kind === 'not-sent') return 'fail'
  if (end.kind !== 'answered') return 'info'
  if (end.code >= 200 && end.code < 400) return 'ok'
  if (certainCodes.has(end.code)) return 'fail'
  return end.code >= 500 && certainErrors.has(end.error ?? '') ? 'fail' : 'info'
}

/** The 4xx of the protocol: each says that the server did nothing and will do nothing. */
export const certainCodes: ReadonlySet<number> = new Set([
  400, 401, 403, 404, 405, 406, 409, 413, 422, 429, 486,
])

/** What a 5xx may name and still be certain: nothing was proposed when it was refused. */
export const certainErrors: ReadonlySet<string> = new Set([
  'no-owner',
  'queue-full',
  'draining',
  'no-id',
  'too-many-guesses',
])
