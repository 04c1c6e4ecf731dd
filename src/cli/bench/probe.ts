import type { BenchSession } from './bench-session.ts'
import { Refused } from './bench-session.ts'
import { Ledger } from './ledger.ts'
import { numberInFrame, payload } from './payload.ts'

const probeMs = 10
const giveUpMs = 30_000
/** After the load has ended: what is still to come. */
const lingerMs = 300

/** From a blow to the first sign of life of what was sent after it, ms; Infinity: none came. */
export interface Recovery {
  readonly ackMs: number
  readonly liveMs: number
}

/** Publishes every 10 ms by one session, whatever the answers do, and reads live by another. */
export class Probe {
  readonly ledger: Ledger
  /** Live messages that were not the next of the topic. */
  gaps = 0
  readonly #publisher: BenchSession
  readonly #reader: BenchSession
  readonly #topic: string
  readonly #size: number
  readonly #codes: Record<string, number>
  readonly #timer: NodeJS.Timeout
  /** Publishes that have no answer yet. */
  readonly #open = new Set<Promise<void>>()
  readonly #sentAt: number[] = []
  #lastSeq = 0
  #lastAck = 0
  #longestGap = 0
  #struckAt = Number.POSITIVE_INFINITY
  #firstAck: number | undefined
  #firstLive: number | undefined

  /** Both sessions are attached. */
  constructor(
    sessions: { readonly publisher: BenchSession; readonly reader: BenchSession },
    topic: string,
    size: number,
    codes: Record<string, number>,
  ) {
    this.#publisher = sessions.publisher
    this.#reader = sessions.reader
    this.#topic = topic
    this.#size = size
    this.#codes = codes
    this.ledger = new Ledger(topic)
    this.#reader.onData = (frame) => this.#live(frame)
    this.#timer = setInterval(() => this.#one(), probeMs)
  }

  /** Waits for the first ack and the first live message of what was sent after `struckAt`. */
  async recovered(struckAt: number): Promise<Recovery> {
    this.#struckAt = struckAt
    const end = struckAt + giveUpMs
    while (this.#firstAck === undefined || this.#firstLive === undefined) {
      if (performance.now() > end) break
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const since = (at: number | undefined) => (at ?? Number.POSITIVE_INFINITY) - struckAt
    return { ackMs: since(this.#firstAck), liveMs: since(this.#firstLive) }
  }

  /** Ends the load and waits for its answers. Returns the longest time without an acknowledgement, ms. */
  async stop(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, lingerMs))
    clearInterval(this.#timer)
    await Promise.all(this.#open)
    return this.#longestGap
  }

  #one(): void {
    const n = this.#sentAt.push(performance.now()) - 1
    this.ledger.sent(n)
    const done = this.#publisher.publish(this.#topic, payload(n, this.#size)).then(
      (seq) => {
        this.ledger.acked(n, seq)
        const now = performance.now()
        if (this.#lastAck > 0) this.#longestGap = Math.max(this.#longestGap, now - this.#lastAck)
        this.#lastAck = now
        if ((this.#sentAt[n] ?? 0) > this.#struckAt) this.#firstAck ??= now
      },
      (error: unknown) => {
        const code = error instanceof Refused ? error.code : String(error)
        this.#codes[code] = (this.#codes[code] ?? 0) + 1
      },
    )
    this.#open.add(done)
    void done.then(() => this.#open.delete(done))
  }

  #live(frame: Buffer): void {
    const n = numberInFrame(frame)
    if (n < 0) return
    const { data } = JSON.parse(frame.toString()) as { data: { seq: number } }
    if (this.#lastSeq > 0 && data.seq !== this.#lastSeq + 1) this.gaps++
    this.#lastSeq = data.seq
    if ((this.#sentAt[n] ?? 0) > this.#struckAt) this.#firstLive ??= performance.now()
  }
}
