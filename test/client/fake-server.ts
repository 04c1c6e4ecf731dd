import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { packClient } from '../../src/wire/client-codec.ts'
import { decodeClient } from '../../src/wire/client-codec.ts'
import { msgpackSubprotocol } from '../../src/wire/versions.ts'

interface StoredMessage {
  seq: number
  from: string
  content: unknown
  head?: object
}

/** What all nodes of the fake cluster agree on. */
export class FakeCluster {
  readonly apiKey = 'key'
  readonly users = new Map<string, { user: string; password: string }>()
  readonly tokens = new Map<string, string>()
  readonly topics = new Map<string, { messages: StoredMessage[]; public: unknown }>()
  readonly keys = new Map<string, number>()
  readonly nodes: FakeNode[] = []
  /** Requests as they arrived: verb, then topic if any. */
  readonly log: string[] = []
  /** Knows cursors (docs/protocol-extensions.md); stock servers do not. */
  resumes = true
  /** Waits between two messages of a resumed stream. */
  pace: () => Promise<void> = async () => {}

  async start(): Promise<FakeNode> {
    const node = new FakeNode(this)
    await node.listen()
    this.nodes.push(node)
    return node
  }

  topic(name: string): { messages: StoredMessage[]; public: unknown } {
    const topic = this.topics.get(name) ?? { messages: [], public: undefined }
    this.topics.set(name, topic)
    return topic
  }

  /** Stores a message and shows it to everybody attached, but not to `skip`. */
  publish(topic: string, from: string, content: unknown, skip?: FakeSession): number {
    const { messages } = this.topic(topic)
    const message = { seq: (messages.at(-1)?.seq ?? 0) + 1, from, content }
    messages.push(message)
    for (const node of this.nodes) {
      for (const session of node.sessions) {
        if (!session.attached.has(topic)) continue
        if (session.places.has(topic)) session.pump(topic, session === skip ? message.seq : 0)
        else if (session !== skip) session.data(topic, message)
      }
    }
    return message.seq
  }

  delete(topic: string, seq: number): void {
    const kept = this.topic(topic).messages.filter((message) => message.seq !== seq)
    this.topic(topic).messages.splice(0, Infinity, ...kept)
  }

  stop(): void {
    for (const node of this.nodes) node.stop()
  }
}

export class FakeNode {
  readonly cluster: FakeCluster
  readonly sessions = new Set<FakeSession>()
  /** Say what to answer instead: a ctrl code, 'silent', or 'close'. Undefined: as usual. */
  fault: (verb: string, body: Body) => number | 'silent' | 'close' | undefined = () => undefined
  /** The row of errors.ts that a fault names; undefined: none, as a stranger in between would. */
  names: string | undefined
  /** Live messages that are not sent, as if a proxy had lost them. */
  loseLive: (seq: number) => boolean = () => false
  connections = 0
  #http: Server
  #port = 0

  constructor(cluster: FakeCluster) {
    this.cluster = cluster
    this.#http = this.#serve()
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  async listen(): Promise<void> {
    this.#http.listen(this.#port, '127.0.0.1')
    await once(this.#http, 'listening')
    this.#port = (this.#http.address() as AddressInfo).port
  }

  /** Cuts all connections. */
  cut(): void {
    for (const session of this.sessions) session.socket.terminate()
  }

  stop(): void {
    this.cut()
    this.#http.close()
  }

  async restart(): Promise<void> {
    this.#http = this.#serve()
    await this.listen()
  }

  #serve(): Server {
    const http = createServer()
    const server = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => (offered.has(msgpackSubprotocol) ? msgpackSubprotocol : false),
    })
    http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {})
      const url = new URL(request.url ?? '', 'http://x')
      if (url.pathname !== '/v0/channels' || url.searchParams.get('apikey') !== 'key') {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
        return
      }
      server.handleUpgrade(request, socket, head, (ws) => {
        this.connections++
        this.sessions.add(new FakeSession(this, ws))
      })
    })
    return http
  }
}

type Body = { [key: string]: any }

