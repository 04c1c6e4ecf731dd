import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { AccessMode } from './access-mode.ts'
import type { Json, SeqRange, SessionId } from './command.ts'

/**
 * What a topic tells those who listen, after commit. Each event goes once to every node that
 * listens, in commit order; the node picks its sessions by the rule in the event and writes names
 * as each receiver knows them. Two kinds listen: sessions *attached* to the topic, and *watchers*:
 * members of the topic who have a session attached to their own `me` (tinode-wire.md 6.1).
 */
export type TopicEvent =
  | DataEvent
  | InfoEvent
  | PresEvent
  | ModesEvent
  | EvictEvent
  | ListEvent
  | { readonly kind: 'closed' } // the topic is deleted: attachments and watches end silently

/** A stored message: to every attached session with R and J in effect, but not to `skipSid`. */
export interface DataEvent {
  readonly kind: 'data'
  readonly seq: number
  /** Empty for messages of the system. Channel readers are not shown it. */
  readonly from: UserId | ''
  readonly ts: number
  readonly head: string | null
  readonly content: string
  readonly skipSid: SessionId
}

/** `{info}` (section 7.1). To attached sessions with R; and, if `toWatchers`, by `me` to members with P and R who are not attached. */
export interface InfoEvent {
  readonly kind: 'info'
  readonly from: UserId
  readonly what: string
  readonly seq: number
  readonly event?: string
  readonly payload?: Json
  readonly skipSid: SessionId
  /** The sender's own other sessions do not get it (typing). */
  readonly skipOwn: boolean
  readonly toWatchers: boolean
}

/**
 * `{pres}` (section 6.3). `to: 'attached'` is sent with topic = T; `to: 'watchers'` with topic =
 * `me`, src = T. On a user's own topic (`me`) everybody is attached and `src` names the topic meant.
 */
export interface PresEvent {
  readonly kind: 'pres'
  readonly to: 'attached' | 'watchers'
  readonly what:
    | 'on'
    | 'off'
    | 'ua'
    | 'msg'
    | 'upd'
    | 'gone'
    | 'acs'
    | 'term'
    | 'tags'
    | 'aux'
    | 'del'
    | 'read'
    | 'recv'
  /** attached: a user, or (on `me`) a topic by its internal name. Watchers get src = T by themselves. */
  readonly src?: UserId | TopicName | 'me'
  /** The receiver is a reader of the channel that `src` names: to him it is `chn…`. */
  readonly srcChan?: boolean
  readonly seq?: number
  readonly clear?: number
  readonly delseq?: readonly SeqRange[]
  readonly ua?: string
  /** Who did it; left out for the receiver himself, or when equal to src. */
  readonly act?: UserId
  /** Whom it is about; left out for the receiver himself, or when equal to src. */
  readonly tgt?: UserId
  readonly dacs?: { readonly want?: string; readonly given?: string }
  /** Bits that must all be in the receiver's effective mode; 0: anybody (acs, gone). */
  readonly needs: AccessMode
  /** If not 0: at least one of these bits too (sharers). */
  readonly anyOf: AccessMode
  readonly onlyUser?: UserId
  readonly exceptUser?: UserId
  readonly skipSid?: SessionId
  /** Watchers: also sessions that are attached to T. Default: only those that are not. */
  readonly evenAttached?: boolean
  /** On `me`: only sessions that are not attached to this topic. */
  readonly unlessAttachedTo?: TopicName
}

/** A member's rights from here on; keeps the edges' tables right. `member` false: no longer one. */
export interface ModesEvent {
  readonly kind: 'modes'
  readonly uid: UserId
  readonly want: AccessMode
  readonly given: AccessMode
  readonly member: boolean
  /** A channel's reader: knows it as `chn…`, and is not told who writes, reads or types there. */
  readonly reader?: boolean
}

/** Detaches all sessions of a user, each told by ctrl 205 `evicted`, but not `exceptSid`, which is detached silently. */
export interface EvictEvent {
  readonly kind: 'evict'
  readonly uid: UserId
  readonly unsub: boolean
  readonly exceptSid?: SessionId
}

/** On a user's own topic: a topic came into or left his list. */
export interface ListEvent {
  readonly kind: 'list'
  readonly topic: TopicName
  readonly gone: boolean
}
