import { Feeds } from './feeds.ts'
import { LiveSession, type LiveSessionOptions, type RequestOptions } from './live-session.ts'
import { notSent, type Outcome } from './outcome.ts'
import { secretFields } from './protocol.ts'
import type { Ctrl, Data, Info, Meta, Pres, Secret, ServerObject, Verb } from './protocol.ts'
import type { Answer, AnswerDone } from './requests.ts'
import { Subscription, type SubscribeOptions } from './subscription.ts'
import { realSurroundings, type Surroundings } from './surroundings.ts'

export interface ClientOptions extends LiveSessionOptions {
  readonly surroundings?: Surroundings
  /** What no subscription takes: presence on `me`, messages of topics that were left, and so on. */
  readonly events?: ClientEvents
}

export interface ClientEvents {
  data?(data: Data): void
  pres?(pres: Pres): void
  info?(info: Info): void
  meta?(meta: Meta): void
  /** All `{ctrl}` that answer no request: evictions, shutdown. */
  ctrl?(ctrl: Ctrl): void
  ready?(): void
  lost?(why: string): void
  loggedOut?(why: Outcome): void
}

export interface PublishOptions extends RequestOptions {
  readonly head?: object
  /** The server sends the message to all but this session. The cursor then fetches it from history. */
  readonly noecho?: boolean
  /** Idempotency key: stored once under it, however often sent. `n` counts from 1 for each topic. */
  readonly key?: { readonly producer: string; readonly n: number }
}

export interface NewAccount {
  readonly login: string
  readonly password: string
  readonly public?: unknown
  readonly tags?: readonly string[]
  /** Log in with it at once; true unless told. */
  readonly logIn?: boolean
}

export interface HistoryQuery {
  readonly since?: number
  readonly before?: number
  readonly limit?: number
}

/**
 * A user of a cluster. Give it the addresses of some nodes; it stays connected to one of them, logs
 * in again and re-attaches by itself, and says of every operation whether it happened (Outcome).
 */
export class FlotillaClient {
  readonly #session: LiveSession
  readonly #feeds: Feeds
  readonly #events: ClientEvents
  readonly #collectors = new Set<Collector>()
  #newTopics = 0

