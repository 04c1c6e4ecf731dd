import { Connection } from './connection.ts'
import type { CallOptions, CallResult, ClientAddress, ConnectionEvents } from './connection.ts'
import type { Outcome } from '../operations.ts'
import { readBody } from './message-body.ts'
import { parted } from './page.ts'
import type { PageRequest } from './page.ts'
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

/** Stands for "no value": an empty list would not be sent. */
const clearMark = '\u2421'
/** Behind every message of any topic. */
export const endOfTopic = Number.MAX_SAFE_INTEGER
/** Largest page that servers give (tinode-wire 5.6). */
export const pageSize = 100

/**
 * A client of the chat protocol for the harness: one connection, one user. Every call has a
 * deadline and tells its outcome; nothing is retried and nothing is thrown.
 */
export class ChatClient {
  readonly #connection: Connection
  readonly #deadlineMs: number
  readonly #collecting = new Map<string, DataFrame[]>()
  readonly #listeners = new Map<string, (frame: DataFrame) => void>()
  /** By topic, the last live message; at first the topic's last message when we were let in, if told. */
  readonly #places = new Map<string, number>()
  user: string | undefined
  /** Told when the server takes us out of a topic. */
  onEvicted: ((topic: string) => void) | undefined

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
    events.onNotice = ({ code, topic }) => {
      if (code === 205 && topic !== undefined) client.onEvicted?.(topic)
    }
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

