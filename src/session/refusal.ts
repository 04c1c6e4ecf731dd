import type { Json } from '../chat/command.ts'
import { ctrlText } from '../chat/ctrl-text.ts'
import { errors } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'

/** A ctrl that ends a request without asking the topic floor: code and exact text (tinode-wire.md 2.17). */
export interface Refusal {
  readonly code: number
  readonly text: string
  readonly params?: { readonly [key: string]: Json }
}

export const refusals = {
  malformed: { code: 400, text: 'malformed' },
  authRequired: { code: 401, text: 'authentication required' },
  authFailed: { code: 401, text: 'authentication failed' },
  unknownScheme: { code: 401, text: 'unknown authentication scheme' },
  denied: { code: 403, text: 'permission denied' },
  topicNotFound: { code: 404, text: 'topic not found' },
  userNotFound: { code: 404, text: 'user not found' },
  outOfSequence: { code: 409, text: 'command out of sequence' },
  alreadyAuthenticated: { code: 409, text: 'already authenticated' },
  loginTaken: { code: 409, text: 'duplicate credential', params: { what: 'auth' } },
  policy: { code: 422, text: 'policy violation', params: { what: 'auth' } },
  tooMany: { code: 429, text: 'too many requests' },
  internal: { code: 500, text: 'internal error', params: { error: 'internal' } },
  notOffered: { code: 501, text: 'not implemented' },
  oldVersion: { code: 505, text: 'version not supported' },
} as const satisfies Record<string, Refusal>

/** A failure of the cluster or of this node, under its name (errors.ts). */
export function failure(why: ErrorCode): Refusal {
  const { ctrl } = errors[why]
  return { code: ctrl, text: ctrlText(ctrl), params: { error: why } }
}

export function isRefusal(value: object): value is Refusal {
  return 'code' in value && 'text' in value
}
