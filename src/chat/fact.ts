import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { AuthLevel, Json } from './command.ts'

/** Told by one entity to another through the outbox: in order, exactly once, after the teller's commit. */
export type Fact =
  /** To a user: `topic` is in (or left) his list. `notice` is passed on to his `me` sessions. */
  | {
      readonly kind: 'list'
      readonly topic: TopicName
      readonly gone: boolean
      readonly at: number
      readonly notice?: ListNotice
      /** He is a reader of that channel. */
      readonly chan?: boolean
    }
  /** To a user: his account begins. From the login name's entity, which thereby owns the decision. */
  | { readonly kind: 'account'; readonly account: NewAccount }
  /** To a tag's entity: `target` carries this tag (or no longer does). */
  | { readonly kind: 'tag'; readonly target: TopicName; readonly gone: boolean }
  /** To a p2p or group topic: this user's account is gone, or suspended, or back. */
  | { readonly kind: 'user-state'; readonly uid: UserId; readonly state: 'ok' | 'susp' | 'del' }
  /** To a p2p topic: this user shows himself otherwise now (public, trusted). */
  | { readonly kind: 'card-changed'; readonly uid: UserId }
  /** To a name's entity: its holder gave up what he had claimed in this epoch or before (none: 0). */
  | {
      readonly kind: 'name-free'
      readonly holder: UserId | TopicName
      readonly epoch?: number
    }

export interface ListNotice {
  readonly what: 'acs' | 'gone'
  readonly act?: UserId
  readonly dacs?: { readonly want?: string; readonly given?: string }
  /** The session that did it itself is not told. */
  readonly skipSid?: string
}

export interface NewAccount {
  readonly uid: UserId
  readonly level: AuthLevel
  readonly at: number
  readonly login?: string
  readonly public?: Json
  readonly trusted?: Json
  readonly private?: Json
  readonly defacs: { readonly auth: number; readonly anon: number }
  readonly tags: readonly string[]
}
