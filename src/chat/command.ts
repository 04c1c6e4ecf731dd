import type { NodeIndex } from '../ids/node-index.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'

/**
 * What a session asks of a topic's owner, and what nodes and partitions ask of each other. Plain
 * data: it travels between nodes as it is. JSON values of clients that we only store and relay
 * (message content, head) travel as JSON text, so that nobody in between parses them.
 */

export type AuthLevel = 'anon' | 'auth' | 'root'

/** Unique in the cluster for ever (a snowflake in base 36); fences what a dead session left behind. */
export type SessionId = string

export interface Actor {
  readonly uid: UserId
  readonly level: AuthLevel
  readonly sid: SessionId
  /** The node that holds the session. */
  readonly node: NodeIndex
  /** He came by the `chn` name: a reader of a channel. */
  readonly asChan: boolean
  /** The session is attached to the topic. The edge knows; only it lets through what needs it. */
  readonly attached: boolean
}

/** Any JSON value, as parsed. The one-character text U+2421 clears, null means "no change". */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export interface DefaultAccess {
  readonly auth?: string
  readonly anon?: string
}

export interface SetDesc {
  readonly defacs?: DefaultAccess
  readonly public?: Json
  readonly trusted?: Json
  readonly private?: Json
}

export interface SetSub {
  readonly user?: UserId
  readonly mode?: string
}

/** Half-open unless `hi` is missing: then the single number `low`. */
export interface SeqRange {
  readonly low: number
  readonly hi?: number
}

export interface GetQuery {
  /** Known words only, without repeats. */
  readonly what: readonly GetWord[]
  readonly desc?: { readonly ims?: number }
  readonly sub?: {
    readonly ims?: number
    readonly user?: UserId
    readonly topic?: TopicName
    readonly limit?: number
  }
  readonly data?: {
    readonly since?: number
    readonly before?: number
    readonly limit?: number
    readonly ranges?: readonly SeqRange[]
  }
  readonly del?: { readonly since?: number; readonly before?: number; readonly limit?: number }
}
export const getWords = ['desc', 'sub', 'data', 'del', 'tags', 'cred', 'aux'] as const
export type GetWord = (typeof getWords)[number]

export interface Credential {
  readonly meth: string
  readonly val?: string
  readonly resp?: string
}

/** What a rule may need to know of users whose records live in other partitions. */
export interface UserCard {
  readonly uid: UserId
  readonly state: 'ok' | 'susp' | 'del'
  readonly created: number
  readonly updated: number
  readonly defacs: { readonly auth: number; readonly anon: number }
  readonly public: Json | undefined
  readonly trusted: Json | undefined
  readonly seen?: { readonly when: number; readonly ua: string }
  /** Tokens with another serial are revoked. */
  readonly serial: number
  readonly level: AuthLevel
}
/** null: there is no such user. */
export type Facts = Readonly<Record<UserId, UserCard | null>>

/**
 * Unique tags and the epoch of their holder in which they are claimed. A holder's epoch ends whenever
 * he gives one up: what he gave up in an earlier one does not touch what he has claimed since.
 */
export interface Claims {
  readonly tags: readonly string[]
  readonly epoch: number
}

export type Command =
  | SubCommand
  | { readonly kind: 'leave'; readonly unsub: boolean }
  | PubCommand
  | GetCommand
  | SetCommand
  | DelCommand
  | NoteCommand

export interface SubCommand {
  readonly kind: 'sub'
  /** Makes a group (or a channel) under the name that the request is addressed to. */
  readonly create?: 'grp' | 'chn'
  readonly mode?: string
  readonly desc?: SetDesc
  readonly tags?: readonly string[]
  readonly get?: GetQuery
  readonly facts?: Facts
  /** Said by an edge: it was sent before and may have been done. It lets in who is in, and nobody else. */
  readonly again?: boolean
  /** Unique tags (`alias:…`) among `tags` that this topic holds: the edge had them claimed (Outcome.claims). */
  readonly claimed?: Claims
}

export interface GetCommand {
  readonly kind: 'get'
  readonly query: GetQuery
  readonly facts?: Facts
}

export interface PubCommand {
  readonly kind: 'pub'
  /** Idempotency key (P3): a producer outlives sockets and numbers its publishes per topic from 1. */
  readonly producer: string
  readonly n: number
  /**
   * Said by an edge that numbers for its session: none below `n` waits for an answer, so what is
   * missing below was refused and never comes. Undefined: the client numbers, and fills every hole.
   */
  readonly alone?: boolean | undefined
  /** First 32 bits of a hash of head and content; tells a retry from a conflicting body. */
  readonly hash: number
  /** JSON text of an object, or null. */
  readonly head: string | null
  /** JSON text of any value. */
  readonly content: string
  readonly noecho: boolean
}

export interface SetCommand {
  readonly kind: 'set'
  readonly desc?: SetDesc
  readonly sub?: SetSub
  readonly tags?: readonly string[]
  readonly cred?: Credential
  readonly aux?: Json
  readonly facts?: Facts
  /** As in {@link SubCommand}. */
  readonly claimed?: Claims
}

export interface DelCommand {
  readonly kind: 'del'
  readonly what: 'msg' | 'topic' | 'sub' | 'user' | 'cred'
  readonly delseq?: readonly SeqRange[]
  readonly user?: UserId
  readonly cred?: Credential
  readonly hard: boolean
}

export const noteWords = ['kp', 'kpa', 'kpv', 'recv', 'read', 'data', 'call'] as const
export interface NoteCommand {
  readonly kind: 'note'
  readonly what: (typeof noteWords)[number]
  readonly seq: number
  readonly event?: string
  readonly payload?: Json
}
