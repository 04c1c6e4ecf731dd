import type { Json } from '../chat/command.ts'

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
  internal: { code: 500, text: 'internal error' },
  notOffered: { code: 501, text: 'not implemented' },
  unavailable: { code: 503, text: 'service unavailable' },
  oldVersion: { code: 505, text: 'version not supported' },
} as const satisfies Record<string, Refusal>

export function isRefusal(value: object): value is Refusal {
  return 'code' in value && 'text' in value
}
