import { sometimes } from '../assert.ts'
import { P, R } from '../chat/access-mode.ts'
import type { SessionId } from '../chat/command.ts'
import type { DataEvent, PresEvent, TopicEvent } from '../chat/event.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { kindOf, otherUser, p2pUsers } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Cancel, Timers } from '../ports.ts'
import type { PageMessage } from './messages.ts'
import { Presence } from './presence.ts'

export interface OwnerTopicHost {
  readonly timers: Timers
  /** ms between the last sign of somebody and telling the others that he is off. */
  readonly graceMs: number
  /** There is something to send. */
  gathered(topic: OwnerTopic): void
  /** The last session of a user left his `me`. */
  seen(uid: UserId, userAgent: string): void
}

/**
 * A topic at its owner, apart from its rules: who listens on which node, what is to be told to
 * them, and who is online. Events are gathered while releases run and leave as one frame a node.
 */
export class OwnerTopic {
  readonly name: TopicName
  readonly presence = new Presence()
  readonly #kind: ReturnType<typeof kindOf>
  readonly #host: OwnerTopicHost
  readonly #grace = new Map<string, Cancel>()
  #events: (TopicEvent | PageMessage)[] = []
  /** Nodes from which nobody may listen any more; what is gathered is for them, too. */
  readonly #leaving = new Set<NodeIndex>()

  constructor(name: TopicName, host: OwnerTopicHost) {
    this.name = name
    this.#kind = kindOf(name)
    this.#host = host
  }

