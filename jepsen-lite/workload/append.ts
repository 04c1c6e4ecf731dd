import { messageBody } from '../client/message-body.ts'
import { Generator } from '../generator.ts'
import { emptyDigest, extended } from '../list-digest.ts'
import { finalReads } from './final-reads.ts'
import { Lane } from './lane.ts'
import { makeSeats, makeTopics } from './seats.ts'
import type { Seat } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/**
 * W6: appends that return what was there before. The acknowledgement tells only a seq, so the writer
 * reads what lies below it, from wherever he is, and folds it into one digest; the next message says
 * how far he had seen. So every answer vouches for the whole list before it, and whether all of them
 * fit into one order is decided in linear time, without a search.
 */
export const append: Workload = {
  name: 'append',
  says: 'W6: publish, then read everything below the own seq; digests of the list must agree.',
  mustSucceed: ['publish', 'look-back', 'read-all'],
  prepare,
}

const accounts = 5

async function prepare(context: WorkloadContext): Promise<Prepared> {
  const { prng, rate, lanes } = context
  const seats = await makeSeats(context, accounts)
  const [owner] = seats as [Seat, ...Seat[]]
  const topics = await makeTopics(context, owner)
  const writers = Array.from({ length: lanes }, (_, i) => {
    const own = prng.split(`writer ${i}`)
    const lane = new Lane({ context, name: `w${i}`, seat: own.pick(seats), prng: own })
    // Each step is a publish and a read.
    const options = { prng: own, rate: rate / 2, lanes, mix: { append: 1 } }
    const pace = new Generator({ ...options, idleShare: 0.1, idleMs: 500 })
    return { lane, pace, writer: new Writer(lane) }
  })
  return {
    async run(until) {
      await Promise.all(
        writers.map(({ lane, pace, writer }) =>
          lane.run(pace, until, () => writer.append(lane.prng.pick(topics))),
        ),
      )
    },
    async finish(deadlineMs) {
      for (const { lane } of writers) lane.close()
      await finalReads(context, { seat: owner, topics, deadlineMs })
    },
  }
}

/** A writer's knowledge of a topic: the list up to and with `seq`. */
interface Seen {
  readonly seq: number
  readonly digest: string
}

class Writer {
  readonly #lane: Lane
  readonly #seen = new Map<string, Seen>()
  #count = 0

  constructor(lane: Lane) {
    this.#lane = lane
  }

  async append(topic: string): Promise<void> {
    const n = ++this.#count
    const id = `${this.#lane.name}.${n}`
    const seen = this.#seen.get(topic) ?? { seq: 0, digest: emptyDigest }
    const at = { key: topic, topics: [topic] }
    let own: unknown
    const { outcome } = await this.#lane.operate(
      { f: 'publish', ...at, asked: (sender) => ({ id, sender, n, seen }) },
      async (client, value) => {
        const result = await client.publish(topic, messageBody(id), { echo: true })
        own = result.params['seq']
        if (result.outcome !== 'ok') return { outcome: result.outcome, error: result.error }
        return { outcome: 'ok', told: { ...(value as object), seq: own } }
      },
    )
    if (outcome === 'ok' && typeof own === 'number') await this.#lookBack(topic, { id, own, seen })
  }

  async #lookBack(
    topic: string,
    { id, own, seen }: { readonly id: string; readonly own: number; readonly seen: Seen },
  ): Promise<void> {
    const asked = (): object => ({ before: own })
    const operation = { f: 'look-back', key: topic, topics: [topic], asked }
    await this.#lane.operate(operation, async (client) => {
      const read = await client.history(topic, { since: seen.seq + 1, before: own })
      if (read.outcome !== 'ok') return { outcome: read.outcome, error: read.error }
      const digest = read.messages.reduce((so, message) => extended(so, message.id), seen.digest)
      this.#seen.set(topic, { seq: own, digest: extended(digest, id) })
      return { outcome: 'ok', told: { before: own, digest } }
    })
  }
}
