import { Connection } from './connection.ts'
import type { CallOptions, CallResult, ClientAddress, ConnectionEvents } from './connection.ts'
import { readBody } from './message-body.ts'
import type { Ctrl, DataFrame, Meta } from './server-message.ts'

export interface Account {
  readonly login: string
  readonly password: string
}

/** A producer outlives connections and numbers its messages per topic from 1. */
export interface IdempotencyKey {
  readonly producer: string
  readonly n: number
}

export interface StoredMessage {
  readonly seq: number
  readonly id: string
  readonly damaged: boolean
}

export interface HistoryResult extends CallResult {
  /** Ascending by seq. */
  readonly messages: readonly StoredMessage[]
}

/** Largest page that servers give (tinode-wire 5.6). */
const pageSize = 100

/**
 * A client of the chat protocol for the harness: one connection, one user. Every call has a
 * deadline and tells its outcome; nothing is retried and nothing is thrown.
 */
export class ChatClient {
  readonly #connection: Connection
  readonly #deadlineMs: number
  readonly #collecting = new Map<string, DataFrame[]>()
  readonly #listeners = new Map<string, (frame: DataFrame) => void>()
  user: string | undefined

  private constructor(connection: Connection, deadlineMs: number) {
    this.#connection = connection
    this.#deadlineMs = deadlineMs
  }

  /** Connects and says hi. Undefined when the node did not let us in before the deadline. */
  static async open(
    address: ClientAddress,
    deadlineMs: number,
    onClose?: (why: string) => void,
  ): Promise<ChatClient | undefined> {
    const events: ConnectionEvents = onClose ? { onClose } : {}
    const connection = await Connection.open(address, deadlineMs, events)
    if (!connection) return undefined
    const client = new ChatClient(connection, deadlineMs)
    events.onData = (frame) => client.#take(frame)
    const hi = await client.#call('hi', { ver: '0.25', ua: 'jepsen-lite', lang: 'en' })
    if (hi.outcome === 'ok') return client
    connection.close()
    return undefined
  }

  get isOpen(): boolean {
    return this.#connection.isOpen
  }

  get node(): string {
    return this.#connection.node
  }

  get protocolErrors(): number {
    return this.#connection.protocolErrors
  }

