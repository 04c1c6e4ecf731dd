import type { AuthLevel, Command, SessionId } from '../chat/command.ts'
import { resolveTopic } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { parseUserId } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Frame } from '../topic/frame.ts'
import type { Subscriber, TopicRequest } from '../topic/topics.ts'
import type { Extra } from './dispatch.ts'
import { isRefusal, refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { Session } from './session.ts'

/** Where a request goes: a topic that may exist, or a name for a new one. */
export type Address =
  { readonly topic: TopicName; readonly asChan: boolean } | { readonly create: 'grp' | 'chn' }

/** What the client named, as the user `self` means it. */
export function addressOf(said: string | null | undefined, self: UserId): Address | Refusal {
  // A zero byte is never part of a name; the reference answers 500 (tinode-wire.md 2.17).
  if (said === undefined || said === null || said === '' || said.includes('\0')) {
    return refusals.malformed
  }
  const resolved = resolveTopic(said, self)
  if ('create' in resolved) return resolved
  if ('name' in resolved) return { topic: resolved.name, asChan: resolved.as === 'chan' }
  if (resolved.error === 'self') return refusals.denied
  return resolved.error === 'malformed' ? refusals.malformed : refusals.topicNotFound
}

/** Like addressOf, for verbs that need a topic that exists. */
export function existingAddressOf(
  said: string | null | undefined,
  self: UserId,
): { readonly topic: TopicName; readonly asChan: boolean } | Refusal {
  const address = addressOf(said, self)
  return 'create' in address ? refusals.topicNotFound : address
}

/**
 * Who asks: the session, or, for root, the user named by `extra.obo`. Others who try are refused, so
 * that nobody believes it worked.
 */
export function askerOf(session: Session, extra: Extra): Subscriber | Refusal {
  const obo = extra?.obo ?? ''
  const level = extra?.authlevel ?? ''
  if (obo === '' && level === '') return session
  if (session.level !== 'root') return refusals.denied
  const uid = obo === '' ? session.uid : parseUserId(obo)
  if (uid === null || !isLevel(level)) return refusals.malformed
  return new OnBehalf(session, uid, level === '' ? 'auth' : level)
}

/** Sends a command to the topic that the body names, or answers why it cannot. */
export function forward(
  session: Session,
  extra: Extra,
  body: { readonly id?: string | null | undefined; readonly topic?: string | null | undefined },
  isBarrier: boolean,
  commandFor: (asker: Subscriber) => Command | Refusal,
): void {
  const id = body.id ?? undefined
  const said = body.topic ?? ''
  const refuse = (why: Refusal): void => session.refuse(id, said === '' ? undefined : said, why)
  const asker = askerOf(session, extra)
  if (isRefusal(asker)) return refuse(asker)
  const address = existingAddressOf(said, asker.uid)
  if (isRefusal(address)) return refuse(address)
  const command = commandFor(asker)
  if (isRefusal(command)) return refuse(command)
  const { topic, asChan } = address
  const request: TopicRequest = { id, said, topic, asChan, command }
  session.request(asker, request, isBarrier)
}

function isLevel(text: string): text is AuthLevel | '' {
  return text === '' || text === 'anon' || text === 'auth' || text === 'root'
}

/** A root session that acts for somebody else. What is answered goes to the session. */
class OnBehalf implements Subscriber {
  readonly #session: Session
  readonly uid: UserId
  readonly level: AuthLevel

  constructor(session: Session, uid: UserId, level: AuthLevel) {
    this.#session = session
    this.uid = uid
    this.level = level
  }

  get sid(): SessionId {
    return this.#session.sid
  }

  get userAgent(): string {
    return this.#session.userAgent
  }

  get isSlow(): boolean {
    return this.#session.isSlow
  }

  get knowsNotices(): boolean {
    return this.#session.knowsNotices
  }

  deliver(frame: Frame): boolean {
    return this.#session.deliver(frame)
  }

  keep(key: string, frame: () => Frame): void {
    this.#session.keep(key, frame)
  }
}
