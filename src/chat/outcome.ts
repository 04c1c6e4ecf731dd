import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { AccessMode } from './access-mode.ts'
import type { Claims, Json, SeqRange } from './command.ts'
import type { TopicEvent } from './event.ts'
import type { Fact } from './fact.ts'

/** One row of an entity's state. `table` orders the rows; `key` is unique in it. Null value: removed. */
export interface Write {
  readonly table: number
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/**
 * Part of an answer. The edge adds id, topic (as the client knows it), text and the time. Order
 * is kept.
 */
export type ReplyPart =
  | {
      readonly kind: 'ctrl'
      readonly code: number
      readonly text?: string
      readonly params?: { readonly [key: string]: Json }
    }
  | {
      readonly kind: 'meta'
      readonly part: 'desc' | 'sub' | 'tags' | 'cred' | 'del' | 'aux'
      /** As sent to the client; times are ms numbers under the keys of tinode-wire.md 12.1 and become RFC 3339 at the edge. Users are canonical ids. */
      readonly value: Json
      /** desc of p2p: the edge adds this user's public, trusted and seen. */
      readonly peer?: UserId
      /** sub rows of a group: the edge adds public and trusted of each row's user. */
      readonly cards?: boolean
      /** With `peer` or `cards`: leave out public and trusted of users not changed since (ms). */
      readonly ims?: number
    }
  | HistoryPart
  | ListPart

/** Messages to be read from the store: newest first, at most `limit`, then ctrl 208, or 204 when none. */
export interface HistoryPart {
  readonly kind: 'history'
  /** Half-open, ascending, not overlapping. */
  readonly ranges: readonly (readonly [number, number])[]
  readonly limit: number
  /** Deleted for everybody or for this reader: half-open, ascending. */
  readonly hidden: readonly (readonly [number, number])[]
  /** Channel readers are not shown senders. */
  readonly anonymous: boolean
}

/** `{get sub}` on `me`: the edge asks each topic's owner for the row and writes the meta, or 204. */
export interface ListPart {
  readonly kind: 'list'
  readonly topics: readonly {
    readonly topic: TopicName
    readonly updated: number
    readonly deleted?: number
  }[]
  readonly ims?: number
  readonly limit: number
}

/**
 * What a rule answers. Rows that changed are not here: the entity knows which are dirty and gives
 * them once per batch (`takeWrites`). Nothing here leaves the owner before the batch has committed.
 */
export interface Outcome {
  readonly parts: readonly ReplyPart[]
  readonly events: readonly TopicEvent[]
  readonly outbox: readonly OutboxItem[]
  /** sub: this session is attached from here on, with these rights; `seq` is the last message before that. */
  readonly attach?: {
    readonly want: AccessMode
    readonly given: AccessMode
    readonly seq: number
    /** As a reader of a channel, whatever name the request used. */
    readonly asChan?: boolean
  }
  /** leave, self-ban: this session is detached. */
  readonly detach?: boolean
  /** The rule cannot decide without these users' cards: nothing was done; ask again with facts. */
  readonly needs?: readonly UserId[]
  /**
   * Unique tags that must belong to this topic first: nothing was done. Ask `name-claim` of each
   * name's entity (`nam:` and the tag) for this topic and this epoch, and again with those that were
   * granted in `claimed`; more than once, when the epoch ended meanwhile. `parts` is the answer for
   * whoever does not.
   */
  readonly claims?: Claims
}

/** A fact for an entity of another partition (or of this one), delivered in order and exactly once. */
export interface OutboxItem {
  /** Name of the entity: a topic, or a unique name (`nam:…`). Routes to its partition. */
  readonly to: string
  readonly fact: Fact
}

export type { SeqRange }
