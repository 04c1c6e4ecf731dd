import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import type { ClientAddress } from '../../jepsen-lite/client/connection.ts'

type Body = Readonly<Record<string, any>>

/**
 * A toy of a chat server, one node and no disk, that speaks enough of the protocol for the
 * harness's client. `refuse` and `mute` make it misbehave.
 */
export class ToyServer {
  readonly #server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  readonly #topics = new Map<string, { content: unknown; from: string }[]>()
  /** By topic; that of `me` by its user. */
  readonly #desc = new Map<string, { private?: object }>()
  /** By user and topic. */
  readonly #marks = new Map<string, { read: number; recv: number }>()
  readonly #users = new Map<WebSocket, string>()
  readonly #attached = new Map<string, Set<WebSocket>>()
  readonly #logins = new Set<string>()
  /** Code to answer a verb with, instead of doing it. */
  readonly refuse = new Map<string, number>()
  /** Verbs that are done but not answered. */
  readonly mute = new Set<string>()
  /** Acknowledges every so many messages without keeping them. 0: never. */
  forgets = 0
  /** Text of a message that is longer loses its end. */
  longest = Infinity
  #published = 0
  #made = 0
  /** Called before a page of history is sent. */
  beforePage: (() => void) | undefined
  /** Called once, behind the first message of a page. */
  amidPage: (() => void) | undefined
  /** Nothing is sent live but by `send`. */
  isLate = false

