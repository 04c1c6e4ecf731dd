import type { UserId } from '../ids/user-id.ts'
import type { Answer, Ask } from './ask.ts'
import type { Actor, Command } from './command.ts'
import type { TopicEvent } from './event.ts'
import type { Fact } from './fact.ts'
import type { Outcome, OutboxItem, Write } from './outcome.ts'

/**
 * The smallest thing with an order of its own: a conversation (p2p, grp, slf, sys), a user (his `me`
 * and `fnd`), a unique name, a tag. It lives in the memory of its partition's owner only, is opened
 * from its rows, and evaluates one thing at a time, at once, without waiting. It changes its own
 * state before the change has committed; whoever loses the ownership therefore throws it away.
 */
export interface Entity {
  /** Internal topic name, or `nam:…`, `tag:…`. */
  readonly name: string
  evaluate(actor: Actor, command: Command, env: Env): Outcome
  ask(ask: Ask, env: Env): Told
  fact(fact: Fact, env: Env): Told
  /** Rows changed since the last call, each once; called once per batch, after all evaluations in it. */
  takeWrites(): readonly Write[]
  /** Rough bytes in memory, for the cache's bound. */
  weight(): number
  /** Rows of messages that are hidden already and still there: `sweep` removes some. */
  unswept?(): number
}

export interface Told {
  readonly answer: Answer
  readonly events: readonly TopicEvent[]
  readonly outbox: readonly OutboxItem[]
}

/** What a rule may see of the world. */
export interface Env {
  /** Wall time in ms; never steps back within one owner's term. */
  readonly now: number
  readonly limits: ChatLimits
  /** A member is online as this topic sees it: attached to it (group), or to his `me` (p2p). */
  online(uid: UserId): boolean
  /** Somebody is attached to the topic. */
  active(): boolean
}

export interface ChatLimits {
  readonly maxSubscriberCount: number
  readonly maxTagCount: number
  readonly minTagLength: number
  readonly maxTagLength: number
  /** Hard deletion by D holders reaches messages younger than this; 0: no limit. */
  readonly messageDeleteAgeS: number
  readonly p2pDelete: boolean
  /** Newest messages that a topic keeps; 0: all. */
  readonly keepMessages: number
  /** How long a topic keeps a message, s; 0: for ever. */
  readonly keepMessagesS: number
}

/** A stored row: table, key inside the entity, value. Messages are not among those an entity is opened from. */
export interface Row {
  readonly table: number
  readonly key: Uint8Array
  readonly value: Uint8Array
}