  close(): void {
    for (const cancel of this.#grace.values()) cancel()
    this.#grace.clear()
  }

  get isIdle(): boolean {
    return this.presence.isEmpty && this.#events.length === 0 && this.#grace.size === 0
  }

  // --- the stream ---

  publish(events: readonly TopicEvent[]): void {
    if (events.length === 0) return
    for (const event of events) {
      if (event.kind === 'modes') {
        this.presence.reads(event.uid, event.reader === true)
      } else if (event.kind === 'evict') this.presence.evict(event.uid)
      if (!this.presence.isEmpty) this.#events.push(event.kind === 'data' ? flat(event) : event)
    }
    this.#host.gathered(this)
  }

  take(): readonly (TopicEvent | PageMessage)[] {
    const events = this.#events
    this.#events = []
    return events
  }

  /**
   * A node from which nobody listens gets no more events. It does get those that are gathered: one
   * may say that its last session is evicted, of which it would never hear otherwise.
   */
  trim(node: NodeIndex): void {
    this.#leaving.add(node)
    this.#host.gathered(this)
  }

  /** What was gathered is sent. */
  sent(): void {
    for (const node of this.#leaving) this.presence.trim(node)
    this.#leaving.clear()
  }

  // --- who is here ---

  /** As rules see it: attached to a group, or to his `me` for a p2p. */
  online(uid: UserId): boolean {
    return this.#kind === 'p2p' ? this.presence.watching(uid) : this.presence.attached(uid)
  }

  /** `reader`: of a channel. Such neither come nor go as far as anybody is told. */
  attach(node: NodeIndex, sid: SessionId, uid: UserId, reader: boolean): void {
    const wasActive = this.presence.active
    const first = this.presence.attach(node, sid, uid, reader)
    if (this.#kind !== 'grp' || reader) return
    if (!this.#cancel(`at ${uid}`) && first) {
      this.publish([pres('attached', 'on', { src: uid, needs: R, skipSid: sid })])
    }
    if (!this.#cancel('active') && !wasActive) {
      this.publish([pres('watchers', 'on', { needs: P, evenAttached: true })])
    }
  }

  detach(node: NodeIndex, sid: SessionId, uid: UserId, userAgent = ''): void {
    const isTold = !this.presence.isReader(uid)
    if (this.presence.detach(node, sid, uid) && isTold) this.#left(uid, userAgent)
    this.trim(node)
  }

  watch(node: NodeIndex, uid: UserId, userAgent: string, mode: number): void {
    const first = this.presence.watch(node, uid, userAgent)
    if (this.#kind !== 'p2p' || this.#cancel(`on ${uid}`) || !first) return
    if (mode & P) this.#contact('on', uid, userAgent)
  }

  unwatch(node: NodeIndex, uid: UserId): void {
    if (this.presence.unwatch(node, uid)) this.#unwatched(uid)
    this.trim(node)
  }

  /** An edge tells anew who is there: nobody is announced, they were there before. */
  retell(
    node: NodeIndex,
    sids: readonly (readonly [SessionId, UserId, string])[],
    watchers: readonly (readonly [UserId, string])[],
  ): void {
    if (this.presence.retell(node, sids, watchers)) this.#expireSoon(node)
    else this.#cancel(`node ${node}`)
    for (const [uid] of watchers) this.#cancel(`on ${uid}`)
    for (const [, uid] of sids) this.#cancel(`at ${uid}`)
    if (this.#kind !== 'p2p' || this.#grace.has('ghosts')) return
    // Whoever is not told of by any edge in time went away together with the owner.
    this.#after('ghosts', () => {
      for (const uid of p2pUsers(this.name)) {
        if (!this.presence.watching(uid)) this.#contact('off', uid, '')
      }
    })
  }

  /** An edge told of a reader of a channel, or of somebody who is none. */
  knows(uid: UserId, reader: boolean): void {
    this.presence.reads(uid, reader)
  }

  /** The link to a node broke: what it told ends after the grace, unless it tells again. */
  nodeDown(node: NodeIndex): void {
    if (this.presence.orphan(node)) this.#expireSoon(node)
    else this.#host.gathered(this)
  }

  #expireSoon(node: NodeIndex): void {
    this.#after(`node ${node}`, () => {
      const { attached, watching } = this.presence.expire(node)
      sometimes(attached.length + watching.length > 0, 'topic: ghosts of a node expired')
      for (const uid of attached) {
        if (this.#kind === 'me') this.#host.seen(uid, '')
        this.#gone(uid)
      }
      this.#deserted()
      for (const uid of watching) if (this.#kind === 'p2p') this.#contact('off', uid, '')
      this.#host.gathered(this)
    })
  }

  #left(uid: UserId, userAgent: string): void {
    if (this.#kind === 'me') this.#host.seen(uid, userAgent)
    if (this.#kind !== 'grp') return
    this.#after(`at ${uid}`, () => this.#gone(uid))
    if (!this.presence.active) this.#after('active', () => this.#deserted())
  }

  #gone(uid: UserId): void {
    if (this.#kind !== 'grp' || this.presence.attached(uid)) return
    this.publish([pres('attached', 'off', { src: uid, needs: R })])
  }

  #deserted(): void {
    if (this.#kind !== 'grp' || this.presence.active) return
    this.publish([pres('watchers', 'off', { needs: P })])
  }

  #unwatched(uid: UserId): void {
    if (this.#kind !== 'p2p') return
    this.#after(`on ${uid}`, () => {
      if (!this.presence.watching(uid)) this.#contact('off', uid, '')
    })
  }

  #contact(what: 'on' | 'off', uid: UserId, ua: string): void {
    const peer = otherUser(this.name, uid)
    this.publish([pres('watchers', what, { ua, needs: P, onlyUser: peer, evenAttached: true })])
  }

  #after(key: string, task: () => void): void {
    this.#cancel(key)
    const cancel = this.#host.timers.after(this.#host.graceMs, () => {
      this.#grace.delete(key)
      task()
    })
    this.#grace.set(key, cancel)
  }

  /** True: something was about to be told, and is not. */
  #cancel(key: string): boolean {
    const cancel = this.#grace.get(key)
    if (cancel === undefined) return false
    cancel()
    this.#grace.delete(key)
    return true
  }
}

function pres(
  to: PresEvent['to'],
  what: 'on' | 'off',
  fields: Partial<Omit<PresEvent, 'kind' | 'to' | 'what'>>,
): PresEvent {
  return { kind: 'pres', to, what, needs: 0, anyOf: 0, ...fields }
}

function flat(event: DataEvent): PageMessage {
  return [event.seq, event.from, event.ts, event.head, event.content, event.skipSid]
}
