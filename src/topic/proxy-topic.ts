import { sometimes } from '../assert.ts'
import { J, P, R } from '../chat/access-mode.ts'
import type { SessionId } from '../chat/command.ts'
import type { DataEvent, EvictEvent, PresEvent, TopicEvent } from '../chat/event.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { clientTopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Term } from '../raft/entry.ts'
import type { Attachment } from './attachment.ts'
import { FanOut } from './fan-out.ts'
import { MemberRights } from './member-rights.ts'
import type { MemberModes } from './messages.ts'
import { ctrlFrame } from './render.ts'

/** What the stand-in needs of the hub around it. */
export interface ProxyHost {
  now(): number
  /** Sessions of a user that are attached to his `me` on this node. */
  meSessions(uid: UserId): Iterable<Attachment>
  /** Asks the owner for the messages of [low, high); they come back through `caughtUp`. */
  catchUp(topic: ProxyTopic, low: number, high: number): void
  /** On a user's own topic: something came into or left his list. */
  listChanged(uid: UserId, topic: TopicName, gone: boolean): void
  isAttached(sid: SessionId, topic: TopicName): boolean
  /**
   * Messages above the session's place are to be fetched for it at its own pace. `missed`: the one
   * that it was too slow for; null when it came with a cursor.
   */
  behind(topic: ProxyTopic, attachment: Attachment, missed: DataEvent | null): void
  /** A session was detached by the owner. */
  detached(sid: SessionId, uid: UserId, topic: TopicName): void
  /** Nobody here listens any more. */
  idle(topic: ProxyTopic): void
}

/** Events that wait while missed messages are fetched. Above: the gap is asked for once more, whole. */
const maxBacklog = 20_000

/**
 * A topic on a node where somebody listens to it: holds the attached sessions and the watchers of
 * this node, and turns the owner's one stream into frames for each. The stream is numbered by seq,
 * so a gap is seen and filled from the owner's history before anything later is passed on (P4);
 * it does not matter why there was one.
 */
export class ProxyTopic {
  readonly name: TopicName
  readonly partition: GroupId
  readonly sessions = new Map<SessionId, Attachment>()
  /** Users with a session on `me` here who have this topic in their list, and their user agents. */
  readonly watchers = new Map<UserId, string>()
  /** How often an owner was told all who listen here. */
  tellings = 0
  readonly #rights = new MemberRights()
  readonly #fanOut: FanOut
  readonly #host: ProxyHost
  /** Last message passed on; null before the owner has told where the stream starts. */
  #cursor: number | null = null
  /** Last message of which watchers were told here; unlike the cursor it never goes back. */
  #told = 0
  /** Not null: events wait here until missed messages have come. */
  #backlog: TopicEvent[] | null = null
  /** Streams of older terms are not listened to. */
  #term: Term = 0

