import type { Answer, Ask } from '../chat/ask.ts'
import type { AuthLevel, Claims, Command, SessionId } from '../chat/command.ts'
import type { TopicEvent } from '../chat/event.ts'
import type { ReplyPart } from '../chat/outcome.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Letter } from '../partition/outbox.ts'
import type { Refusal } from '../partition/evaluation.ts'
import type { Term } from '../raft/entry.ts'

/**
 * What the topic floor says between nodes: arrays that start with a kind, encoded by the peer link
 * (or handed over as they are when owner and edge are the same node). Wire numbers: never reuse.
 * `call`: number of the asking node's call, echoed by the answer.
 */
export const topicKinds = {
  request: 20,
  publish: 21,
  answer: 22,
  accepted: 23,
  page: 24,
  events: 25,
  interest: 26,
  interested: 27,
  watch: 28,
  unwatch: 29,
  dropped: 30,
  catchUp: 31,
  ask: 32,
  told: 33,
  letters: 34,
  taken: 35,
  refused: 36,
  leads: 37,
} as const

export const firstTopicKind = topicKinds.request
export const lastTopicKind = topicKinds.leads

export type ActorTuple = readonly [
  uid: UserId,
  level: AuthLevel,
  sid: SessionId,
  asChan: boolean,
  attached: boolean,
]

/** seq, from, ts, head, content, producer of a stored message. */
export type PageMessage = readonly [
  seq: number,
  from: UserId | '',
  ts: number,
  head: string | null,
  content: string,
  skipSid: SessionId,
]

/** `term`: in which the session was let in. */
export type Attached = readonly [
  want: number,
  given: number,
  seq: number,
  asChan: boolean,
  term: Term,
]

/** edge → owner */
export type Request = readonly [
  20,
  call: number,
  topic: TopicName,
  actor: ActorTuple,
  command: Command,
]
/** edge → owner: a publish, flat because it is the most frequent. */
export type Publish = readonly [
  21,
  call: number,
  topic: TopicName,
  uid: UserId,
  level: AuthLevel,
  sid: SessionId,
  producer: string,
  n: number,
  hash: number,
  head: string | null,
  content: string,
  noecho: boolean,
  /** No earlier one of this producer is open; null when the client numbers. */
  alone: boolean | null,
]
/** owner → edge. A history part in `parts` is followed by a page with the same call. */
export type AnswerMessage = readonly [
  22,
  call: number,
  ts: number,
  parts: readonly ReplyPart[],
  attach: Attached | null,
  detach: boolean,
  needs: readonly UserId[] | null,
  claims: Claims | null,
]
/** owner → edge: the publish is committed. */
export type Accepted = readonly [23, call: number, seq: number, ts: number]
/** owner → edge: messages of history, in the order asked for. */
export type Page = readonly [24, call: number, messages: readonly PageMessage[]]
/** owner → every node that listens, in commit order. Data events travel as PageMessage. */
export type Events = readonly [
  25,
  topic: TopicName,
  term: Term,
  events: readonly (TopicEvent | PageMessage)[],
]
/** edge → owner: who listens here, told anew to a new owner. Replaces what this node told before. */
export type Interest = readonly [
  26,
  call: number,
  topic: TopicName,
  sids: readonly (readonly [sid: SessionId, uid: UserId, ua: string])[],
  watchers: readonly (readonly [uid: UserId, ua: string])[],
]
/** Rights of one who listens. `reader`: of a channel. */
export type MemberModes = readonly [
  uid: UserId,
  want: number,
  given: number,
  member: boolean,
  reader: boolean,
]
/** owner → edge: from here events flow. `seq`: the last message before them. */
export type Interested = readonly [
  27,
  call: number,
  term: Term,
  seq: number,
  modes: readonly MemberModes[],
]
/** edge → owner: a member has a session on `me` here (or no longer). Answered by `interested`. */
export type Watch = readonly [28, call: number, topic: TopicName, uid: UserId, ua: string]
export type Unwatch = readonly [29, topic: TopicName, uid: UserId]
/** edge → owner: an attached session is gone. */
export type Dropped = readonly [30, topic: TopicName, sid: SessionId, uid: UserId]
/** edge → owner: messages of [low, high), ascending. Answered by a page. */
export type CatchUp = readonly [31, call: number, topic: TopicName, low: number, high: number]
export type AskMessage = readonly [32, call: number, entity: string, ask: Ask]
export type ToldMessage = readonly [33, call: number, answer: Answer]
export type LettersMessage = readonly [
  34,
  call: number,
  source: GroupId,
  target: GroupId,
  letters: readonly Letter[],
]
/** owner → source: committed up to this counter; null: ask again. */
export type Taken = readonly [35, call: number, upTo: number | null]
/** Not done here. `owner` 0: not known. */
export type Refused = readonly [36, call: number, why: Refusal, owner: NodeIndex, term: Term]
/** To every node, on becoming owner and whenever a link comes up. */
export type Leads = readonly [37, readonly (readonly [partition: GroupId, term: Term])[]]

export type TopicMessage =
  | Request
  | Publish
  | AnswerMessage
  | Accepted
  | Page
  | Events
  | Interest
  | Interested
  | Watch
  | Unwatch
  | Dropped
  | CatchUp
  | AskMessage
  | ToldMessage
  | LettersMessage
  | Taken
  | Refused
  | Leads

/** Posts to a node; to this node itself it is handed over at the end of the turn. False: certainly not sent. */
export type Post = (to: NodeIndex, message: TopicMessage) => boolean
