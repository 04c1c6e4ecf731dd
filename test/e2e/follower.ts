import { makeProducerId } from '../../src/ids/producer-id.ts'
import type { Ledger } from './ledger.ts'
import { RawClient } from './raw-client.ts'
import type { Answer, Data } from './raw-client.ts'

/** What one subscriber has of one topic. */
interface Reading {
  readonly seen: Map<number, string>
  /** On the present connection: what is expected next on the live stream; 0: not attached yet. */
  next: number
  /** Came before the answer to the sub. */
  held: Data[] | null
}

/** Where to connect at the n-th try; a list is gone round. */
export type Addresses = readonly string[] | { at(turn: number): string }

/** Users of a cluster who connect to the next node when theirs sends them away. */
export abstract class Wanderer {
  connections = 0
  /** Of the present connection, or of the last try. */
  address = ''
  stopped = false
  #client: RawClient | null = null
  #at: number
  readonly #addresses: Addresses
  readonly #token: string

  constructor(addresses: Addresses, at: number, token: string) {
    this.#addresses = addresses
    this.#at = at
    this.#token = token
  }

  /** At once, without waiting for what is open. */
  stop(): void {
    this.stopped = true
    this.#client?.close()
  }

  /** Until `stopped`; settles when the last connection is gone. */
  async run(): Promise<void> {
    while (!this.stopped) {
      this.address = this.#nextAddress()
      const client = await RawClient.logIn(this.address, this.#token).catch(() => null)
      if (client !== null) {
        this.connections++
        this.#client = client
        await this.live(client).catch((error: Error) => {
          if (client.isOpen) throw error
        })
        client.close()
      }
      this.#at++
      if (client === null) await new Promise((go) => setTimeout(go, 25))
    }
  }

  #nextAddress(): string {
    const all = this.#addresses
    return 'length' in all ? all[this.#at % all.length]! : all.at(this.#at)
  }

  /** One connection: settles when it is gone, or when `stopped`. */
  protected abstract live(client: RawClient): Promise<void>
}

/**
 * Reads topics live and fetches, after each new connection, what was missed. On one connection
 * everything after the sub's own seq comes once and in order (P4).
 */
export class Follower extends Wanderer {
  readonly problems: string[] = []
  readonly #topics: Map<string, Reading>

  constructor(addresses: Addresses, at: number, token: string, topics: readonly string[]) {
    super(addresses, at, token)
    this.#topics = new Map(topics.map((topic) => [topic, { seen: new Map(), next: 0, held: [] }]))
  }

  seen(topic: string): ReadonlyMap<number, string> {
    return this.#topics.get(topic)!.seen
  }

  protected async live(client: RawClient): Promise<void> {
    for (const reading of this.#topics.values()) Object.assign(reading, { next: 0, held: [] })
    client.onData = (message) => this.#take(message)
    for (const [topic, reading] of this.#topics) await this.#enter(client, topic, reading)
    await client.closed
  }

  async #enter(client: RawClient, topic: string, reading: Reading): Promise<void> {
    const since = reading.seen.size + 1
    const described = client.described(topic)
    await client.must({ sub: { topic, get: { what: 'desc' } } })
    const { seq = 0 } = await described
    reading.next = seq + 1
    const held = reading.held ?? []
    reading.held = null
    for (const message of held) this.#take(message)
    for (let from = since; from <= seq; from += 100) {
      const before = Math.min(seq + 1, from + 100)
      await client.must({ get: { topic, what: 'data', data: { since: from, before, limit: 100 } } })
    }
  }

  #take(message: Data): void {
    const reading = this.#topics.get(message.topic)
    if (reading === undefined) return
    if (reading.held !== null) return void reading.held.push(message)
    const { seq, content } = message
    if (seq >= reading.next) {
      if (seq !== reading.next) this.problems.push(`live ${seq} instead of ${reading.next}`)
      reading.next = seq + 1
    }
    if (reading.seen.has(seq)) this.problems.push(`${seq} came twice`)
    reading.seen.set(seq, content)
  }
}

export interface PublisherOptions {
  readonly name: string
  readonly ledger: Ledger
  readonly topics: readonly string[]
  /** Publishes under way in each topic. */
  readonly window: number
  /** It asks again, too, when it is told that the cluster cannot, until it is told a place. */
  readonly isPatient?: boolean
}

/** Ms between a refusal and the next try. */
const patience = 20

/** Publishes to topics under keys of its own and asks again, under the same key, for what was not answered. */
export class KeyedPublisher extends Wanderer {
  /** Answers after which it asked again, by code. */
  readonly refusals = new Map<number, number>()
  readonly #name: string
  readonly #producer: string
  readonly #ledger: Ledger
  readonly #topics: readonly string[]
  readonly #isPatient: boolean
  readonly #open = new Map<string, number[]>()
  readonly #next = new Map<string, number>()
  readonly #window: number

  constructor(addresses: Addresses, at: number, token: string, options: PublisherOptions) {
    super(addresses, at, token)
    this.#name = options.name
    this.#producer = makeProducerId(Date.now(), Math.floor(Math.random() * 2 ** 22))
    this.#ledger = options.ledger
    this.#topics = options.topics
    this.#window = options.window
    this.#isPatient = options.isPatient === true
  }

  /** Publishes that were sent and have no answer. */
  get unanswered(): number {
    return [...this.#open.values()].reduce((sum, open) => sum + open.length, 0)
  }

  protected async live(client: RawClient): Promise<void> {
    for (const topic of this.#topics) await client.must({ sub: { topic } })
    await Promise.all(this.#topics.map((topic) => this.#publish(client, topic)))
  }

  async #publish(client: RawClient, topic: string): Promise<void> {
    const again = this.#open.get(topic) ?? []
    const open: number[] = []
    this.#open.set(topic, open)
    const send = async (n: number): Promise<void> => {
      const content = `${this.#name} ${n}`
      open.push(n)
      this.#ledger.sending(topic, content)
      const answer = await this.#ask(client, topic, content, n)
      this.#ledger.answered(topic, content, answer)
      if (answer.code !== 0) open.splice(open.indexOf(n), 1)
    }
    await Promise.all(again.map(send))
    const lane = async (): Promise<void> => {
      while (client.isOpen && !this.stopped) {
        const n = (this.#next.get(topic) ?? 0) + 1
        this.#next.set(topic, n)
        await send(n)
      }
    }
    await Promise.all(Array.from({ length: this.#window }, lane))
  }

  async #ask(client: RawClient, topic: string, content: string, n: number): Promise<Answer> {
    for (;;) {
      const answer = await client.publish(topic, content, { producer: this.#producer, n })
      const { code, text } = answer
      // What is behind a publish that was refused has to wait for it.
      const isAgain = code >= 500 || (code === 409 && text === 'out of order')
      if (!this.#isPatient || !isAgain) return answer
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
      await new Promise((go) => setTimeout(go, patience))
    }
  }
}