/** One session by the rules of tinode-wire.md; only what the client library uses. */
export class FakeSession {
  readonly node: FakeNode
  readonly socket: WebSocket
  readonly attached = new Set<string>()
  /** Topics that came with a cursor, and what was sent of them. */
  readonly places = new Map<string, number>()
  readonly #pumping = new Set<string>()
  user = ''
  #state: 'new' | 'hello' | 'auth' = 'new'

  constructor(node: FakeNode, socket: WebSocket) {
    this.node = node
    this.socket = socket
    socket.on('message', (frame: Buffer, isBinary) => {
      const decoded = decodeClient(isBinary ? 'msgpack' : 'json', frame)
      if (decoded.ok) this.#receive(decoded.value)
      else this.ctrl(undefined, 400, 'malformed')
    })
    socket.on('error', () => {}) // a close follows
    socket.on('close', () => node.sessions.delete(this))
  }

  send(object: object): void {
    if (this.socket.protocol === msgpackSubprotocol) this.socket.send(packClient(object))
    else this.socket.send(JSON.stringify(object))
  }

  data(topic: string, message: StoredMessage): void {
    if (this.node.loseLive(message.seq)) return
    this.send({ data: { topic, ts: new Date(0).toISOString(), ...message } })
  }

  /** Sends what comes behind the cursor, in order, at the cluster's pace; deletions as ranges. */
  pump(topic: string, own = 0): void {
    if (own > 0 && this.places.get(topic) === own - 1) this.places.set(topic, own)
    if (this.#pumping.has(topic)) return
    this.#pumping.add(topic)
    void this.#run(topic).finally(() => this.#pumping.delete(topic))
  }

  async #run(topic: string): Promise<void> {
    const { messages } = this.node.cluster.topic(topic)
    for (;;) {
      const place = this.places.get(topic)
      const next = messages.find(({ seq }) => seq > (place ?? 0))
      if (place === undefined || next === undefined) return
      if (next.seq > place + 1) {
        this.send({ meta: { topic, del: { delseq: [{ low: place + 1, hi: next.seq }] } } })
      }
      this.data(topic, next)
      this.places.set(topic, next.seq)
      await this.node.cluster.pace()
    }
  }

  ctrl(id: string | undefined, code: number, text: string, more: object = {}): void {
    this.send({ ctrl: { id, code, text, ts: new Date(0).toISOString(), ...more } })
  }

  #receive(object: Body): void {
    const [verb, body] = Object.entries(object)[0] as [string, Body]
    const { id, topic } = body
    this.node.cluster.log.push(topic === undefined ? verb : `${verb} ${topic}`)
    const fault = this.node.fault(verb, body)
    if (fault === 'silent') return
    if (fault === 'close') return this.socket.terminate()
    if (fault !== undefined) {
      const params = this.node.names === undefined ? {} : { params: { error: this.node.names } }
      return this.ctrl(id, fault, `fault ${fault}`, { topic, ...params })
    }
    if (verb === 'hi') {
      this.#state = 'hello'
      return this.ctrl(id, 201, 'created', { params: { ver: '0.25', build: 'fake' } })
    }
    if (this.#state === 'new') return this.ctrl(id, 409, 'command out of sequence')
    if (verb === 'login' || verb === 'acc') return this.#account(verb, body)
    if (this.#state === 'hello') return this.ctrl(id, 401, 'authentication required', { topic })
    this.#chat(verb, body, object['extra'])
  }

  #account(verb: string, { id, scheme, secret, login }: Body): void {
    const { users, tokens } = this.node.cluster
    if (verb === 'login' && this.#state === 'auth') {
      return this.ctrl(id, 409, 'already authenticated')
    }
    let user: string | undefined
    if (scheme === 'token') user = tokens.get(secret)
    else {
      const [name = '', password = ''] = Buffer.from(secret, 'base64').toString().split(':')
      const known = users.get(name)
      if (verb === 'acc') {
        if (known !== undefined) return this.ctrl(id, 409, 'duplicate credential')
        user = `usr${name.padEnd(11, '0')}`
        users.set(name, { user, password })
        if (login !== true) return this.ctrl(id, 201, 'created', { params: { user } })
      } else if (known?.password === password) user = known.user
    }
    if (user === undefined) return this.ctrl(id, 401, 'authentication failed')
    const token = Buffer.from(`token ${tokens.size} of ${user}`).toString('base64')
    tokens.set(token, user)
    this.user = user
    this.#state = 'auth'
    this.ctrl(id, 200, 'ok', { params: { user, token, expires: new Date(0).toISOString() } })
  }

