import { FlotillaClient } from '../../client/client.ts'
import type { PublishOptions } from '../../client/client.ts'
import type { Outcome } from '../../client/outcome.ts'
import { Publisher } from '../../client/publisher.ts'
import { realSurroundings } from '../../client/surroundings.ts'
import type { BenchTarget } from './bench-target.ts'
import type { BenchUsers } from './bench-users.ts'
import { Latencies } from './latencies.ts'
import { Ledger } from './ledger.ts'
import { numberOf, payload } from './payload.ts'

export interface LoadSettings {
  readonly topics: number
  /** Publishes a second, over all topics. */
  readonly rate: number
  readonly size: number
}

/** What clients saw in one part of a run. */
export class Seen {
  readonly acks = new Latencies()
  /** From publish to delivery at a client of another node. */
  readonly lives = new Latencies()
  /** Publishes that were refused or got no answer, and were sent again under their key. */
  retried = 0
  /** Publishes that were not acknowledged at all within their deadline. */
  failed = 0
  readonly codes: Record<string, number> = {}
}

const clientCount = 6
/** A publish is given up after this long, ms. */
const deadlineMs = 20_000

/** One topic: who publishes, who reads, and what history must hold. */
interface Lane {
  readonly topic: string
  readonly ledger: Ledger
  readonly publisher: Publisher
  readonly lastSeq: Map<FlotillaClient, number>
  next: number
}

/**
 * Clients as applications have them (reconnecting, retrying under keys), who publish at a fixed rate
 * whatever the answers do: what waits for a slow cluster counts from when it was due.
 */
export class ChangeLoad {
  seen = new Seen()
  /** Live messages that were not the next of their topic, at any reader. */
  gaps = 0
  readonly lanes: readonly Lane[]
  readonly #clients: readonly CountingClient[]
  readonly #size: number
  /** Of messages under way, by number: when they were due. */
  readonly #dueAt = new Map<number, number>()
  readonly #timer: NodeJS.Timeout
  readonly #open = new Set<Promise<void>>()
  #published = 0

  static async start(
    target: BenchTarget,
    users: BenchUsers,
    settings: LoadSettings,
  ): Promise<ChangeLoad> {
    const addresses = target.urls.map((url) => new URL(url).host)
    const clients: CountingClient[] = []
    const run = Date.now().toString(36)
    for (let i = 0; i < clientCount; i++) {
      const at = i % addresses.length
      const client = new CountingClient({
        addresses: [...addresses.slice(at), ...addresses.slice(0, at)],
        apiKey: target.apiKey,
      })
      clients.push(client)
      expectOk(await client.connect(), 'connect')
      const account = { login: `c${run}${i}`, password: 'bench-pass-1' }
      expectOk(await client.createAccount(account), 'sign up')
    }
    const names: string[] = []
    for (let t = 0; t < settings.topics; t++) names.push(await users.newTopic(t))
    const load = new ChangeLoad(clients, names, settings)
    for (const [t, lane] of load.lanes.entries()) await load.#attach(lane, t)
    return load
  }

  private constructor(
    clients: readonly CountingClient[],
    names: readonly string[],
    settings: LoadSettings,
  ) {
    this.#clients = clients
    this.#size = settings.size
    for (const client of clients) client.told = (outcome) => this.#attempt(outcome)
    const publishers = clients.map((client) => new Publisher(client, realSurroundings))
    this.lanes = names.map((topic, t) => ({
      topic,
      ledger: new Ledger(topic),
      publisher: publishers[t % publishers.length]!,
      lastSeq: new Map(),
      next: 0,
    }))
    const began = performance.now()
    const everyMs = 1_000 / settings.rate
    this.#timer = setInterval(() => {
      const due = (performance.now() - began) / everyMs
      while (this.#published < due) this.#publish(began + this.#published * everyMs)
    }, 5)
    this.#timer.unref()
  }

  /** What was seen since the last call. */
  take(): Seen {
    const seen = this.seen
    this.seen = new Seen()
    return seen
  }

  /** Ends the load, and waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#open)
  }

  close(): void {
    clearInterval(this.#timer)
    for (const client of this.#clients) client.close()
  }

  /** Its publisher reads it, and a client that began at another node. */
  async #attach(lane: Lane, t: number): Promise<void> {
    for (const i of [t, t + 1]) {
      const client = this.#clients[i % this.#clients.length]!
      const data = ({ seq, content }: { seq: number; content?: unknown }) =>
        this.#live(lane, client, seq, String(content), i !== t)
      expectOk((await client.subscribe(lane.topic, { data })).outcome, 'attach')
    }
    lane.next = 1
  }

  #publish(dueAt: number): void {
    const n = this.#published++
    const lane = this.lanes[n % this.lanes.length]!
    if (lane.next === 0) return // its readers are still attaching
    lane.ledger.sent(n)
    this.#dueAt.set(n, dueAt)
    const done = lane.publisher
      .publish(lane.topic, payload(n, this.#size), {}, deadlineMs)
      .then((outcome) => {
        const seq = outcome.kind === 'ok' ? outcome.params['seq'] : undefined
        if (typeof seq === 'number') {
          lane.ledger.acked(n, seq)
          this.seen.acks.add(performance.now() - dueAt)
        } else this.seen.failed++
      })
    this.#open.add(done)
    void done.then(() => this.#open.delete(done))
  }

  #attempt(outcome: Outcome): void {
    if (outcome.kind === 'ok') return
    this.seen.retried++
    const code = outcome.code === 0 ? outcome.text : String(outcome.code)
    this.seen.codes[code] = (this.seen.codes[code] ?? 0) + 1
  }

  #live(lane: Lane, client: FlotillaClient, seq: number, content: string, counts: boolean): void {
    const last = lane.lastSeq.get(client) ?? 0
    if (last > 0 && seq !== last + 1) this.gaps++
    lane.lastSeq.set(client, seq)
    if (!counts) return
    const n = numberOf(content)
    const dueAt = this.#dueAt.get(n)
    if (dueAt !== undefined) this.seen.lives.add(performance.now() - dueAt)
    this.#dueAt.delete(n)
  }
}

/** Tells of every attempt, not only of how a publish ended. */
class CountingClient extends FlotillaClient {
  told: (outcome: Outcome) => void = () => {}

  override async publish(
    topic: string,
    content: unknown,
    options: PublishOptions = {},
  ): Promise<Outcome> {
    const outcome = await super.publish(topic, content, options)
    this.told(outcome)
    return outcome
  }
}

function expectOk(outcome: Outcome, what: string): void {
  if (outcome.kind !== 'ok') throw new Error(`${what}: ${outcome.code} ${outcome.text}`)
}
