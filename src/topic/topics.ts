import type { Answer, Ask } from '../chat/ask.ts'
import type { AuthLevel, Command, SessionId } from '../chat/command.ts'
import type { ErrorCode } from '../errors.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Frame } from './frame.ts'

/** What the conversation needs of a session that listens. */
export interface Subscriber {
  readonly sid: SessionId
  readonly uid: UserId
  readonly level: AuthLevel
  readonly userAgent: string
  /**
   * Its client reads more slowly than what comes: nothing is streamed to it until `Topics.eased`,
   * its place in each topic is kept, and news go to `keep`. Answers are delivered all the same.
   */
  readonly isSlow: boolean
  /** Its client knows our notices of push and pull (docs/protocol-extensions.md). */
  readonly knowsNotices: boolean
  /**
   * Takes one frame, in order. False: its queue is over the bound and the session is closing, so
   * that its client reconnects and resumes. Never throws.
   */
  deliver(frame: Frame): boolean
  /**
   * News for a slow reader, told when it has eased: of each key the last. Key `each`: all of them.
   * Key `passing`: of the moment only, so it is dropped. `frame` is made when it is kept.
   */
  keep(key: string, frame: () => Frame): void
}

/** One request of a client on a topic. */
export interface TopicRequest {
  /** Echoed in every answer; undefined when the client gave none. */
  readonly id: string | undefined
  /** As the client named it; for answers about it (`new123` for a new group). */
  readonly said: string
  readonly topic: TopicName
  /** Named as a channel (`chn…`, `nch…`). */
  readonly asChan: boolean
  readonly command: Command
  /** `{sub}`: the last message that the client has; the stream begins behind it. */
  readonly cursor?: number | undefined
}

/** The door of the topic floor: what sessions call. */
export interface Topics {
  /**
   * Carries out one request. Answers reach the subscriber as frames, in order, each with id and
   * topic. `done` is called once, after the last of them. Requests of one session to one topic
   * take effect in the order of the calls. Never fails without an answer: after the request
   * deadline it is ctrl 503 (certainly not done) or 504 (not known).
   */
  request(from: Subscriber, request: TopicRequest, done: () => void): void
  /** The session is not slow any more: what was left behind for it is fetched and streamed. */
  eased(sid: SessionId): void
  /** The session is gone: detaches it everywhere. Idempotent. */
  forget(sid: SessionId): void
  /** Is this session attached to the topic, as far as this node knows? */
  isAttached(sid: SessionId, topic: TopicName): boolean
  /** Asks an entity (a user, a unique name, a tag …) wherever it lives. Undefined: no answer before the deadline. */
  ask(entity: string, ask: Ask): Promise<Answer | undefined>
  /** The same for what changes something: whether that may have happened matters to whoever asked. */
  order(entity: string, ask: Ask): Promise<Answer | Unanswered>
}

/** No answer came; `why` says whether it certainly was not done (errors.ts). */
export class Unanswered {
  readonly why: ErrorCode

  constructor(why: ErrorCode) {
    this.why = why
  }
}
