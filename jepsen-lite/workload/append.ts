import { emptyDigest, extended } from '../list-digest.ts'
import { finalReads } from './final-reads.ts'
import { Lane } from './lane.ts'
import type { Load } from './load.ts'
import { paceOf } from './pace.ts'
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
  const { prng, lanes, load } = context
  const seats = await makeSeats(context, accounts)
  const [owner] = seats as [Seat, ...Seat[]]
  const topics = await makeTopics(context, owner)
  // The lanes of a burst take over what others know: to read all topics from the beginning would be all that they do.
  const known = Array.from({ length: lanes }, () => new Map<string, Seen>())
  const writers = Array.from({ length: load.lanes }, (_, i) => {
    const own = prng.split(`writer ${i}`)
    const lane = new Lane({ context, name: `w${i}`, seat: own.pick(seats), prng: own })
    // Each step is a publish and a read.
    const pace = paceOf(context, { prng: own, lane: i, mix: { append: 1 }, perStep: 2 })
    return { lane, pace, writer: new Writer(lane, load, known[i % lanes]) }
  })
  return {
    async run(until) {
      await Promise.all(
        writers.map(({ lane, pace, writer }) =>
          lane.run(pace, until, () => writer.append(load.pick(lane.prng, topics))),
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
  readonly #load: Load
  readonly #seen: Map<string, Seen>
  #count = 0

  constructor(lane: Lane, load: Load, seen = new Map<string, Seen>()) {
    this.#lane = lane
    this.#load = load
    this.#seen = seen
  }

  async append(topic: string): Promise<void> {
    const n = ++this.#count
    const id = `${this.#lane.name}.${n}`
    const seen = this.#seen.get(topic) ?? { seq: 0, digest: emptyDigest }
    const body = this.#load.body(this.#lane.prng, id)
    const at = { key: topic, topics: [topic] }
    let own: unknown
    const { outcome } = await this.#lane.operate(
      { f: 'publish', ...at, asked: (sender) => ({ id, sender, n, seen }) },
      async (client, value) => {
        const result = await client.publish(topic, body, { echo: true })
        own = result.params['seq']
        if (result.outcome !== 'ok') return { outcome: result.outcome, error: result.error }
        this.#load.stored(body)
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
