/**
 * Every way in which an operation can fail, once. `definite` says that it certainly did not happen
 * and never will: only then may a client count it as failed; otherwise it is unknown, and a retry
 * must keep its idempotency key. The client library, the harness and docs/errors.md read this table.
 */
export interface ErrorRow {
  /** The code of the ctrl that tells a client (tinode-wire.md 2.17). 0: never told to clients. */
  readonly ctrl: number
  readonly definite: boolean
  readonly retry: 'no' | 'later' | 'elsewhere' | 'same-key'
  readonly says: string
}

export const errors = {
  malformed: {
    ctrl: 400,
    definite: true,
    retry: 'no',
    says: 'the message cannot be understood; correct it',
  },
  'auth-required': { ctrl: 401, definite: true, retry: 'no', says: 'log in first' },
  'auth-failed': {
    ctrl: 401,
    definite: true,
    retry: 'no',
    says: 'the login, password or token is wrong or expired',
  },
  denied: {
    ctrl: 403,
    definite: true,
    retry: 'no',
    says: 'the rights of this user do not allow it',
  },
  'not-found': {
    ctrl: 404,
    definite: true,
    retry: 'no',
    says: 'there is no such topic, user or thing',
  },
  'not-allowed': {
    ctrl: 405,
    definite: true,
    retry: 'no',
    says: 'this kind of topic does not offer that',
  },
  conflict: {
    ctrl: 409,
    definite: true,
    retry: 'no',
    says: 'it contradicts what is there, or comes out of order',
  },
  'key-reused': {
    ctrl: 409,
    definite: true,
    retry: 'no',
    says: 'this idempotency key was used for another message',
  },
  'key-retired': {
    ctrl: 409,
    definite: true,
    retry: 'no',
    says: 'this producer was retired; whether its message was stored, history shows',
  },
  policy: {
    ctrl: 422,
    definite: true,
    retry: 'no',
    says: 'a limit or rule of this cluster forbids it',
  },
  'no-owner': {
    ctrl: 503,
    definite: true,
    retry: 'later',
    says: 'no owner could be reached before the deadline and nothing was sent; the cluster may be electing, or this node is in a minority',
  },
  'queue-full': {
    ctrl: 503,
    definite: true,
    retry: 'later',
    says: 'too much waits already; no more is taken for now',
  },
  'no-id': {
    ctrl: 503,
    definite: true,
    retry: 'elsewhere',
    says: 'this node gives out no ids for now, because its clock is behind; its log has more',
  },
  'too-many-guesses': {
    ctrl: 503,
    definite: true,
    retry: 'later',
    says: 'wrong passwords came for this login or from this address; the right one must wait, too',
  },
  draining: {
    ctrl: 503,
    definite: true,
    retry: 'elsewhere',
    says: 'this node is shutting down; connect to another',
  },
  'rate-limited': {
    ctrl: 429,
    definite: true,
    retry: 'later',
    says: 'too many requests; slow down',
  },
  'not-owner': {
    ctrl: 0,
    definite: true,
    retry: 'elsewhere',
    says: 'another node owns this topic; the answer names it when known',
  },
  'no-answer': {
    ctrl: 504,
    definite: false,
    retry: 'same-key',
    says: 'it was sent to the owner, which did not answer before the deadline, or was lost before it did',
  },
  'term-changed': {
    ctrl: 0,
    definite: false,
    retry: 'same-key',
    says: 'ownership moved before the change committed; the edge asks the new owner',
  },
  internal: {
    ctrl: 500,
    definite: false,
    retry: 'same-key',
    says: 'a fault in the server; its log has more',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errors

/**
 * Something that a newer Flotilla wrote. A node that meets it stops: what it cannot read it must
 * neither skip nor guess. Nothing was changed, so the newer version finds everything as it was.
 */
export class NewerFormat extends Error {
  override readonly name = 'NewerFormat'
  readonly found: number
  readonly reads: number

  /** `what`: the thing met, as in "this data folder". */
  constructor(what: string, found: number, reads: number) {
    super(
      `${what} was written by a newer Flotilla (format ${found}, this one reads up to ${reads}): start the newer version here; nothing was changed`,
    )
    this.found = found
    this.reads = reads
  }
}

/** Throws {@link NewerFormat} when `found` is above what is read. What is missing or below is for the caller to judge. */
export function refuseNewer(what: string, found: number | undefined, reads: number): void {
  if (found !== undefined && found > reads) throw new NewerFormat(what, found, reads)
}