  /** Creates an account for somebody else, and stays who we are. */
  createOther({ login, password }: Account): Promise<CallResult> {
    const secret = base64(`${login}:${password}`)
    return this.#call('acc', {
      user: 'new',
      scheme: 'basic',
      secret,
      desc: { public: { fn: login } },
    })
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
    this.#places.delete(topic)
    return this.#call('sub', { topic })
  }

  /**
   * With everything behind `cursor` in one stream with the live messages. From `endOfTopic` that is
   * an attach like any other, which tells as well where the stream begins: so pages that are asked
   * for later can be told from it. Needs that nothing of ours is published there without an echo.
   */
  async subscribeFrom(topic: string, cursor: number): Promise<CallResult> {
    this.#places.delete(topic)
    const options = { deadlineMs: this.#deadlineMs, extra: { cursor } }
    const result = await this.#connection.call('sub', { topic }, options)
    const { seq } = result.params
    // Messages may have come behind the answer before we get to see it.
    if (typeof seq === 'number' && !this.#places.has(topic))
      this.#places.set(topic, Math.min(seq, cursor))
    return result
  }

  leave(topic: string): Promise<CallResult> {
    return this.#call('leave', { topic })
  }

  /** Live messages of `topic`, as they come; those that answer `history` are not among them. */
  listen(topic: string, listener: (frame: DataFrame) => void): void {
    this.#listeners.set(topic, listener)
  }

  /**
   * `params.seq` of an ok result is the message's place. Under a key a retry is no second message.
   * With `echo` the message also comes to ourselves, like everybody else's.
   */
  publish(
    topic: string,
    content: unknown,
    { key, echo = false }: { key?: IdempotencyKey | undefined; echo?: boolean } = {},
  ): Promise<CallResult> {
    const options = { deadlineMs: this.#deadlineMs, ...(key && { extra: { ...key } }) }
    return this.#connection.call('pub', { topic, noecho: !echo, content }, options)
  }

  /** The newest page of the messages asked for. The session must be attached. */
  page(topic: string, request: PageRequest): Promise<HistoryResult> {
    return this.#page(topic, 'data', request)
  }

  /** A page together with the description, whose `seq` is that of the topic's last message. */
  async look(topic: string, request: PageRequest): Promise<HistoryResult & { last: number }> {
    const result = await this.#page(topic, 'desc data', request)
    const { seq } = descriptionOf(result)
    return { ...result, last: typeof seq === 'number' ? seq : 0 }
  }

  /** All messages with since ≤ seq < before, page by page, ascending. Not ok as soon as one page is not. */
  async history(
    topic: string,
    { since = 1, before = Infinity }: { since?: number; before?: number } = {},
  ): Promise<HistoryResult> {
    let messages: StoredMessage[] = []
    for (;;) {
      const end = messages[0]?.seq ?? before
      const request = { since, limit: pageSize, ...(end !== Infinity && { before: end }) }
      const result = await this.page(topic, request)
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
    return { ...result, desc: descriptionOf(result) }
  }

  /** Writes parts of a description; {public: ...} or {private: ...}. */
  describe(topic: string, desc: Readonly<Record<string, unknown>>): Promise<CallResult> {
    return this.#call('set', { topic, desc })
  }

  /** Replaces the tags of a group of ours, or of `me`. */
  setTags(topic: string, tags: readonly string[]): Promise<CallResult> {
    return this.#call('set', { topic, tags: tags.length > 0 ? tags : [clearMark] })
  }

  /** Who holds a unique tag: a topic or a user; null: nobody. Needs an attached `fnd`. */
  async findHolder(tag: string): Promise<CallResult & { readonly holder: string | null }> {
    const asked = await this.#call('set', { topic: 'fnd', desc: { public: tag } })
    // A question that was not put is no read: nothing happened.
    if (asked.outcome !== 'ok') return { ...asked, holder: null }
    const found = await this.#call('get', { topic: 'fnd', what: 'tags' })
    return { ...found, holder: found.metas.flatMap((meta) => meta.tags ?? [])[0] ?? null }
  }

  /** Gives a member these rights; N: none, which also bans him. Needs to be an admin, attached. */
  grant(topic: string, user: string, mode: string): Promise<CallResult> {
    return this.#call('set', { topic, sub: { user, mode } })
  }

  /** Takes a member out; he may come back by himself. */
  expel(topic: string, user: string): Promise<CallResult> {
    return this.#call('del', { topic, what: 'sub', user })
  }

  /** Ends the membership, not only the attachment. */
  unsubscribe(topic: string): Promise<CallResult> {
    return this.#call('leave', { topic, unsub: true })
  }

  /** Moves our own mark. Nothing answers: whether it took effect, only a later read tells. */
  note(topic: string, what: 'read' | 'recv', seq: number): Outcome {
    return this.#connection.tell('note', { topic, what, seq }) ? 'info' : 'fail'
  }

  /** Our own row of the list of topics. */
  async ownRow(
    topic: string,
  ): Promise<CallResult & { readonly row: Readonly<Record<string, unknown>> }> {
    const result = await this.#call('get', { topic: 'me', what: 'sub', sub: { topic } })
    const rows = result.metas.flatMap((meta) => meta.sub ?? [])
    return { ...result, row: rows.find((row) => row['topic'] === topic) ?? {} }
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

  async #page(topic: string, what: string, request: PageRequest): Promise<HistoryResult> {
    if (this.#collecting.has(topic)) throw new Error(`two pages of ${topic} at a time`)
    const frames: DataFrame[] = []
    this.#collecting.set(topic, frames)
    const result = await this.#call('get', { topic, what, data: request }, endsWithCtrl)
    this.#collecting.delete(topic)
    const count = typeof result.params['count'] === 'number' ? result.params['count'] : 0
    const { page, live } = parted(frames, request, { count, place: this.#places.get(topic) })
    for (const frame of live) this.#hear(frame)
    return { ...result, messages: page.map(stored) }
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
    else this.#hear(frame)
  }

  #hear(frame: DataFrame): void {
    this.#places.set(frame.topic, frame.seq)
    this.#listeners.get(frame.topic)?.(frame)
  }
}

/** The messages that were asked for come before the ctrl that ends the page. */
const endsWithCtrl = (latest: Ctrl | Meta): boolean => 'code' in latest

function descriptionOf({ metas }: CallResult): Readonly<Record<string, unknown>> {
  return metas.find((meta) => meta.desc)?.desc ?? {}
}

export function stored(frame: DataFrame): StoredMessage {
  return { seq: frame.seq, ...readBody(frame) }
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}
