import { expect } from 'vitest'
import type { Answer, RawClient } from './raw-client.ts'

/** What was said to the publishers of one topic. Every content is sent once, as `producer n`, n rising. */
class Page {
  readonly acked = new Map<number, string>()
  /** Content → when it was first sent, ms of the monotonic clock. */
  readonly sent = new Map<string, number>()
  /** Contents that were certainly not stored. */
  readonly refused = new Set<string>()
}

/** Codes that say: certainly not done (docs/errors.md). */
const definite = new Set([400, 401, 403, 404, 405, 409, 422, 429, 503])

/** The publishes of a test and their answers, to be held against what the topics have kept. */
export class Ledger {
  acks = 0
  /** Answers other than an ack and a lost connection. */
  readonly failures: string[] = []
  /** Acks that contradict an earlier one. */
  readonly contradictions: string[] = []
  readonly #pages = new Map<string, Page>()

  sending(topic: string, content: string): void {
    const { sent } = this.#page(topic)
    if (!sent.has(content)) sent.set(content, performance.now())
  }

  /** What a producer first sent to a topic since then and was acknowledged, as seq and content. */
  ackedSince(topic: string, producer: string, since: number): [number, string][] {
    const { acked, sent } = this.#page(topic)
    return [...acked].filter(
      ([, content]) => content.startsWith(`${producer} `) && (sent.get(content) ?? 0) >= since,
    )
  }

  answered(topic: string, content: string, { code, text, params }: Answer): void {
    const page = this.#page(topic)
    if (code >= 200 && code < 300) {
      const other = page.acked.get(params.seq)
      if (other !== undefined) this.contradictions.push(`${other} and ${content} at ${params.seq}`)
      page.acked.set(params.seq, content)
      this.acks++
    } else if (code !== 0) {
      this.failures.push(`${content}: ${code} ${text}`)
      if (definite.has(code)) page.refused.add(content)
    }
  }

  /** Acked messages stand at their seq, once; no holes; nothing that was not sent; order of each producer. */
  check(topic: string, stored: ReadonlyMap<number, string>): void {
    expect(this.contradictions).toEqual([])
    const { acked, sent, refused } = this.#page(topic)
    const seqs = [...stored.keys()].sort((a, b) => a - b)
    expect(seqs).toEqual(seqs.map((_, i) => i + 1))
    expect(new Set(stored.values()).size).toBe(stored.size)
    const lost = [...acked].filter(([seq, content]) => stored.get(seq) !== content)
    expect(lost).toEqual([])
    const contents = seqs.map((seq) => stored.get(seq)!)
    expect(contents.filter((content) => !sent.has(content))).toEqual([])
    expect(contents.filter((content) => refused.has(content))).toEqual([])
    const last = new Map<string, number>()
    for (const content of contents) {
      const [producer, n] = content.split(' ') as [string, string]
      expect(Number(n), content).toBeGreaterThan(last.get(producer) ?? -1)
      last.set(producer, Number(n))
    }
  }

  #page(topic: string): Page {
    let page = this.#pages.get(topic)
    if (page === undefined) this.#pages.set(topic, (page = new Page()))
    return page
  }
}

/**
 * Publishes over one connection, `window` at a time, to all topics in turn, until `stopped` or the
 * connection is gone; settles when everything is answered.
 */
export async function publishAll(
  client: RawClient,
  producer: string,
  topics: readonly string[],
  ledger: Ledger,
  options: { window: number; stopped: () => boolean },
): Promise<void> {
  for (const topic of topics) await client.must({ sub: { topic } })
  let n = 0
  const lane = async (): Promise<void> => {
    while (client.isOpen && !options.stopped()) {
      const topic = topics[n % topics.length]!
      const content = `${producer} ${n++}`
      ledger.sending(topic, content)
      ledger.answered(topic, content, await client.publish(topic, content))
    }
  }
  await Promise.all(Array.from({ length: options.window }, lane))
}
