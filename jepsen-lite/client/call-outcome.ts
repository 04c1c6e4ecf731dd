import type { Outcome } from '../operations.ts'

/**
 * Decides what became of a call, here and nowhere else. A wrong `fail` is a false alarm or a missed
 * bug, so everything that is not certain is `info`: it may have happened, or still happen.
 */
export type CallEnd =
  | { readonly kind: 'answered'; readonly code: number }
  /** The request never left: no connection, or too many calls open. */
  | { readonly kind: 'not-sent' }
  | { readonly kind: 'timeout' }
  /** The connection ended after the request was sent. */
  | { readonly kind: 'closed' }

export function outcomeOf(end: CallEnd): Outcome {
  if (end.kind === 'not-sent') return 'fail'
  if (end.kind !== 'answered') return 'info'
  if (end.code >= 200 && end.code < 400) return 'ok'
  return certainRefusals.has(end.code) ? 'fail' : 'info'
}

/** The 4xx of the protocol: each says that the server did nothing and will do nothing. */
const certainRefusals: ReadonlySet<number> = new Set([
  400, 401, 403, 404, 405, 406, 409, 413, 422, 429, 486,
])
