import { sometimes } from '../assert.ts'
import type { Cancel } from '../ports.ts'
import type { ClientCodec } from '../wire/client-codec.ts'
import { clientProtocol } from '../wire/versions.ts'
import { Connection } from './connection.ts'
import { isFinal, notSent, type Outcome } from './outcome.ts'
import { secretFields } from './protocol.ts'
import type { Ctrl, Secret, ServerObject, Verb } from './protocol.ts'
import { Reconnect } from './reconnect.ts'
import { ClientRequests, type AnswerDone } from './requests.ts'
import type { Surroundings } from './surroundings.ts'

export type SessionState =
  | 'connecting' // requests wait; those whose deadline passes meanwhile were never sent
  | 'ready' // connected, and logged in if ever
  | 'closed'

export interface LiveSessionOptions {
  /** `host:port` or `ws://…` of one or more nodes; any node serves any user. */
  readonly addresses: readonly string[]
  readonly apiKey?: string
  readonly userAgent?: string
  readonly codec?: ClientCodec
  /** Default deadline of a request, ms. */
  readonly requestTimeoutMs?: number
  readonly connectTimeoutMs?: number
  /** A connection on which nothing arrives for this long is given up, ms. */
  readonly silenceMs?: number
  /** Pause between rounds over the addresses, ms. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number }
}

export interface LiveSessionEvents {
  /** Before requests that waited are sent. */
  ready(): void
  /** The connection is gone; a new one is on its way. */
  lost(why: string): void
  /** A kept secret is not accepted any more; the session goes on without a user. */
  loggedOut(why: Outcome): void
  object(object: ServerObject): void
}

export interface RequestOptions {
  readonly timeoutMs?: number
  /** How many answers the request gets; 1 unless told. */
  readonly answers?: number
  /** Put beside the verb, as `extra`. */
  readonly extra?: object
}

/**
 * One session that survives its connections: connects to one of the nodes, says hi, logs in again
 * with the kept token, and only then sends what was asked meanwhile.
 */
export class LiveSession {
  /** The user who is logged in, also while the connection is being made anew. */
  user: string | null = null
  /** `params` of the last answer to `{hi}`: limits of the server. */
  serverParams: Readonly<Record<string, unknown>> = {}
  readonly #options: LiveSessionOptions
  readonly #surroundings: Surroundings
  readonly #events: LiveSessionEvents
  readonly #requests: ClientRequests
  readonly #reconnect: Reconnect
  #state: SessionState = 'connecting'
  /** The server has said that it goes; answers to what was sent are still waited for. */
  #isDraining = false
  #connection: Connection | null = null
  /** Tried in this order. */
  #secrets: readonly Secret[] = []
  #waiting: { readonly id: string; readonly object: object }[] = []
  #cancelRetry: Cancel = () => {}
  #whenReady: ((outcome: Outcome) => void)[] = []

  constructor(options: LiveSessionOptions, surroundings: Surroundings, events: LiveSessionEvents) {
    this.#options = options
    this.#surroundings = surroundings
    this.#events = events
    this.#requests = new ClientRequests(surroundings)
    const backoff = options.backoff ?? { minMs: 100, maxMs: 5_000 }
    this.#reconnect = new Reconnect(options.addresses, backoff, surroundings.random)
  }

  get state(): SessionState {
    return this.#state
  }

  /** Requests without an answer. */
  get outstanding(): number {
    return this.#requests.size
  }

