import type { MetaRefusal } from '../meta/command.ts'
import type { MetaFailure } from '../meta/meta-group.ts'

/** Why an administrator's request changed nothing, or nobody knows whether it did. */
export type AdminRefusal =
  | MetaRefusal
  | MetaFailure
  | 'bad-validity'
  | 'bad-request'
  | 'too-many-joins'
  | 'not-started'
  | 'not-allowed'
  | 'endangers'

export interface AdminRefusalRow {
  /** Of HTTP. */
  readonly status: number
  /** The same request may be answered otherwise soon, without anybody doing anything. */
  readonly passing: boolean
  /** What is wrong, and the cure. `what`: the node, token or address in question. */
  says(what: string): string
}

const asRecorded =
  'It may have been carried out all the same. Look with flotilla nodes or token list; to ask again is harmless'

/** Every refusal, once. docs/operating/changing-the-cluster.md tells the same to people. */
export const adminRefusals: Readonly<Record<AdminRefusal, AdminRefusalRow>> = {
  'not-bootstrapped': {
    status: 503,
    passing: true,
    says: () => 'the cluster has not begun yet. A majority of its founders must run first',
  },
  'already-bootstrapped': { status: 409, passing: false, says: () => 'the cluster has begun' },
  'bad-name': {
    status: 400,
    passing: false,
    says: (what) =>
      `${what} is no name for a node. Use small letters, digits and dashes, 32 at most`,
  },
  'bad-address': {
    status: 400,
    passing: false,
    says: (what) =>
      `an address of ${what} is not host:port with a port from 1 to 65535. Correct it`,
  },
  'name-taken': {
    status: 409,
    passing: false,
    says: (what) =>
      `another member is called ${what}. Choose another --name; if it is this machine's earlier life, remove that first: flotilla nodes remove ${what} --dead`,
  },
  'address-taken': {
    status: 409,
    passing: false,
    says: (what) => `another member has the peer address of ${what}. Choose another with --peer`,
  },
  'indexes-used-up': {
    status: 409,
    passing: false,
    says: () =>
      'all 1,023 node indexes were granted, and none is ever granted twice. The cluster can take no new node',
  },
  'token-unknown': {
    status: 403,
    passing: false,
    says: () =>
      'the cluster does not know this token: it was revoked, or belongs to another cluster. Make one with: flotilla token new',
  },
  'token-expired': {
    status: 403,
    passing: false,
    says: () => 'the token has expired. Make a new one with: flotilla token new',
  },
  'too-many-tokens': {
    status: 409,
    passing: false,
    says: () =>
      'as many tokens as may be are valid. Revoke one (flotilla token list, token revoke ID); one token lets in any number of nodes',
  },
  'no-such-member': {
    status: 404,
    passing: false,
    says: (what) => `no member is called ${what}. flotilla nodes lists them`,
  },
  'wiped-disk': {
    status: 409,
    passing: false,
    says: (what) =>
      `the disk of ${what} is not the one that the cluster knows. Remove the member (flotilla nodes remove ${what} --dead) and join again with a token`,
  },
  conflict: {
    status: 409,
    passing: false,
    says: (what) =>
      `somebody else changed ${what} at the same moment, and was first. Look with flotilla nodes, and ask again if you still want it`,
  },
  'bad-transition': {
    status: 409,
    passing: false,
    says: (what) =>
      `${what} is not in a state from which that is possible. Drain it first: flotilla nodes drain ${what}`,
  },
  'last-member': {
    status: 409,
    passing: false,
    says: (what) =>
      `${what} is the last active member: nobody would be left to hold anything. Let another node join first`,
  },
  'still-holds': {
    status: 409,
    passing: true,
    says: (what) =>
      `${what} still holds partitions. Wait until it holds none (flotilla nodes); if it will not come back: flotilla nodes remove ${what} --dead`,
  },
  endangers: {
    status: 409,
    passing: true,
    says: (what) =>
      `without ${what} some partitions would have no majority, or nobody leads them now. Bring the other nodes up first (flotilla nodes, flotilla ring)`,
  },
  'bad-table': { status: 409, passing: false, says: () => 'the partition table is not possible' },
  'bad-version': {
    status: 409,
    passing: false,
    says: () => 'the format of the cluster can only be raised',
  },
  'no-owner': {
    status: 503,
    passing: true,
    says: () =>
      'nobody leads the cluster, as far as this node knows. A majority of the meta voters must run and reach each other; then ask again',
  },
  'not-owner': {
    status: 503,
    passing: true,
    says: () => 'the lead has moved to another node just now. Ask again',
  },
  'queue-full': {
    status: 503,
    passing: true,
    says: () => 'too many changes are under way. Ask again later',
  },
  'term-changed': {
    status: 504,
    passing: true,
    says: () => `the lead moved before the change was recorded. ${asRecorded}`,
  },
  'no-answer': {
    status: 504,
    passing: true,
    says: () => `no answer came from the node that leads. ${asRecorded}`,
  },
  'bad-validity': {
    status: 400,
    passing: false,
    says: () => 'a token is valid for 1 second to 30 days. Choose between them',
  },
  'bad-request': {
    status: 400,
    passing: false,
    says: (what) => `the request is not as it should be: ${what}`,
  },
  'too-many-joins': {
    status: 429,
    passing: true,
    says: () => 'too many nodes ask to join. Ask again in a second',
  },
  'not-started': {
    status: 503,
    passing: true,
    says: () => 'this node is still starting. Ask again',
  },
  'not-allowed': {
    status: 401,
    passing: false,
    says: () =>
      'the admin token of this cluster is needed. Say --secret-file or --admin-token, or set FLOTILLA_ADMIN_TOKEN',
  },
}

export function isAdminRefusal(code: unknown): code is AdminRefusal {
  return typeof code === 'string' && Object.hasOwn(adminRefusals, code)
}