  /** Creates an account and logs in with it. */
  async createAccount({ login, password }: Account): Promise<CallResult> {
    const secret = base64(`${login}:${password}`)
    const desc = { public: { fn: login } }
    return this.#loggedIn(
      await this.#call('acc', { user: 'new', scheme: 'basic', secret, login: true, desc }),
    )
  }

  /** With the token of an earlier login: no password has to be hashed, and any node will do. */
  async resume(token: string): Promise<CallResult> {
    return this.#loggedIn(await this.#call('login', { scheme: 'token', secret: token }))
  }

  async login({ login, password }: Account): Promise<CallResult> {
    const secret = base64(`${login}:${password}`)
    return this.#loggedIn(await this.#call('login', { scheme: 'basic', secret }))
  }

  /** A new group; its name is in `topic` of the result. Anybody may join, read and write. */
  createGroup(name: string): Promise<CallResult> {
    const desc = { public: { fn: name }, defacs: { auth: 'JRWPS', anon: 'N' } }
    return this.#call('sub', { topic: `new${name}`, set: { desc } })
  }

  subscribe(topic: string): Promise<CallResult> {
    return this.#call('sub', { topic })
  }

  leave(topic: string): Promise<CallResult> {
    return this.#call('leave', { topic })
  }

  /** Live messages of `topic`, as they come; those that answer `history` are not among them. */
  listen(topic: string, listener: (frame: DataFrame) => void): void {
    this.#listeners.set(topic, listener)
  }

  /** `params.seq` of an ok result is the message's place. Under a key a retry is no second message. */
  publish(topic: string, content: unknown, key?: IdempotencyKey): Promise<CallResult> {
    const options = { deadlineMs: this.#deadlineMs, ...(key && { extra: { ...key } }) }
    return this.#connection.call('pub', { topic, noecho: true, content }, options)
  }

  /** The newest page of messages with since ≤ seq < before. The session must be attached. */
  async page(topic: string, since: number, before?: number): Promise<HistoryResult> {
    if (this.#collecting.has(topic)) throw new Error(`two pages of ${topic} at a time`)
    const frames: DataFrame[] = []
    this.#collecting.set(topic, frames)
    const data = { since, limit: pageSize, ...(before !== undefined && { before }) }
    const result = await this.#call('get', { topic, what: 'data', data }, endsWithCtrl)
    this.#collecting.delete(topic)
    const { page, live } = parted(frames, since, before ?? Infinity)
    for (const frame of live) this.#listeners.get(topic)?.(frame)
    return { ...result, messages: page.map(stored) }
  }

  /** All messages from `since` on, page by page, ascending. Not ok as soon as one page is not. */
  async history(topic: string, since = 1): Promise<HistoryResult> {
    let messages: StoredMessage[] = []
    for (;;) {
      const before = messages[0]?.seq
      const result = await this.page(topic, since, before)
      if (result.outcome !== 'ok') return { ...result, messages: [] }
      messages = [...result.messages, ...messages]
      const first = result.messages[0]
      if (!first || first.seq <= since) return { ...result, messages }
    }
  }

  /** The description of a topic: `seq`, `public`, `private` and more. */
  async description(
    topic: string,
  ): Promise<CallResult & { readonly desc: Readonly<Record<string, unknown>> }> {
    const result = await this.#call('get', { topic, what: 'desc' })
    return { ...result, desc: result.metas.find((meta) => meta.desc)?.desc ?? {} }
  }

  /** Writes parts of a description; {public: ...} or {private: ...}. */
  describe(topic: string, desc: Readonly<Record<string, unknown>>): Promise<CallResult> {
    return this.#call('set', { topic, desc })
  }

  deleteMessages(topic: string, low: number, hi?: number): Promise<CallResult> {
    const delseq = [{ low, ...(hi !== undefined && { hi }) }]
    return this.#call('del', { topic, what: 'msg', delseq, hard: true })
  }

  deleteTopic(topic: string): Promise<CallResult> {
    return this.#call('del', { topic, what: 'topic', hard: true })
  }

  deleteAccount(): Promise<CallResult> {
    return this.#call('del', { what: 'user', hard: true })
  }

  close(): void {
    this.#connection.close()
  }

  #call(verb: string, body: object, complete?: CallOptions['complete']): Promise<CallResult> {
    const options = { deadlineMs: this.#deadlineMs, ...(complete && { complete }) }
    return this.#connection.call(verb, body, options)
  }

  #loggedIn(result: CallResult): CallResult {
    const { user } = result.params
    if (result.outcome === 'ok' && result.code === 300)
      return { ...result, outcome: 'fail', error: '300 validate credentials' }
    if (typeof user === 'string') this.user = user
    return result
  }

  #take(frame: DataFrame): void {
    const collecting = this.#collecting.get(frame.topic)
    if (collecting) collecting.push(frame)
    else this.#listeners.get(frame.topic)?.(frame)
  }
}

/** The messages that were asked for come before the ctrl that ends the page. */
const endsWithCtrl = (latest: Ctrl | Meta): boolean => 'code' in latest

/**
 * Frames carry no request id, so while a page is awaited its messages and live ones look alike.
 * What was asked for belongs to the page, once; the rest is live.
 */
function parted(
  frames: readonly DataFrame[],
  since: number,
  before: number,
): { page: DataFrame[]; live: DataFrame[] } {
  const page = new Map<number, DataFrame>()
  const live: DataFrame[] = []
  for (const frame of frames) {
    if (frame.seq < since || frame.seq >= before) live.push(frame)
    else page.set(frame.seq, frame)
  }
  return { page: [...page.values()].sort((a, b) => a.seq - b.seq), live }
}

export function stored(frame: DataFrame): StoredMessage {
  return { seq: frame.seq, ...readBody(frame) }
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}