  /** Starts connecting; it then goes on for ever. Resolves when ready, or as failed at the deadline. */
  async connect(timeoutMs = 10_000): Promise<Outcome> {
    if (this.#connection === null && this.#state === 'connecting') this.#attempt()
    if (this.#state === 'ready') return readyOutcome
    return await new Promise((resolve) => {
      const cancel = this.#surroundings.timers.after(timeoutMs, () => {
        resolve(notSent('no node could be reached in time'))
      })
      this.#whenReady.push((outcome) => {
        cancel()
        resolve(outcome)
      })
    })
  }

  /** Sends now, or when ready again. `done` is called exactly once, possibly before this returns. */
  request(verb: Verb, body: object, options: RequestOptions, done: AnswerDone): void {
    const timeoutMs = options.timeoutMs ?? this.#options.requestTimeoutMs ?? 5_000
    const id = this.#requests.open(timeoutMs, options.answers ?? 1, done)
    const { extra } = options
    const object = { [verb]: { id, ...body }, ...(extra === undefined ? {} : { extra }) }
    if (this.#state === 'ready') this.#transmit(id, object)
    else if (this.#state === 'closed') this.#requests.refuse(id, 'closed')
    else if (this.#waiting.length >= maxWaiting) this.#requests.refuse(id, 'too many wait')
    else this.#waiting.push({ id, object })
  }

  /** Sends without an answer; dropped while not connected. */
  tell(object: object): void {
    if (this.#state === 'ready') this.#connection?.send(object)
  }

  /** After `{login}` or `{acc}`: whom to log in as when the connection is made anew. */
  keepLogin(outcome: Outcome, basic: Secret | null): void {
    if (outcome.kind !== 'ok') return
    const { user, token } = outcome.params
    if (typeof user === 'string') this.user = user
    const kept: Secret[] = typeof token === 'string' ? [{ scheme: 'token', token }] : []
    const others = basic === null ? this.#secrets : [basic]
    for (const secret of others) if (secret.scheme === 'basic') kept.push(secret)
    this.#secrets = kept
  }

  /** Drops the connection, as if it had broken. */
  reconnect(why: string): void {
    this.#connection?.close(why)
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#cancelRetry()
    this.#connection?.close('closed here')
    this.#requests.close()
    this.#settleReady(notSent('closed'))
  }

  #attempt(): void {
    const { address, waitMs } = this.#reconnect.next()
    const { apiKey, codec = 'json', connectTimeoutMs = 5_000, silenceMs = 15_000 } = this.#options
    this.#cancelRetry()
    this.#cancelRetry = this.#surroundings.timers.after(waitMs, () => {
      const connection: Connection = new Connection(
        { address, apiKey, codec, connectTimeoutMs, silenceMs },
        this.#surroundings,
        {
          open: () => this.#hi(),
          object: (object) => this.#receive(object),
          closed: (why) => this.#lost(why),
        },
      )
      this.#connection = connection
    })
  }

  #hi(): void {
    const ua = this.#options.userAgent ?? 'flotilla-client/0.1'
    this.#direct('hi', { ver: clientProtocol, ua, lang: 'en-US' }, ({ outcome }) => {
      if (outcome.kind !== 'ok') {
        this.#connection?.close(`hi: ${outcome.text}`)
        return
      }
      this.serverParams = outcome.params
      this.#login(this.#secrets)
    })
  }

  /** Tries the kept secrets in turn. A definite no moves on; anything else means another node. */
  #login(secrets: readonly Secret[]): void {
    const [secret, ...others] = secrets
    if (secret === undefined) {
      this.#becomeReady()
      return
    }
    this.#direct('login', secretFields(secret), ({ outcome }) => {
      if (outcome.kind === 'ok' && outcome.code < 300) {
        sometimes(true, 'client: logged in again after a reconnect')
        this.keepLogin(outcome, null)
        this.#becomeReady()
      } else if (!isFinal(outcome)) {
        this.#connection?.close(`login: ${outcome.text}`)
      } else if (others.length > 0) {
        this.#login(others)
      } else {
        this.user = null
        this.#secrets = []
        this.#events.loggedOut(outcome)
        this.#becomeReady()
      }
    })
  }

  #becomeReady(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'ready'
    this.#reconnect.succeeded()
    this.#events.ready()
    const waiting = this.#waiting
    this.#waiting = []
    for (const { id, object } of waiting) if (this.#requests.isOpen(id)) this.#transmit(id, object)
    this.#settleReady(readyOutcome)
  }

  #direct(verb: Verb, body: object, done: AnswerDone): void {
    const id = this.#requests.open(this.#options.connectTimeoutMs ?? 5_000, 1, done)
    this.#transmit(id, { [verb]: { id, ...body } })
  }

  #transmit(id: string, object: object): void {
    this.#requests.sent(id)
    this.#connection?.send(object)
  }

  #receive(object: ServerObject): void {
    const { ctrl, meta } = object
    if (ctrl !== undefined) {
      this.#requests.ctrl(ctrl)
      if (isShutdown(ctrl)) this.#drain()
    }
    if (meta !== undefined) this.#requests.meta(meta)
    this.#events.object(object)
    if (this.#isDraining && !this.#requests.isAwaiting) this.#connection?.close('server shutdown')
  }

  /** The node is going: what is asked from now on waits for the next; answers may still come. */
  #drain(): void {
    if (this.#state !== 'ready') return
    this.#state = 'connecting'
    this.#isDraining = true
    const connection = this.#connection
    const close = () => connection?.close('server shutdown')
    this.#cancelRetry = this.#surroundings.timers.after(drainMs, close)
  }

  #lost(why: string): void {
    this.#connection = null
    this.#isDraining = false
    if (this.#state === 'closed') return
    this.#state = 'connecting'
    this.#requests.connectionLost()
    this.#events.lost(why)
    this.#attempt()
  }

  #settleReady(outcome: Outcome): void {
    const waiting = this.#whenReady
    this.#whenReady = []
    for (const settle of waiting) settle(outcome)
  }
}

function isShutdown(ctrl: Ctrl): boolean {
  return ctrl.code === 205 && ctrl.topic === undefined && ctrl.id === undefined
}

const readyOutcome: Outcome = {
  kind: 'ok',
  code: 201,
  text: 'created',
  topic: undefined,
  params: {},
}

/** Requests that wait for a connection. Above: a further one fails at once, never sent. */
const maxWaiting = 4_096

/** A node that said it shuts down is left by then, ms. */
const drainMs = 1_000
