import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import type { AuthLevel } from '../../src/chat/command.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { grpTopic } from '../../src/ids/topic-name.ts'
import { realSystem } from '../../src/node/system.ts'
import { silentLogger } from '../../src/ports.ts'
import type { Metrics } from '../../src/ports.ts'
import { ClientEdge } from '../../src/session/client-edge.ts'
import { defaultEdgeOptions } from '../../src/session/edge-options.ts'
import type { EdgeOptions } from '../../src/session/edge-options.ts'
import { hashPassword } from '../../src/session/password.ts'
import { TokenMint } from '../../src/session/token.ts'
import type { TokenFacts } from '../../src/session/token.ts'
import { cardOf, MemoryTopics } from './memory-topics.ts'

export const stockSalt = Buffer.from('T713/rYYgW7g4m3vG6zGRh7+FM1t0T8j13koXScOAj4=', 'base64')
export const stockKey = 'AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K'
export const tokenKey = Buffer.alloc(32, 7)
/** Cheap on purpose: what it costs to guess is not what these tests are about. */
export const testCost = { costLog2: 4, blockSize: 8, parallel: 1 }

/** A client address with topics in memory behind it. */
export class TestEdge {
  readonly topics = new MemoryTopics()
  readonly counts = new Map<string, number>()
  readonly thrown: unknown[] = []
  readonly tokens = new TokenMint(tokenKey)
  readonly edge: ClientEdge
  isReady = true
  port = 0
  #minted = 1n

  constructor(options: Partial<EdgeOptions> = {}, { canMint = (): boolean => true } = {}) {
    const granted = <T>(id: T): T => {
      if (!canMint()) throw new Error('the clock is behind')
      return id
    }
    const { clock, timers } = realSystem((error) => this.thrown.push(error))
    this.edge = new ClientEdge({
      topics: this.topics,
      options: { ...defaultEdgeOptions, passwordCostLog2: testCost.costLog2, ...options },
      keys: { apiKeySalt: stockSalt, tokenKey },
      mint: {
        user: () => granted(userIdFromBigInt(1_000n + this.#minted++)),
        group: () => granted(grpTopic(77, Number(this.#minted++))),
        session: () => granted(`s${this.#minted++}`),
      },
      timers,
      clock,
      logger: silentLogger,
      metrics: countingMetrics(this.counts),
      ready: () => this.isReady,
    })
  }

  static async open(options: Partial<EdgeOptions> = {}): Promise<TestEdge> {
    const edge = new TestEdge(options)
    edge.port = (await edge.edge.listen('127.0.0.1', 0)).port
    return edge
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/v0/channels?apikey=${stockKey}`
  }

  async user(login: string, level: AuthLevel = 'auth'): Promise<UserId> {
    const uid = userIdFromBigInt(1_000n + this.#minted++)
    const secret = await hashPassword('secret12', testCost)
    this.topics.logins.set(`nam:basic:${login}`, { uid, secret, level })
    this.topics.cards.set(uid, cardOf(uid, level))
    return uid
  }

  token(uid: UserId, change: Partial<TokenFacts> = {}): string {
    const expires = Date.now() + 60_000
    return this.tokens.issue({
      uid,
      expires,
      level: 'auth',
      serial: 7,
      features: 1,
      login: '',
      ...change,
    })
  }

  /** A logged-in client. */
  async client(uid: UserId, protocols: string[] = []): Promise<TestClient> {
    const client = await TestClient.open(this.url, protocols)
    await client.hi()
    await client.ask({ login: { scheme: 'token', secret: this.token(uid) } })
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.edge.close()
  }
}

export const group = (n: number): TopicName => grpTopic(99, n)

/** What arrives, in order, and how the connection ended. */
export class TestClient {
  readonly socket: WebSocket
  readonly heard: any[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  #id = 100

  constructor(url: string, protocols: string[], options: ClientOptions) {
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options })
    this.socket.on('message', (bytes: Buffer, isBinary: boolean) => {
      this.heard.push(isBinary ? bytes : JSON.parse(bytes.toString()))
    })
    this.socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  static async open(
    url: string,
    protocols: string[] = [],
    options: ClientOptions = {},
  ): Promise<TestClient> {
    const client = new TestClient(url, protocols, options)
    await new Promise<void>((resolve, reject) => {
      client.socket.once('open', resolve)
      client.socket.once('error', reject)
    })
    return client
  }

  send(message: object | string | Buffer): void {
    const isRaw = typeof message === 'string' || Buffer.isBuffer(message)
    this.socket.send(isRaw ? message : JSON.stringify(message))
  }

  /** Sends with an id of its own and gives the first ctrl or meta that carries it. */
  async ask(message: Record<string, object>): Promise<any> {
    const id = String(this.#id++)
    const [[verb, body] = ['', {}], ...rest] = Object.entries(message)
    this.send({ [verb]: { id, ...body }, ...Object.fromEntries(rest) })
    return this.until((heard) => heard.ctrl?.id === id || heard.meta?.id === id).then(
      (m) => m.ctrl ?? m.meta,
    )
  }

  hi(): Promise<any> {
    return this.ask({ hi: { ver: '0.25.3', ua: 'test' } })
  }

  /** The first message, heard already or still to come, that `fits`. */
  async until(fits: (message: any) => boolean, withinMs = 5_000): Promise<any> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const found = this.heard.find(fits)
      if (found !== undefined) return found
      if (Date.now() > deadline) {
        throw new Error(`not heard; heard: ${JSON.stringify(this.heard.slice(-5))}`)
      }
      await pause(2)
    }
  }

  close(): void {
    this.socket.terminate()
  }
}

export async function eventually(holds: () => boolean, withinMs = 5_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`did not come true: ${holds.toString()}`)
    await pause(2)
  }
}

export function countingMetrics(counts: Map<string, number>): Metrics {
  return {
    counter: (name) => ({ add: (n = 1) => void counts.set(name, (counts.get(name) ?? 0) + n) }),
    gauge: (name) => ({ set: (value) => void counts.set(name, value) }),
    histogram: (name) => ({ observe: () => void counts.set(name, (counts.get(name) ?? 0) + 1) }),
  }
}
