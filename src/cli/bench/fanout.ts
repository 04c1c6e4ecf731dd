import type { BenchSession } from './bench-session.ts'
import type { BenchTarget } from './bench-target.ts'
import { BenchUsers } from './bench-users.ts'
import { Latencies, median, rounded } from './latencies.ts'
import { numberInFrame, payload } from './payload.ts'
import { cpuSeconds } from './process-usage.ts'

export interface FanoutSettings {
  readonly subscribers: number
  /** Different users among them. */
  readonly users: number
  /** Messages that not all subscribers have seen yet, at any time. */
  readonly window: number
  readonly seconds: number
  readonly warmup: number
  readonly runs: number
  readonly size: number
  /** How long deliveries may still come after a run; 15 s when left out. */
  readonly drainMs?: number
}

export interface FanoutResult {
  readonly subscribers: number
  readonly deliveriesPerS: number | null
  readonly messagesPerS: number | null
  /** From publish to each delivery. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly serverCpuUs: number | null
  /** Deliveries that were not the next number of their subscriber. */
  readonly disorder: number
  /** Deliveries that never came. */
  readonly missing: number
  readonly errors: number
  readonly clean: boolean
}

const longestDrainMs = 15_000

/** One room, its subscribers spread over the nodes, one publisher on the first. */
export async function benchFanout(
  target: BenchTarget,
  settings: FanoutSettings,
  say: (line: string) => void,
): Promise<FanoutResult> {
  const users = new BenchUsers(target.urls, settings.users)
  const topic = await users.newTopic(0)
  const room = new Room(settings.subscribers, settings.drainMs ?? longestDrainMs)
  const sessions: BenchSession[] = []
  await users.connectMany(settings.subscribers, async (session, i) => {
    session.onData = (frame) => room.take(i, frame)
    await session.attach(topic, longestDrainMs)
    sessions.push(session)
    if (sessions.length % 250 === 0) say(`  ${sessions.length} subscribers are in`)
  })
  const publisher = await users.connect(0)
  await publisher.attach(topic)
  const post = () => {
    publisher.publish(topic, payload(room.post(), settings.size)).catch(() => room.failed())
  }
  await room.load(post, settings.window, settings.warmup * 1000)
  const figures: { perS: number; messages: number; p50: number; p99: number; cpu: number }[] = []
  for (let run = 0; run < settings.runs; run++) {
    room.newRun()
    const pids = target.pids()
    const began = { at: performance.now(), cpu: cpuSeconds(pids) }
    await room.load(post, settings.window, settings.seconds * 1000)
    const elapsed = (performance.now() - began.at) / 1000
    const cpu =
      pids.length === 0 ? Number.NaN : ((cpuSeconds(pids) - began.cpu) * 1e6) / room.latencies.count
    const [p50, p99] = [room.latencies.quantile(0.5), room.latencies.quantile(0.99)]
    const perS = room.latencies.count / elapsed
    figures.push({ perS, messages: perS / settings.subscribers, p50, p99, cpu })
    say(`  ${perS.toFixed(0)} deliveries/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`)
  }
  for (const session of [...sessions, publisher]) session.destroy()
  const { disorder, missing, errors } = room
  return {
    subscribers: settings.subscribers,
    deliveriesPerS: rounded(median(figures.map((f) => f.perS)), 0),
    messagesPerS: rounded(median(figures.map((f) => f.messages)), 0),
    p50Ms: rounded(median(figures.map((f) => f.p50))),
    p99Ms: rounded(median(figures.map((f) => f.p99))),
    serverCpuUs: rounded(median(figures.map((f) => f.cpu))),
    disorder,
    missing,
    errors,
    clean: disorder === 0 && missing === 0,
  }
}

/** More messages are never outstanding: the window is far smaller. */
const ringSize = 1 << 16

/** Counts who has seen what. Numbers rise by one from 0; a message is complete when all have it. */
export class Room {
  latencies = new Latencies()
  disorder = 0
  missing = 0
  errors = 0
  readonly #subscribers: number
  readonly #drainMs: number
  readonly #last: Int32Array
  readonly #sentAt = new Float64Array(ringSize)
  readonly #seen = new Int32Array(ringSize)
  #posted = 0
  #complete = 0
  #onComplete: () => void = () => {}

  constructor(subscribers: number, drainMs: number) {
    this.#subscribers = subscribers
    this.#drainMs = drainMs
    this.#last = new Int32Array(subscribers).fill(-1)
  }

  /** The number of the next message. */
  post(): number {
    this.#sentAt[this.#posted % ringSize] = performance.now()
    this.#seen[this.#posted % ringSize] = 0
    return this.#posted++
  }

  failed(): void {
    this.errors++
  }

  newRun(): void {
    this.latencies = new Latencies()
  }

  take(subscriber: number, frame: Buffer): void {
    const n = numberInFrame(frame)
    if (n >= 0) this.saw(subscriber, n)
  }

  /** A delivery of message `n`. */
  saw(subscriber: number, n: number): void {
    if (n !== this.#last[subscriber]! + 1) this.disorder++
    this.#last[subscriber] = n
    const slot = n % ringSize
    this.latencies.add(performance.now() - this.#sentAt[slot]!)
    this.#seen[slot]! += 1
    if (this.#seen[slot] === this.#subscribers) {
      this.#complete++
      this.#onComplete()
    }
  }

  /** Keeps `window` messages outstanding for `ms`, then waits for the rest. What never comes counts as missing. */
  async load(post: () => void, window: number, ms: number): Promise<void> {
    const end = performance.now() + ms
    let planned = false
    const fill = () => {
      planned = false
      while (this.#posted - this.#complete < window && performance.now() < end) post()
    }
    this.#onComplete = () => {
      if (planned) return
      planned = true
      setImmediate(fill)
    }
    fill()
    while (
      performance.now() < end ||
      (this.#complete < this.#posted && performance.now() < end + this.#drainMs)
    ) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    this.#onComplete = () => {}
    this.#giveUp()
  }

  #giveUp(): void {
    if (this.#complete === this.#posted) return
    for (let n = Math.max(0, this.#posted - ringSize); n < this.#posted; n++) {
      const seen = this.#seen[n % ringSize]!
      if (seen < this.#subscribers) this.missing += this.#subscribers - seen
    }
    this.#last.fill(this.#posted - 1)
    this.#complete = this.#posted
  }
}
