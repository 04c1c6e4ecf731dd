import { assert, BrokenInvariant, sometimes } from '../assert.ts'
import type { AuthLevel, Json, SessionId } from '../chat/command.ts'
import type { UserId } from '../ids/user-id.ts'
import { limits } from '../limits.ts'
import type { Frame } from '../topic/frame.ts'
import { ctrlFrame } from '../topic/render.ts'
import type { Subscriber, TopicRequest } from '../topic/topics.ts'
import { frameText } from '../wire/client-frames.ts'
import { dispatch } from './dispatch.ts'
import { msgpackSubprotocol } from '../wire/versions.ts'
import type { Beating, Pulse } from './heartbeat.ts'
import { passing } from '../topic/news-key.ts'
import { KeptNews } from './kept-news.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { SessionHost } from './session-host.ts'
import type { ClientSocket, SocketListener } from './websocket.ts'

/** NEW, HELLO and AUTH of tinode-wire.md 1.5. */
export type SessionState = 'new' | 'hello' | 'auth'

/** Why a connection is closed from our side, as the client sees it. `ws` adds 1002, 1007, 1008 and 1009 by itself. */
export const goodbyes = {
  evicted: { code: 1000, reason: 'account closed' },
  idle: { code: 1001, reason: 'idle' },
  hiDeadline: { code: 1008, reason: 'no hi in time' },
  loginDeadline: { code: 1008, reason: 'no login in time' },
  hostile: { code: 1008, reason: 'too many malformed messages' },
  restart: { code: 1012, reason: 'server shutdown' },
  slow: { code: 1013, reason: 'slow reader' },
} as const satisfies Record<string, { code: number; reason: string }>

/** A session that is sent away waits so long for what it has asked, ms. Above: closed without the answers. */
const farewellMs = 500
/** Messages of one session that could not be understood. Above: the connection is closed. */
const maxFaults = 64
/** A client whose machine takes nothing of what waits for this long is given up, ms; looked at once a minute. */
const takesNothingMs = 120_000
/** Reading goes on when no more than this many requests are open and waiting. */
const resumeBelow = limits.maxOutstandingPerSession / 2

interface Waiting {
  readonly payload: Buffer
  readonly isBinary: boolean
}

/**
 * One client connection: who it is, how far it has got, and the order of its requests. Messages are
 * taken in the order of arrival. `sub`, `leave`, `login` and `acc` are barriers: what comes behind
 * one waits until it is done. Everything else goes on at once, up to a bound of open requests; above
 * it, messages wait and the socket is not read.
 */
export class Session implements Subscriber, SocketListener, Beating {
  readonly sid: SessionId
  readonly host: SessionHost
  /** Where the client connects from, for limits on guessing. */
  readonly address: string
  readonly speaksMsgpack: boolean
  /** Empty before the login. */
  uid = '' as UserId
  level: AuthLevel = 'anon'
  userAgent = ''
  state: SessionState = 'new'
  /** major × 1000 + minor of the client's protocol; 0 before `{hi}`. */
  version = 0
  lang = ''
  device = ''
  /** The login name, when known: needed to change the password. */
  login = ''
  /** It has said that it knows our notices. */
  knowsNotices = false
  /** Not null: what it is to be told when it reads again. */
  #news: KeptNews | null = null
  /** What the socket had taken when it was last looked at, and since when it is no more. */
  #taken = { progress: 0, since: 0 }
  readonly #socket: ClientSocket
  readonly #pulse: Pulse
  #outstanding = 0
  #waiting: Waiting[] | null = null
  #isBarred = false
  /** It is sent away as soon as it has its answers. */
  #isLeaving = false
  #isPumping = false
  #isPaused = false
  #hasEnded = false
  #faults = 0

