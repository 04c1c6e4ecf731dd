import type { BenchSession } from './bench-session.ts'
import { Refused } from './bench-session.ts'
import { ownCluster } from './bench-target.ts'
import type { BenchTarget } from './bench-target.ts'
import { BenchUsers } from './bench-users.ts'
import { quantileOf, rounded } from './latencies.ts'
import { isClean, Ledger } from './ledger.ts'
import type { LedgerVerdict } from './ledger.ts'
import { payload } from './payload.ts'

export interface FailoverSettings {
  readonly trials: number
  readonly size: number
  /** Calm before each kill. */
  readonly settleMs: number
}

export interface FailoverResult {
  readonly trials: number
  /** From the kill to the first acknowledgement of a publish that was sent after it. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly minMs: number | null
  readonly maxMs: number | null
  /** Longest time without an acknowledgement around a kill, the largest of all trials. */
  readonly longestGapMs: number | null
  readonly history: LedgerVerdict
  readonly codes: Readonly<Record<string, number>>
  readonly clean: boolean
}

const probeMs = 10
const giveUpMs = 30_000
const readyMs = 60_000

/** kill -9 of the owner of a topic, again and again; a client of a survivor publishes to it all the while. */
export async function benchFailover(
  target: BenchTarget,
  settings: FailoverSettings,
  say: (line: string) => void,
): Promise<FailoverResult> {
  const cluster = ownCluster(target)
  const users = new BenchUsers(target.urls, 1_000)
  const sum = { acked: 0, lost: 0, dup: 0, misplaced: 0, unackedKept: 0 }
  const codes: Record<string, number> = {}
  const times: number[] = []
  const gaps: number[] = []
  for (let t = 0; t < settings.trials; t++) {
    const topic = await users.newTopic(t)
    const owner = await ownerOf(target, topic)
    const victim = cluster.nodes[owner]!
    const session = await users.connect((owner + 1) % target.urls.length)
    await session.attach(topic)
    const probe = new Probe(session, topic, settings.size, codes)
    await pause(settings.settleMs)
    const began = performance.now()
    await cluster.kill(victim)
    const firstMs = await probe.firstAfter(began)
    times.push(firstMs)
    gaps.push(await probe.stop())
    const verdict = await probe.ledger.check(users, (owner + 1) % target.urls.length)
    for (const key of Object.keys(sum) as (keyof LedgerVerdict)[]) sum[key] += verdict[key]
    session.close()
    say(
      `  trial ${t + 1}: ${target.names[owner]} killed, first ack after ${firstMs.toFixed(0)} ms${isClean(verdict) ? '' : `, history ${JSON.stringify(verdict)}`}`,
    )
    cluster.startNode(victim)
    await Promise.all(cluster.nodes.map((node) => node.ready(readyMs)))
    await settled(target)
  }
  return {
    trials: settings.trials,
    p50Ms: rounded(quantileOf(times, 0.5), 0),
    p99Ms: rounded(quantileOf(times, 0.99), 0),
    minMs: rounded(Math.min(...times), 0),
    maxMs: rounded(Math.max(...times), 0),
    longestGapMs: rounded(Math.max(...gaps), 0),
    history: sum,
    codes,
    clean: isClean(sum) && times.every(Number.isFinite),
  }
}

/** Publishes every 10 ms, whatever the answers do. */
class Probe {
  readonly ledger: Ledger
  readonly #session: BenchSession
  readonly #topic: string
  readonly #size: number
  readonly #codes: Record<string, number>
  readonly #timer: NodeJS.Timeout
  /** Publishes that have no answer yet. */
  readonly #open = new Set<Promise<void>>()
  #next = 0
  #lastAck = 0
  #longestGap = 0
  #killedAt = Number.POSITIVE_INFINITY
  #first: number | undefined

  constructor(session: BenchSession, topic: string, size: number, codes: Record<string, number>) {
    this.#session = session
    this.#topic = topic
    this.#size = size
    this.#codes = codes
    this.ledger = new Ledger(topic)
    this.#timer = setInterval(() => this.#one(), probeMs)
  }

  /** Infinity: none came before giving up. */
  async firstAfter(killedAt: number): Promise<number> {
    this.#killedAt = killedAt
    while (this.#first === undefined && performance.now() - killedAt < giveUpMs) await pause(2)
    return this.#first === undefined ? Number.POSITIVE_INFINITY : this.#first - killedAt
  }

  /** Ends the load and waits for its answers. Returns the longest time without an acknowledgement, ms. */
  async stop(): Promise<number> {
    await pause(300)
    clearInterval(this.#timer)
    await Promise.all(this.#open)
    return this.#longestGap
  }

  #one(): void {
    const n = this.#next++
    const sentAt = performance.now()
    this.ledger.sent(n)
    const done = this.#session.publish(this.#topic, payload(n, this.#size)).then(
      (seq) => {
        this.ledger.acked(n, seq)
        const now = performance.now()
        if (this.#lastAck > 0) this.#longestGap = Math.max(this.#longestGap, now - this.#lastAck)
        this.#lastAck = now
        if (sentAt > this.#killedAt) this.#first ??= now
      },
      (error: unknown) => {
        const code = error instanceof Refused ? error.code : String(error)
        this.#codes[code] = (this.#codes[code] ?? 0) + 1
      },
    )
    this.#open.add(done)
    void done.then(() => this.#open.delete(done))
  }
}

/** The node that leads the topic's partition, once every node that answers says the same. */
async function ownerOf(target: BenchTarget, topic: string): Promise<number> {
  const end = performance.now() + giveUpMs
  for (;;) {
    const found = await Promise.all(
      target.admins.map((admin) => admin.locate(topic).catch(() => undefined)),
    )
    const names = new Set(found.map((report) => report?.actual))
    const [name] = names
    const owner = target.names.findIndex((known) => known === name)
    if (names.size === 1 && owner >= 0) return owner
    if (performance.now() > end) throw new Error(`the nodes do not agree on who owns ${topic}`)
    await pause(50)
  }
}

/** Waits until leaderships have moved back to where they are wished; goes on without after a while. */
async function settled(target: BenchTarget): Promise<void> {
  const end = performance.now() + 10_000
  while (performance.now() < end) {
    const ring = await target.admins[0]!.ring().catch(() => undefined)
    if (ring?.partitions.every((p) => p.actual === p.wished)) return
    await pause(100)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