  constructor(options: ClientOptions) {
    const surroundings = options.surroundings ?? realSurroundings
    this.#events = options.events ?? {}
    this.#session = new LiveSession(options, surroundings, {
      ready: () => {
        this.#feeds.ready()
        this.#events.ready?.()
      },
      lost: (why) => {
        this.#feeds.lost()
        this.#events.lost?.(why)
      },
      loggedOut: (why) => this.#events.loggedOut?.(why),
      object: (object) => this.#receive(object),
    })
    this.#feeds = new Feeds(this.#session, surroundings)
  }

  /** The user who is logged in, or null. */
  get user(): string | null {
    return this.#session.user
  }

  get isReady(): boolean {
    return this.#session.state === 'ready'
  }

  /** `params` of `{hi}`: the server's version and limits. */
  get serverParams(): Readonly<Record<string, unknown>> {
    return this.#session.serverParams
  }

  /** Requests without an answer. */
  get outstanding(): number {
    return this.#session.outstanding
  }

  /** Resolves when a node has been reached; failed when none was in time (it goes on trying). */
  async connect(timeoutMs?: number): Promise<Outcome> {
    return await this.#session.connect(timeoutMs)
  }

  async createAccount(account: NewAccount): Promise<Outcome> {
    const { login, password, logIn = true } = account
    const basic: Secret = { scheme: 'basic', login, password }
    const body = {
      user: 'new',
      ...secretFields(basic),
      login: logIn,
      ...(account.tags === undefined ? {} : { tags: account.tags }),
      ...(account.public === undefined ? {} : { desc: { public: account.public } }),
    }
    const { outcome } = await this.request('acc', body)
    if (logIn && outcome.code < 300) this.#session.keepLogin(outcome, basic)
    return outcome
  }

  async login(login: string, password: string): Promise<Outcome> {
    return await this.#login({ scheme: 'basic', login, password })
  }

  async loginToken(token: string): Promise<Outcome> {
    return await this.#login({ scheme: 'token', token })
  }

  /**
   * Attaches to a topic (and subscribes to it, when the user was not). `subscription` is null
   * unless the outcome is ok.
   */
  async subscribe(
    topic: string,
    options: SubscribeOptions = {},
  ): Promise<{ readonly outcome: Outcome; readonly subscription: Subscription | null }> {
    if (this.#feeds.get(topic) !== undefined) {
      return { outcome: notSent('this client has subscribed already'), subscription: null }
    }
    const subscription = new Subscription(topic, options)
    const outcome = await new Promise<Outcome>((resolve) => {
      this.#feeds.open(subscription, resolve)
    })
    return { outcome, subscription: outcome.kind === 'ok' ? subscription : null }
  }

  /** Makes a group and attaches to it; its name is `subscription.topic`. */
  async createGroup(
    publicDesc: unknown,
    options: SubscribeOptions = {},
  ): Promise<{ readonly outcome: Outcome; readonly subscription: Subscription | null }> {
    const set = { desc: { public: publicDesc } }
    return await this.subscribe(`new${++this.#newTopics}`, { set, ...options })
  }

  /** Detaches; with `unsub` the user also ends the subscription. */
  async leave(topic: string, unsub = false): Promise<Outcome> {
    this.#feeds.drop(topic)
    const body = unsub ? { topic, unsub } : { topic }
    return (await this.request('leave', body)).outcome
  }

  /** Of an ok outcome `params.seq` is the message's number. */
  async publish(topic: string, content: unknown, options: PublishOptions = {}): Promise<Outcome> {
    return await new Promise((resolve) => {
      this.publishThen(topic, content, options, ({ outcome }) => resolve(outcome))
    })
  }

  /** As `publish`, for callers with very many under way. */
  publishThen(topic: string, content: unknown, options: PublishOptions, done: AnswerDone): void {
    const { head, noecho, key, ...others } = options
    const body = {
      topic,
      ...(noecho === true ? { noecho } : {}),
      ...(head === undefined ? {} : { head }),
      content,
    }
    this.#session.request('pub', body, key === undefined ? others : { ...others, extra: key }, done)
  }

  /** `{get}`: one answer is waited for per word of `query.what`. */
  async get(topic: string, query: { readonly what: string }): Promise<Answer> {
    const answers = query.what.split(' ').filter((word) => word !== '').length
    return await this.request('get', { topic, ...query }, { answers })
  }

  /** A page of history, oldest first: the newest `limit` of since..before-1. */
  async history(
    topic: string,
    query: HistoryQuery,
  ): Promise<{ readonly outcome: Outcome; readonly messages: readonly Data[] }> {
    const collector = new Collector(topic, query)
    this.#collectors.add(collector)
    const { outcome } = await this.request('get', { topic, what: 'data', data: query })
    this.#collectors.delete(collector)
    return { outcome, messages: collector.messages() }
  }

  /** `{set}`: one answer is waited for per part. */
  async set(topic: string, parts: object): Promise<Answer> {
    return await this.request('set', { topic, ...parts }, { answers: Object.keys(parts).length })
  }

  async del(topic: string, what: string, more: object = {}): Promise<Outcome> {
    return (await this.request('del', { topic, what, ...more })).outcome
  }

  /** `{note}`: read and received marks, typing. Not answered; dropped while not connected. */
  note(topic: string, what: string, seq?: number): void {
    this.#session.tell({ note: { topic, what, ...(seq === undefined ? {} : { seq }) } })
  }

  /** Any request. The promise always resolves, by the deadline at the latest. */
  async request(verb: Verb, body: object, options: RequestOptions = {}): Promise<Answer> {
    return await new Promise((resolve) => this.#session.request(verb, body, options, resolve))
  }

  /** Drops the connection, as if it had broken; the next is made at once. */
  reconnect(): void {
    this.#session.reconnect('asked for')
  }

  /** Ends everything; open requests end as unknown, or as failed when they were never sent. */
  close(): void {
    this.#session.close()
  }

  async #login(secret: Secret): Promise<Outcome> {
    const { outcome } = await this.request('login', secretFields(secret))
    if (outcome.code < 300) this.#session.keepLogin(outcome, secret)
    return outcome
  }

  #receive(object: ServerObject): void {
    const { ctrl, data, meta, pres, info } = object
    if (data !== undefined) for (const collector of this.#collectors) collector.take(data)
    this.#feeds.object(object)
    if (ctrl !== undefined && ctrl.id === undefined) this.#events.ctrl?.(ctrl)
    if (data !== undefined && this.#isLoose(data.topic)) this.#events.data?.(data)
    if (meta !== undefined && this.#isLoose(meta.topic)) this.#events.meta?.(meta)
    if (pres !== undefined && this.#isLoose(pres.topic)) this.#events.pres?.(pres)
    if (info !== undefined && this.#isLoose(info.topic)) this.#events.info?.(info)
  }

  #isLoose(topic: string): boolean {
    return this.#feeds.get(topic) === undefined
  }
}

/** Picks a page of history out of the stream; `{data}` does not say which request it answers. */
class Collector {
  readonly #topic: string
  readonly #since: number
  readonly #before: number
  readonly #limit: number
  readonly #found = new Map<number, Data>()

  constructor(topic: string, query: HistoryQuery) {
    this.#topic = topic
    this.#since = query.since ?? 1
    this.#before = query.before ?? Infinity
    this.#limit = query.limit ?? Infinity
  }

  take(data: Data): void {
    const isAsked = data.seq >= this.#since && data.seq < this.#before
    if (data.topic === this.#topic && isAsked) this.#found.set(data.seq, data)
  }

  messages(): readonly Data[] {
    const sorted = [...this.#found.values()].toSorted((a, b) => a.seq - b.seq)
    return this.#limit < sorted.length ? sorted.slice(-this.#limit) : sorted
  }
}
