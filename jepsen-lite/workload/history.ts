import type { ChatClient } from '../client/chat-client.ts'
import type { PageRequest } from '../client/page.ts'
import { finalReads } from './final-reads.ts'
import { Lane } from './lane.ts'
import type { Answer } from './lane.ts'
import type { Load } from './load.ts'
import { messageRow } from './message-row.ts'
import { paceOf } from './pace.ts'
import { makeSeats, makeTopics } from './seats.ts'
import type { Seat } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/** W3: pages of history, from any node, while others publish. Finds stale and torn reads. */
export const history: Workload = {
  name: 'history',
  says: 'W3: reads of the newest page and of ranges by seq, from any node, beside publishing.',
  mustSucceed: ['publish', 'history', 'read-all'],
  prepare,
}

const accounts = 5
const maxLimit = 40

type Kind = 'publish' | 'newest' | 'range'

async function prepare(context: WorkloadContext): Promise<Prepared> {
  const { prng, load } = context
  const seats = await makeSeats(context, accounts)
  const [owner] = seats as [Seat, ...Seat[]]
  const topics = await makeTopics(context, owner)
  const readers = Array.from({ length: load.lanes }, (_, i) => {
    const own = prng.split(`reader ${i}`)
    const lane = new Lane({ context, name: `h${i}`, seat: own.pick(seats), prng: own })
    const mix = { publish: 2, newest: 2, range: 1 }
    const pace = paceOf<Kind>(context, { prng: own, lane: i, mix })
    return { lane, pace, act: new Reader({ lane, topics, load }) }
  })
  return {
    async run(until) {
      await Promise.all(
        readers.map(({ lane, pace, act }) => lane.run(pace, until, (kind) => act.once(kind))),
      )
    },
    async finish(deadlineMs) {
      for (const { lane } of readers) lane.close()
      await finalReads(context, { seat: owner, topics, deadlineMs })
    },
  }
}

class Reader {
  readonly #lane: Lane
  readonly #topics: readonly string[]
  readonly #load: Load
  /** The highest seq that this lane knows of, by topic; where ranges are drawn from. */
  readonly #known = new Map<string, number>()
  #count = 0

  constructor({ lane, topics, load }: { lane: Lane; topics: readonly string[]; load: Load }) {
    this.#lane = lane
    this.#topics = topics
    this.#load = load
  }

  once(kind: Kind): Promise<Answer> {
    const topic = this.#load.pick(this.#lane.prng, this.#topics)
    return kind === 'publish' ? this.#publish(topic) : this.#read(topic, this.#request(kind, topic))
  }

  #publish(topic: string): Promise<Answer> {
    const n = ++this.#count
    const body = this.#load.body(this.#lane.prng, `${this.#lane.name}.${n}`)
    const asked = (sender: string): object => ({ id: body.id, sender, n })
    const operation = { f: 'publish', key: topic, topics: [topic], asked }
    return this.#lane.operate(operation, async (client, value) => {
      const { outcome, params, error } = await client.publish(topic, body, { echo: true })
      if (outcome !== 'ok') return { outcome, error }
      this.#load.stored(body)
      return { outcome, told: { ...(value as object), seq: params['seq'] } }
    })
  }

  #request(kind: 'newest' | 'range', topic: string): PageRequest {
    const { prng } = this.#lane
    const limit = 1 + prng.below(maxLimit)
    if (kind === 'newest') return { since: 1, limit }
    const since = 1 + prng.below(Math.max(1, this.#known.get(topic) ?? 1))
    return { since, before: since + 1 + prng.below(2 * maxLimit), limit }
  }

  #read(topic: string, request: PageRequest): Promise<Answer> {
    const asked = (): object => ({ level: 'strong', ...request })
    const operation = { f: 'history', key: topic, topics: [topic], asked }
    return this.#lane.operate(operation, async (client: ChatClient, value) => {
      const { outcome, error, last, messages } = await client.look(topic, request)
      if (outcome !== 'ok') return { outcome, error }
      this.#known.set(topic, Math.max(last, this.#known.get(topic) ?? 0))
      const rows = messages.map(messageRow)
      return { outcome, told: { ...(value as object), last, messages: rows } }
    })
  }
}