  constructor(name: TopicName, partition: GroupId, host: ProxyHost) {
    this.name = name
    this.partition = partition
    this.#host = host
    this.#fanOut = new FanOut(name, this.sessions, this.watchers, this.#rights, {
      meSessions: (uid) => host.meSessions(uid),
      isAttached: (sid, topic) => host.isAttached(sid, topic),
      behind: (attachment, missed) => host.behind(this, attachment, missed),
    })
  }

  get isIdle(): boolean {
    return this.sessions.size === 0 && this.watchers.size === 0
  }

  get cursor(): number {
    return this.#cursor ?? 0
  }

  /** As far as the stream has told here. */
  mayRead(uid: UserId): boolean {
    return this.#rights.has(uid, R | J)
  }

  // --- who listens ---

  /**
   * The owner let the session in, with these rights; `seq`: the last message before that. `resume`:
   * the last one that its client has; what is between comes at the session's own pace.
   */
  enter(attachment: Attachment, want: number, given: number, seq: number, resume = seq): void {
    this.#rights.set(attachment.uid, want, given, true, attachment.asChan)
    if (attachment.live) {
      if (resume < Math.min(seq, attachment.since)) this.#rewind(attachment, resume)
      return // it asked twice without waiting
    }
    const cursor = (this.#cursor ??= seq)
    attachment.past = this.#backlog?.filter(takesOut) ?? []
    const held = attachment.enter(Math.min(resume, seq))
    if (attachment.since < seq) this.#host.behind(this, attachment, null)
    for (const event of held) {
      if (event.kind !== 'data' || event.seq === attachment.since + 1) {
        this.#fanOut.toSession(attachment, event)
      }
    }
    const low = attachment.isBehind ? cursor : Math.min(attachment.since, cursor)
    const high = Math.max(seq, cursor)
    if (low === high) return
    // It was let in before the place in the stream where this node is, or that is behind its owner.
    sometimes(true, 'topic: a session entered elsewhere in the stream')
    this.#cursor = low
    this.#backlog ??= []
    this.#host.catchUp(this, low + 1, high + 1)
  }

  /** It is there already, and has less than it was sent: that comes again. */
  #rewind(attachment: Attachment, to: number): void {
    sometimes(true, 'topic: a session that is attached came with a cursor behind its place')
    attachment.since = to
    attachment.stay++
    this.#host.behind(this, attachment, null)
  }

  leave(sid: SessionId): Attachment | undefined {
    const attachment = this.sessions.get(sid)
    this.sessions.delete(sid)
    if (this.isIdle) this.#host.idle(this)
    return attachment
  }

  watch(uid: UserId, userAgent: string): void {
    this.watchers.set(uid, userAgent)
  }

  unwatch(uid: UserId): void {
    this.watchers.delete(uid)
    if (this.isIdle) this.#host.idle(this)
  }

  // --- the stream ---

  /** An owner is being told who listens: what comes until its answer waits. */
  attaching(): void {
    this.#backlog ??= []
  }

  /** The owner's answer: rights as of `seq`, which is the last message before its stream. */
  attached(term: Term, seq: number, modes: readonly MemberModes[]): void {
    if (term < this.#term) return
    this.#term = term
    for (const [uid, want, given, member, reader] of modes) {
      this.#modes(uid, want, given, member, reader)
      if (!this.#rights.has(uid, J)) this.#evict({ kind: 'evict', uid, unsub: false })
    }
    const from = (this.#cursor ??= seq)
    if (seq > from) {
      sometimes(true, 'topic: a proxy caught up after its owner changed')
      this.#backlog ??= []
      // Watchers are only told that there is something new: the last message does.
      this.#host.catchUp(this, this.#hasReaders() ? from + 1 : seq, seq + 1)
    } else {
      this.#cursor = Math.max(from, seq)
      this.#drain()
    }
  }

  /** The owner took a watcher in; the stream goes on as it was. */
  watched(term: Term, seq: number, modes: readonly MemberModes[]): void {
    if (term < this.#term) return
    for (const [uid, want, given, member, reader] of modes) {
      this.#modes(uid, want, given, member, reader)
    }
    this.#cursor ??= seq
  }

  events(term: Term, events: readonly TopicEvent[]): void {
    if (term < this.#term) return
    this.#term = term
    for (const event of events) {
      if (this.#backlog === null) this.#take(event)
      else if (this.#backlog.length < maxBacklog) this.#backlog.push(event)
      else this.#backlog = this.#backlog.filter((held) => held.kind !== 'data')
    }
  }

  /** Missed messages from `low` on, ascending; `more`: the page was full and more are to be asked for. */
  caughtUp(messages: readonly DataEvent[], high: number, more: boolean, low = 0): void {
    if (low > this.cursor + 1 && this.#hasReaders()) {
      // Somebody has entered since, who needs what is before, too.
      return this.#host.catchUp(this, this.cursor + 1, high)
    }
    for (const message of messages) {
      if (message.seq <= this.cursor) continue
      this.#cursor = message.seq
      this.#fanOut.data(message)
      if (message.seq > this.#told) this.#fanOut.presToWatchers(newsOf(message))
      this.#told = Math.max(this.#told, message.seq)
    }
    if (more) return this.#host.catchUp(this, this.cursor + 1, high)
    this.#cursor = Math.max(this.cursor, high - 1)
    this.#drain()
  }

  /** Missed messages could not be had: the owner changed again, and will be attached to anew. */
  catchUpFailed(): void {
    this.#backlog ??= []
  }

  #drain(): void {
    const backlog = this.#backlog ?? []
    this.#backlog = null
    for (let i = 0; i < backlog.length; i++) {
      const event = backlog[i]
      if (event === undefined) continue
      if (this.#backlog === null) this.#take(event)
      else (this.#backlog as TopicEvent[]).push(event) // a gap opened while draining
    }
  }

  #take(event: TopicEvent): void {
    if (event.kind !== 'data') return this.#passOn(event)
    if (this.#cursor !== null && event.seq <= this.#cursor) return // seen before
    if (this.#cursor !== null && event.seq > this.#cursor + 1 && this.#hasReaders()) {
      sometimes(true, 'topic: a gap in the stream was filled')
      this.#backlog = [event]
      return this.#host.catchUp(this, this.#cursor + 1, event.seq)
    }
    this.#cursor = event.seq
    this.#told = Math.max(this.#told, event.seq) // its news comes right behind it
    this.#fanOut.data(event)
  }

  #hasReaders(): boolean {
    return this.sessions.size > 0
  }

  // --- what else the stream tells ---

  #passOn(event: Exclude<TopicEvent, DataEvent>): void {
    switch (event.kind) {
      case 'pres':
        return this.#fanOut.pres(event)
      case 'info':
        return this.#fanOut.info(event)
      case 'modes': {
        const { uid, want, given, member, reader } = event
        return this.#modes(uid, want, given, member, reader === true)
      }
      case 'evict':
        return this.#evict(event)
      case 'closed':
        return this.#close(event)
      case 'list':
        return this.#host.listChanged(this.name as string as UserId, event.topic, event.gone)
    }
  }

  #evict(event: EvictEvent): void {
    for (const [sid, attachment] of this.sessions) {
      if (attachment.uid !== event.uid || !attachment.live) continue
      if (attachment.past.includes(event)) continue
      attachment.leave()
      if (attachment.asked === 0) {
        this.sessions.delete(sid)
        this.#host.detached(sid, attachment.uid, this.name)
      }
      if (sid === event.exceptSid) continue
      const topic = clientTopicName(this.name, attachment.uid, attachment.asChan)
      attachment.subscriber.deliver(
        ctrlFrame(
          { id: undefined, topic },
          205,
          this.#host.now(),
          { unsub: event.unsub },
          'evicted',
        ),
      )
    }
    if (this.isIdle) this.#host.idle(this)
  }

  #close(event: TopicEvent): void {
    for (const [sid, { uid, past }] of this.sessions) {
      if (past.includes(event)) continue // it came when the topic was there again
      this.sessions.delete(sid)
      this.#host.detached(sid, uid, this.name)
    }
    this.watchers.clear()
    if (this.isIdle) this.#host.idle(this)
  }

  #modes(uid: UserId, want: number, given: number, member: boolean, reader: boolean): void {
    const changed = this.#rights.reads(uid) !== reader
    this.#rights.set(uid, want, given, member, reader)
    if (!changed || !member) return
    sometimes(true, 'topic: a reader of a channel became a member, or a member a reader')
    for (const attachment of this.sessions.values()) {
      if (attachment.uid === uid) attachment.asChan = reader
    }
  }
}

function takesOut(event: TopicEvent): boolean {
  return event.kind === 'evict' || event.kind === 'closed'
}

/** What watchers would have been told of a message that was missed. */
export function newsOf(message: DataEvent): PresEvent {
  const { seq, from } = message
  const act = from === '' ? {} : { act: from }
  return { kind: 'pres', to: 'watchers', what: 'msg', seq, needs: R | P, anyOf: 0, ...act }
}
