import type { SessionId } from '../chat/command.ts'
import type { UserId } from '../ids/user-id.ts'
import { assert } from '../assert.ts'
import type { Session } from './session.ts'
import type { SessionMetrics } from './session-metrics.ts'
import { TokenBucket } from './token-bucket.ts'

interface UserEntry {
  readonly sessions: Session[]
  readonly bucket: TokenBucket
}

/** The sessions of a node, by their id and by user. Its bound is that of connections. */
export class SessionTable {
  readonly #bySid = new Map<SessionId, Session>()
  readonly #byUser = new Map<UserId, UserEntry>()
  readonly #requestsPerUser: number
  readonly #metrics: SessionMetrics

  constructor(requestsPerUser: number, metrics: SessionMetrics) {
    this.#requestsPerUser = requestsPerUser
    this.#metrics = metrics
  }

  get size(): number {
    return this.#bySid.size
  }

  get users(): number {
    return this.#byUser.size
  }

  get(sid: SessionId): Session | undefined {
    return this.#bySid.get(sid)
  }

  /** The sessions of a user, as of now. */
  of(uid: UserId): readonly Session[] {
    return [...(this.#byUser.get(uid)?.sessions ?? [])]
  }

  all(): Session[] {
    return [...this.#bySid.values()]
  }

  add(session: Session): void {
    assert(!this.#bySid.has(session.sid), 'SESSION-2', { sid: session.sid })
    this.#bySid.set(session.sid, session)
    this.#metrics.opened.add()
    this.#metrics.sessions.set(this.#bySid.size)
  }

  /** The session has logged in. Once per session. `now`: monotonic ms. */
  identify(session: Session, now: number): void {
    const known = this.#byUser.get(session.uid)
    if (known !== undefined) known.sessions.push(session)
    else {
      const bucket = new TokenBucket(this.#requestsPerUser, now)
      this.#byUser.set(session.uid, { sessions: [session], bucket })
    }
    this.#metrics.users.set(this.#byUser.size)
  }

  /** May this user make another request? */
  admits(uid: UserId, now: number): boolean {
    if (this.#requestsPerUser === 0) return true
    return this.#byUser.get(uid)?.bucket.take(this.#requestsPerUser, now) ?? true
  }

  remove(session: Session): void {
    if (!this.#bySid.delete(session.sid)) return
    this.#metrics.sessions.set(this.#bySid.size)
    const entry = this.#byUser.get(session.uid)
    const at = entry?.sessions.indexOf(session) ?? -1
    if (entry === undefined || at < 0) return
    entry.sessions.splice(at, 1)
    if (entry.sessions.length === 0) this.#byUser.delete(session.uid)
    this.#metrics.users.set(this.#byUser.size)
  }
}