  constructor(host: SessionHost, socket: ClientSocket, sid: SessionId, address: string) {
    this.host = host
    this.sid = sid
    this.address = address
    this.speaksMsgpack = socket.protocol === msgpackSubprotocol
    this.#socket = socket
    this.#pulse = host.heartbeat.begin(this)
    host.table.add(this)
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  // --- what goes out ---

  deliver(frame: Frame): boolean {
    return this.#push(this.speaksMsgpack ? frame.binary : frame.text)
  }

  get isSlow(): boolean {
    return this.#socket.isSlow
  }

  keep(key: string, frame: () => Frame): void {
    const { metrics } = this.host
    if (this.#hasEnded) return
    if (key === passing) return metrics.passedBy.add()
    this.#news ??= new KeptNews()
    if (this.#news.keep(key, frame())) return metrics.keptNews.add()
    this.#tooSlow()
  }

  /** The client reads again: what was kept is told, and then its topics go on. */
  eased(): void {
    while (this.#news !== null && !this.isSlow && !this.#hasEnded) {
      const frame = this.#news.take()
      if (frame === undefined) this.#news = null
      else this.deliver(frame)
    }
    if (!this.isSlow && !this.#hasEnded) this.host.topics.eased(this.sid)
  }

  #push(bytes: Buffer): boolean {
    if (this.#hasEnded || !this.#socket.isOpen) return false
    if (this.#socket.push(bytes)) return true
    this.#tooSlow()
    return false
  }

  #tooSlow(): void {
    this.host.metrics.overflows.add()
    sometimes(true, 'session: a slow reader was closed')
    this.#end(goodbyes.slow, false)
  }

  /** `topic` as the client named it; undefined when the answer is about none. */
  refuse(id: string | undefined, topic: string | undefined, why: Refusal): void {
    this.reply(id, topic, why.code, why.text, why.params)
  }

  reply(
    id: string | undefined,
    topic: string | undefined,
    code: number,
    text: string,
    params?: { readonly [key: string]: Json },
  ): void {
    this.deliver(ctrlFrame({ id, topic }, code, this.host.clock.now(), params, text))
  }

  /** Something that cannot be understood; a client that sends much of it is shown the door. */
  fault(): void {
    if (++this.#faults > maxFaults) this.#end(goodbyes.hostile, true)
  }

  // --- how far it has got ---

  greeted(version: number): void {
    this.version = version
    this.state = 'hello'
    this.host.heartbeat.expect(this.#pulse, this.host.options.loginMs)
  }

  identified(uid: UserId, level: AuthLevel, login: string): void {
    assert(this.state === 'hello', 'SESSION-3', { state: this.state, sid: this.sid })
    this.uid = uid
    this.level = level
    this.login = login
    this.state = 'auth'
    if (this.#hasEnded) return
    this.host.heartbeat.expect(this.#pulse, Infinity)
    this.host.table.identify(this, this.host.heartbeat.now)
  }

  // --- requests and their order ---

  request(from: Subscriber, request: TopicRequest, isBarrier: boolean): void {
    this.host.topics.request(from, request, this.begin(isBarrier))
  }

  /** A request begins. The answer is to be called when it is done; more often does no harm. */
  begin(isBarrier: boolean): () => void {
    const began = this.host.clock.monotonic()
    let isOpen = true
    this.#outstanding++
    if (isBarrier) this.#isBarred = true
    return () => {
      if (!isOpen) return
      isOpen = false
      this.#outstanding--
      if (isBarrier) this.#isBarred = false
      this.host.metrics.latency.observe((this.host.clock.monotonic() - began) / 1_000)
      if (this.#isLeaving && this.#outstanding === 0) this.sendAwayNow()
      else this.#pump()
    }
  }

  heardMessage(payload: Buffer, isBinary: boolean): void {
    if (this.#hasEnded) return
    const { metrics, heartbeat } = this.host
    heartbeat.heard(this.#pulse)
    metrics.framesIn.add()
    metrics.bytesIn.add(payload.length)
    if (payload.length === 1 && payload[0] === probe && !(isBinary && this.speaksMsgpack)) {
      this.#push(probeAnswer)
    } else if (this.#mustWait || this.#waiting !== null) {
      this.#wait(payload, isBinary)
    } else {
      this.#run(payload, isBinary)
    }
  }

  /** A verb that throws is a bug. It costs the client this one request and nobody else anything (P10). */
  #run(payload: Buffer, isBinary: boolean): void {
    try {
      dispatch(this, payload, isBinary)
    } catch (error) {
      if (error instanceof BrokenInvariant) throw error
      this.host.logger.error({ error: String(error), sid: this.sid }, 'a verb failed')
      this.refuse(undefined, undefined, refusals.internal)
      this.fault()
    }
  }

  get #mustWait(): boolean {
    return this.#isBarred || this.#isLeaving || this.#outstanding >= limits.maxOutstandingPerSession
  }

  #wait(payload: Buffer, isBinary: boolean): void {
    this.#waiting ??= []
    this.#waiting.push({ payload, isBinary })
    const open = this.#outstanding + this.#waiting.length
    if (this.#isPaused || open < limits.maxOutstandingPerSession) return
    // What the socket has read already still comes: at most one read of 64 KiB.
    this.#isPaused = true
    this.host.metrics.paused.add()
    this.#socket.pause()
  }

  /** Takes what waits as far as it may go on, and reads the socket again when there is room. */
  #pump(): void {
    if (this.#isPumping || this.#hasEnded) return
    if (this.#waiting !== null) this.#takeWaiting(this.#waiting)
    if (!this.#isPaused || this.#hasEnded) return
    if (this.#outstanding + (this.#waiting?.length ?? 0) > resumeBelow) return
    this.#isPaused = false
    this.#socket.resume()
  }

  #takeWaiting(waiting: readonly Waiting[]): void {
    this.#isPumping = true
    let at = 0
    for (; at < waiting.length && !this.#mustWait && !this.#hasEnded; at++) {
      const { payload, isBinary } = waiting[at] as Waiting
      this.#run(payload, isBinary)
    }
    this.#isPumping = false
    if (!this.#hasEnded) this.#waiting = at < waiting.length ? waiting.slice(at) : null
  }

  // --- life and death ---

  heardPing(): void {
    this.host.heartbeat.heard(this.#pulse)
  }

  heardPong(): void {
    this.host.heartbeat.pong(this.#pulse)
  }

  ping(): void {
    if (this.#takesNothing()) this.#tooSlow()
    else this.#socket.beat()
  }

  silent(): boolean {
    // A ping that waits behind what it has not read yet cannot be answered.
    if (this.#socket.waiting > 0 && !this.#takesNothing()) return false
    this.host.metrics.idleTimeouts.add()
    this.#end(goodbyes.idle, true)
    return true
  }

  /** Its machine has taken nothing of what waits, for too long. Looked at when it pings or is silent. */
  #takesNothing(): boolean {
    const { waiting, progress } = this.#socket
    const { now } = this.host.heartbeat
    if (waiting === 0 || progress !== this.#taken.progress) this.#taken = { progress, since: now }
    return now - this.#taken.since >= takesNothingMs
  }

  late(): void {
    this.host.metrics.handshakeTimeouts.add()
    this.#end(this.state === 'new' ? goodbyes.hiDeadline : goodbyes.loginDeadline, true)
  }

  /** The account is gone: told, and closed. */
  evict(): void {
    this.reply(undefined, undefined, 205, 'evicted')
    this.#end(goodbyes.evicted, true)
  }

  /**
   * The node goes down: what was asked before is answered, within `farewellMs`, and nothing more is
   * taken; then it is told, and closed. The client comes back elsewhere.
   */
  sendAway(): void {
    if (this.#outstanding === 0) return this.sendAwayNow()
    if (this.#isLeaving || this.#hasEnded) return
    this.#isLeaving = true
    this.host.timers.after(farewellMs, () => this.sendAwayNow())
  }

  sendAwayNow(): void {
    if (this.#hasEnded) return
    this.reply(undefined, undefined, 205, 'server shutdown')
    this.#end(goodbyes.restart, true)
  }

  closed(_code: number): void {
    this.#forget()
  }

  #end(why: { code: number; reason: string }, flushing: boolean): void {
    if (this.#hasEnded) return
    this.#forget()
    // A socket that is not read would not see the client's half of the closing handshake.
    if (this.#isPaused) this.#socket.resume()
    this.#socket.bye(why.code, why.reason, flushing)
  }

  /** Once per session, whoever ends it. */
  #forget(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#waiting = null
    this.#news = null
    this.host.heartbeat.end(this.#pulse)
    this.host.table.remove(this)
    this.host.topics.forget(this.sid)
  }
}

/** The one-byte text `1`, answered by `0`: a client asks whether the connection lives. */
const probe = 0x31
const probeAnswer = frameText('0')
