import { P, R, J } from '../chat/access-mode.ts'
import type { SessionId } from '../chat/command.ts'
import type { DataEvent, InfoEvent, PresEvent, TopicEvent } from '../chat/event.ts'
import { clientTopicName, kindOf } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Attachment } from './attachment.ts'
import type { Frame } from './frame.ts'
import type { MemberRights } from './member-rights.ts'
import { infoKey, presKey } from './news-key.ts'
import { dataFrame, infoFrame, presFrame } from './render.ts'
import type { Reader } from './render.ts'

/** What fanning out needs of the desk around it. */
export interface FanOutHost {
  /** Sessions of a user that are attached to his `me` on this node. */
  meSessions(uid: UserId): Iterable<Attachment>
  isAttached(sid: SessionId, topic: TopicName): boolean
  /** The session reads too slowly: from `missed` on, messages are fetched for it at its own pace. */
  behind(attachment: Attachment, missed: DataEvent): void
}

/** From one event of a topic to the many sessions of this node whom it concerns. */
export class FanOut {
  readonly #name: TopicName
  readonly #sessions: ReadonlyMap<SessionId, Attachment>
  readonly #watchers: ReadonlyMap<UserId, string>
  readonly #rights: MemberRights
  readonly #host: FanOutHost

  constructor(
    name: TopicName,
    sessions: ReadonlyMap<SessionId, Attachment>,
    watchers: ReadonlyMap<UserId, string>,
    rights: MemberRights,
    host: FanOutHost,
  ) {
    this.#name = name
    this.#sessions = sessions
    this.#watchers = watchers
    this.#rights = rights
    this.#host = host
  }

  data(event: DataEvent): void {
    const frames = new Map<string, Frame>()
    for (const attachment of this.#sessions.values()) {
      if (!attachment.hold(event)) this.#dataTo(attachment, event, frames)
    }
  }

  pres(event: PresEvent): void {
    if (event.to === 'watchers') return this.presToWatchers(event)
    this.#toAttached(event)
  }

  info(event: InfoEvent): void {
    this.#toAttached(event)
    if (event.toWatchers) this.#infoToWatchers(event)
  }

  /** One event to one session that is live. */
  toSession(attachment: Attachment, event: TopicEvent): void {
    if (event.kind === 'data') this.#dataTo(attachment, event, new Map())
    else if (event.kind === 'info') this.#infoTo(attachment, event)
    else if (event.kind === 'pres' && event.to === 'attached') this.#presTo(attachment, event)
  }

  presToWatchers(event: PresEvent): void {
    const only = event.onlyUser
    if (only !== undefined && !this.#watchers.has(only)) return
    for (const uid of only === undefined ? this.#watchers.keys() : [only]) {
      if (uid === event.exceptUser || !this.#rights.allows(uid, event.needs, event.anyOf)) continue
      const asChan = this.#rights.reads(uid)
      if (asChan && isPresence(event)) continue
      for (const me of this.#host.meSessions(uid)) {
        if (me.subscriber.sid === event.skipSid) continue
        const here = this.#sessions.get(me.subscriber.sid)
        if (here?.live === true && event.evenAttached !== true) continue
        this.#tellPres(me, event, { uid, level: me.level, asChan }, true)
      }
    }
  }

  #toAttached(event: PresEvent | InfoEvent): void {
    for (const attachment of this.#sessions.values()) {
      if (!attachment.hold(event)) this.toSession(attachment, event)
    }
  }

  #dataTo(attachment: Attachment, event: DataEvent, frames: Map<string, Frame>): void {
    if (attachment.isBehind) return
    const { subscriber, asChan } = attachment
    if (subscriber.isSlow && event.seq > attachment.since) {
      return this.#host.behind(attachment, event)
    }
    if (!attachment.takes(event) || !this.#rights.has(attachment.uid, R | J)) return
    const name = clientTopicName(this.#name, attachment.uid, asChan)
    let frame = frames.get(name)
    if (frame === undefined) {
      frame = dataFrame(name, event, asChan)
      frames.set(name, frame)
    }
    subscriber.deliver(frame)
  }

  #infoTo(attachment: Attachment, event: InfoEvent): void {
    const own = event.skipOwn && event.from === attachment.uid
    if (own || event.skipSid === attachment.subscriber.sid || attachment.asChan) return
    if (this.#rights.has(attachment.uid, R)) this.#tellInfo(attachment, event, false)
  }

  #infoToWatchers(event: InfoEvent): void {
    for (const uid of this.#watchers.keys()) {
      if (event.skipOwn && uid === event.from) continue
      if (!this.#rights.has(uid, R | P) || this.#rights.reads(uid)) continue
      for (const me of this.#host.meSessions(uid)) {
        if (me.subscriber.sid === event.skipSid || this.#sessions.has(me.subscriber.sid)) continue
        this.#tellInfo(me, event, true)
      }
    }
  }

  #presTo(attachment: Attachment, event: PresEvent): void {
    const { uid, asChan, subscriber } = attachment
    if (event.onlyUser !== undefined && event.onlyUser !== uid) return
    if (event.exceptUser === uid || event.skipSid === subscriber.sid) return
    if (!this.#rights.allows(uid, event.needs, event.anyOf)) return
    if (asChan && isPresence(event)) return
    const there = event.unlessAttachedTo
    if (there !== undefined && this.#host.isAttached(subscriber.sid, there)) return
    this.#tellPres(attachment, event, attachment, kindOf(this.#name) === 'me')
  }

  #tellPres({ subscriber }: Attachment, event: PresEvent, reader: Reader, onMe: boolean): void {
    const frame = (): Frame => presFrame(this.#name, event, reader, onMe)
    if (subscriber.isSlow) subscriber.keep(presKey(this.#place(onMe), event), frame)
    else subscriber.deliver(frame())
  }

  #tellInfo(attachment: Attachment, event: InfoEvent, onMe: boolean): void {
    const { subscriber } = attachment
    const frame = (): Frame => infoFrame(this.#name, event, attachment, onMe)
    if (subscriber.isSlow) subscriber.keep(infoKey(this.#place(onMe), event), frame)
    else subscriber.deliver(frame())
  }

  #place(onMe: boolean): string {
    return onMe ? `me ${this.#name}` : this.#name
  }
}

/** Who comes and goes: channels' readers are not told. */
function isPresence({ what }: PresEvent): boolean {
  return what === 'on' || what === 'off' || what === 'ua'
}