  #chat(verb: string, body: Body, extra: Body | undefined): void {
    const { cluster } = this.node
    const { id, topic } = body
    if (verb === 'sub') {
      if (this.attached.has(topic)) return this.ctrl(id, 304, 'already subscribed', { topic })
      const isNew = topic.startsWith('new')
      if (!isNew && topic.startsWith('grp') && !cluster.topics.has(topic)) {
        return this.ctrl(id, 404, 'topic not found', { topic })
      }
      const name = isNew ? `grp${cluster.topics.size}`.padEnd(14, 'x') : topic
      cluster.topic(name).public ??= body['set']?.desc?.public
      this.attached.add(name)
      const cursor = cluster.resumes ? extra?.['cursor'] : undefined
      if (typeof cursor !== 'number') return this.ctrl(id, 200, 'ok', { topic: name })
      const seq = cluster.topic(name).messages.at(-1)?.seq ?? 0
      this.ctrl(id, 200, 'ok', { topic: name, params: { seq } })
      this.places.set(name, Math.min(cursor, seq))
      return this.pump(name)
    }
    if (verb === 'leave') {
      this.places.delete(topic)
      return this.attached.delete(topic)
        ? this.ctrl(id, 200, 'ok', { topic })
        : this.ctrl(id, 304, 'not joined', { topic })
    }
    if (verb === 'note') return this.#note(body)
    if (!this.attached.has(topic)) return this.ctrl(id, 409, 'must attach first', { topic })
    if (verb === 'get') return this.#get(body)
    if (verb === 'set') return this.ctrl(id, 200, 'ok', { topic })
    if (verb === 'pub') {
      const key = extra === undefined ? '' : `${topic} ${extra['producer']} ${extra['n']}`
      let seq = cluster.keys.get(key)
      if (key === '' || seq === undefined) {
        seq = cluster.publish(topic, this.user, body['content'], body['noecho'] ? this : undefined)
        if (key !== '') cluster.keys.set(key, seq)
      }
      return this.ctrl(id, 202, 'accepted', { topic, params: { seq } })
    }
    this.ctrl(id, 400, 'malformed')
  }

  #note({ topic, what, seq }: Body): void {
    for (const node of this.node.cluster.nodes) {
      for (const other of node.sessions) {
        if (other === this || !other.attached.has(topic)) continue
        other.send({ info: { topic, from: this.user, what, seq } })
      }
    }
  }

  #get({ id, topic, what, data = {} }: Body): void {
    const { messages, public: pub } = this.node.cluster.topic(topic)
    for (const word of what.split(' ')) {
      if (word === 'desc') {
        const desc = { seq: messages.at(-1)?.seq, public: pub, updated: new Date(0).toISOString() }
        this.send({ meta: { id, topic, ts: new Date(0).toISOString(), desc } })
      } else if (word === 'data') {
        const { since = 1, before = Infinity, limit = 100 } = data
        const found = messages.filter(({ seq }) => seq >= since && seq < before)
        const page = found.toReversed().slice(0, Math.min(limit, 100))
        for (const message of page) {
          this.send({ data: { topic, ts: new Date(0).toISOString(), ...message } })
        }
        const params = { what: 'data', count: page.length }
        if (page.length > 0) this.ctrl(id, 208, 'delivered', { topic, params })
        else this.ctrl(id, 204, 'no content', { topic, params: { what: 'data' } })
      } else if (word === 'sub') {
        const sub = [{ user: this.user, online: true, public: { fn: 'Me' } }]
        this.send({ meta: { id, topic, ts: new Date(0).toISOString(), sub } })
      } else {
        this.ctrl(id, 204, 'no content', { topic, params: { what: word } })
      }
    }
  }
}