  static async start(): Promise<ToyServer> {
    const toy = new ToyServer()
    toy.#server.on('connection', (socket) => toy.#serve(socket))
    await once(toy.#server, 'listening')
    return toy
  }

  get address(): ClientAddress {
    const { port } = this.#server.address() as AddressInfo
    return { node: 'toy', host: '127.0.0.1', port, apiKey: 'key' }
  }

  dropAll(): void {
    for (const socket of this.#server.clients) socket.terminate()
  }

  stop(): void {
    this.dropAll()
    this.#server.close()
  }

  store(topic: string, content: unknown, except?: WebSocket): number {
    const log = this.#topics.get(topic) ?? []
    this.#topics.set(topic, log)
    const kept = this.#cut(content)
    const seq = log.push({ content: kept, from: 'usrX' })
    for (const socket of this.#attached.get(topic) ?? [])
      if (socket !== except && !this.isLate)
        this.#send(socket, 'data', { topic, from: 'usrX', seq, content: kept })
    return seq
  }

  #cut(content: unknown): unknown {
    const pad = (content as { pad?: unknown } | null)?.pad
    if (typeof pad !== 'string' || pad.length <= this.longest) return content
    return { ...(content as object), pad: pad.slice(0, this.longest) }
  }

  /** A live message out of nowhere. */
  send(topic: string, seq: number): void {
    for (const socket of this.#attached.get(topic) ?? [])
      this.#send(socket, 'data', { topic, from: 'usrX', seq, content: { id: `w.${seq}` } })
  }

  #send(socket: WebSocket, part: string, body: object): void {
    socket.send(JSON.stringify({ [part]: body }))
  }

  #serve(socket: WebSocket): void {
    socket.on('message', (bytes: Buffer) => {
      const { extra, ...message } = JSON.parse(bytes.toString()) as Body
      const [[verb, body]] = Object.entries(message) as [[string, Body]]
      const reply = (code: number, more: object = {}): void => {
        if (!this.mute.has(verb))
          this.#send(socket, 'ctrl', {
            id: body['id'],
            topic: body['topic'],
            code,
            text: `text ${code}`,
            ...more,
          })
      }
      const refusal = this.refuse.get(verb)
      if (refusal !== undefined) reply(refusal)
      else this.#do(socket, verb, { ...body, cursor: extra?.['cursor'] }, reply)
    })
  }

  #do(
    socket: WebSocket,
    verb: string,
    body: Body,
    reply: (code: number, more?: object) => void,
  ): void {
    const topic = String(body['topic'])
    switch (verb) {
      case 'hi':
        return reply(201, { params: { ver: '0.25' } })
      case 'acc':
        if (body['login'] !== true) return reply(201, { params: { user: `usr${++this.#made}` } })
        this.#logins.add(body['secret'])
        return reply(200, { params: { user: `usr${++this.#made}`, token: body['secret'] } })
      case 'login':
        if (!this.#logins.has(body['secret'])) return reply(401)
        this.#users.set(socket, body['secret'])
        return reply(200, { params: { user: 'usrOld' } })
      case 'sub': {
        const isNew = topic.startsWith('new')
        const name = isNew
          ? `grp${topic.slice(3)}${this.#topics.has(`grp${topic.slice(3)}`) ? ++this.#made : ''}`
          : topic
        if (isNew) this.#topics.set(name, [])
        this.#attached.set(name, (this.#attached.get(name) ?? new Set()).add(socket))
        if (body['cursor'] === undefined) return reply(200, { topic: name })
        return this.#stream(socket, name, body['cursor'], reply)
      }
      case 'pub':
        if (this.forgets > 0 && ++this.#published % this.forgets === 0)
          return reply(202, { params: { seq: (this.#topics.get(topic)?.length ?? 0) + 1 } })
        return reply(202, { params: { seq: this.#publish(socket, topic, body) } })
      case 'set':
        this.#describe(this.#descKey(socket, topic), body['desc'])
        return reply(200)
      case 'get':
        return this.#get(socket, body, reply)
      case 'note':
        return this.#mark(socket, topic, { [body['what']]: body['seq'] })
      default:
        return reply(200)
    }
  }

  #stream(
    socket: WebSocket,
    topic: string,
    cursor: number,
    reply: (code: number, more?: object) => void,
  ): void {
    const log = this.#topics.get(topic) ?? []
    reply(200, { topic, params: { seq: log.length } })
    for (const [i, { content }] of log.entries())
      if (i >= cursor) this.#send(socket, 'data', { topic, from: 'usrX', seq: i + 1, content })
  }

  #publish(socket: WebSocket, topic: string, { content, noecho }: Body): number {
    const seq = this.store(topic, content, noecho === true ? socket : undefined)
    this.#mark(socket, topic, { read: seq })
    return seq
  }

  #mark(socket: WebSocket, topic: string, asked: { read?: number; recv?: number }): void {
    const end = this.#topics.get(topic)?.length ?? 0
    const key = `${this.#users.get(socket)} ${topic}`
    const old = this.#marks.get(key) ?? { read: 0, recv: 0 }
    const taken = (seq = 0): number => (seq <= end ? seq : 0)
    const read = Math.max(old.read, taken(asked.read))
    this.#marks.set(key, { read, recv: Math.max(old.recv, read, taken(asked.recv)) })
  }

  #get(socket: WebSocket, body: Body, reply: (code: number, more?: object) => void): void {
    const { id, topic, what } = body
    const rowOf = (of: string): object => ({
      ...this.#desc.get(this.#descKey(socket, of)),
      ...this.#marks.get(`${this.#users.get(socket)} ${of}`),
      seq: this.#topics.get(of)?.length ?? 0,
    })
    const words = String(what).split(' ')
    if (words.includes('desc'))
      this.#send(socket, 'meta', {
        id,
        topic,
        desc: topic === 'me' ? (this.#desc.get(this.#descKey(socket, topic)) ?? {}) : rowOf(topic),
      })
    if (words.includes('sub')) {
      const row = { topic: body['sub'].topic, ...rowOf(body['sub'].topic) }
      this.#send(socket, 'meta', { id, topic, sub: [row] })
    }
    if (words.includes('data')) this.#page(socket, body, reply)
  }

  #descKey(socket: WebSocket, topic: string): string {
    return topic === 'me' ? `me of ${this.#users.get(socket)}` : topic
  }

  #describe(key: string, change: { private?: object }): void {
    const old = this.#desc.get(key) ?? {}
    this.#desc.set(key, { ...old, private: { ...old.private, ...change.private } })
  }

  #page(
    socket: WebSocket,
    { topic, data }: Body,
    reply: (code: number, more?: object) => void,
  ): void {
    const log = this.#topics.get(topic) ?? []
    const end = Math.min(log.length, (data.before ?? Infinity) - 1)
    const rows: number[] = []
    for (let seq = end; seq >= data.since && rows.length < data.limit; seq--) rows.push(seq)
    this.beforePage?.()
    for (const seq of rows) {
      this.#send(socket, 'data', { topic, seq, content: log[seq - 1]?.content })
      const { amidPage } = this
      this.amidPage = undefined
      amidPage?.()
    }
    reply(rows.length > 0 ? 208 : 204, { params: { what: 'data', count: rows.length } })
  }
}
