import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { AuthLevel, Json, UserCard } from './command.ts'
import type { NewAccount } from './fact.ts'

/** Questions and orders of the cluster itself (edges, accounts) to an entity; no session is behind them. */
export type Ask =
  /** User: his card. → UserCard | null (no such user) */
  | { readonly kind: 'card' }
  /** p2p, grp, slf: the row of `uid` for his `me` list. → MeRow | null (no longer a member) */
  | { readonly kind: 'row'; readonly uid: UserId }
  /** User: the topics in his list, those that he left not among them. → TopicName[] */
  | { readonly kind: 'list' }
  /** User: his last session left `me`. → true */
  | { readonly kind: 'seen'; readonly when: number; readonly ua: string }
  /** User: all tokens given out so far are void. → new serial */
  | { readonly kind: 'revoke-tokens' }
  /** Login name: → LoginRecord | null */
  | { readonly kind: 'login-find' }
  /**
   * Login name: takes the name and begins the account (by a fact in the same commit).
   * → 'ok' | 'taken'. The same `key` again: 'ok' (a retry whose answer was lost).
   */
  | {
      readonly kind: 'login-create'
      readonly account: NewAccount
      readonly secret: string
      readonly key: string
    }
  /** Login name: another password, for its holder only. → 'ok' | 'denied' */
  | { readonly kind: 'login-change'; readonly uid: UserId; readonly secret: string }
  /** Unique name (`nam:alias:alice`): takes it for `holder`. → 'ok' (also when he has it) | 'taken' */
  | {
      readonly kind: 'name-claim'
      readonly holder: UserId | TopicName
      /** The holder's (Claims). */
      readonly epoch: number
    }
  /** Unique name: → its holder | null */
  | { readonly kind: 'name-find' }
  /** Topic: removes rows of deleted messages, as many as one batch may. → true while some are left */
  | { readonly kind: 'sweep' }
  /** User: suspended, or back (by root). → true | false (was so already) | null (no such user) */
  | { readonly kind: 'set-state'; readonly state: 'ok' | 'susp' }
  /** User without a login name (scheme anonymous): begins the account. → 'ok' */
  | { readonly kind: 'account-create'; readonly account: NewAccount }
  /** Somebody's `fnd`: the stored search text. → string | null */
  | { readonly kind: 'search-text' }
  /** Tag: who carries it, at most `limit`. → TopicName[] */
  | { readonly kind: 'tag-find'; readonly limit: number }
  /** Topic or user: how it shows in a search. → FoundRow | null */
  | { readonly kind: 'found-row'; readonly uid: UserId; readonly level: AuthLevel }

export interface LoginRecord {
  readonly uid: UserId
  /** PHC-like text of the password hash; made and checked by the session floor. */
  readonly secret: string
  readonly level: AuthLevel
}

/** What a topic knows for a member's `me` list; times in ms. The edge adds the peer's card. */
export interface MeRow {
  readonly updated: number
  readonly touched: number
  readonly acs: { readonly want: number; readonly given: number }
  readonly seq: number
  readonly clear: number
  readonly read: number
  readonly recv: number
  readonly private: Json | undefined
  /** p2p: the peer is online; group: somebody is attached. Only if the member's mode has P. */
  readonly online: boolean
  readonly subcnt?: number
  readonly public?: Json
  readonly trusted?: Json
  readonly chan?: boolean
}

export interface FoundRow {
  readonly updated: number
  readonly mode: number
  readonly public: Json | undefined
  readonly trusted: Json | undefined
  readonly subcnt?: number
  /** A channel: strangers reach it as `chn…`. */
  readonly chan?: boolean
}

export type Answer =
  | UserCard
  | MeRow
  | LoginRecord
  | FoundRow
  | readonly TopicName[]
  | string
  | number
  | boolean
  | null
