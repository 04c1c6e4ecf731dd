import type { ChatClient } from '../client/chat-client.ts'
import { sleep } from '../sleep.ts'
import { finalReads, nodesLeft } from './final-reads.ts'
import { Lane } from './lane.ts'
import type { Answer } from './lane.ts'
import type { Load } from './load.ts'
import { paceOf } from './pace.ts'
import { makeSeats, makeTopics, sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/** W8: how far everybody has read. Finds marks that go back, come from nowhere, or are lost. */
export const marks: Workload = {
  name: 'marks',
  says: 'W8: read and received marks of several sessions of each user, and what is unread in the end.',
  mustSucceed: ['publish', 'mark', 'marks', 'read-all'],
  prepare,
}

const accounts = 5
const retryMs = 300

type Kind = 'publish' | 'mark' | 'marks' | 'unread'

async function prepare(context: WorkloadContext): Promise<Prepared> {
  const { prng, load } = context
  const seats = await makeSeats(context, accounts)
  const [owner] = seats as [Seat, ...Seat[]]
  const topics = await makeTopics(context, owner)
  const readers = Array.from({ length: load.lanes }, (_, i) => {
    const own = prng.split(`reader ${i}`)
    const seat = seats[i % accounts] as Seat
    const lane = new Lane({ context, name: `r${i}`, seat, prng: own })
    const mix = { publish: 2, mark: 3, marks: 2, unread: 1 }
    const marker = new Marker({ lane, user: seat.user, load })
    return { lane, marker, pace: paceOf<Kind>(context, { prng: own, lane: i, mix }) }
  })
  return {
    async run(until) {
      await Promise.all(
        readers.map(({ lane, pace, marker }) =>
          lane.run(pace, until, (kind) => marker.once(kind, load.pick(lane.prng, topics))),
        ),
      )
    },
    async finish(deadlineMs) {
      const until = performance.now() + deadlineMs
      for (const { lane } of readers) lane.close()
      await finalReads(context, { seat: owner, topics, deadlineMs: deadlineMs / 2 })
      for (const node of nodesLeft(context))
        for (const seat of seats)
          for (const topic of topics) await finalMarks(context, seat, { node, topic, until })
    },
  }
}

class Marker {
  readonly #lane: Lane
  readonly #user: string
  readonly #load: Load
  /** The end of each topic, as far as this lane knows. */
  readonly #ends = new Map<string, number>()
  #count = 0

  constructor({ lane, user, load }: { lane: Lane; user: string; load: Load }) {
    this.#lane = lane
    this.#user = user
    this.#load = load
  }

  once(kind: Kind, topic: string): Promise<Answer> {
    if (kind === 'publish') return this.#publish(topic)
    if (kind === 'mark') return this.#mark(topic)
    return this.#look(topic, kind)
  }

  #publish(topic: string): Promise<Answer> {
    const n = ++this.#count
    const body = this.#load.body(this.#lane.prng, `${this.#lane.name}.${n}`)
    const asked = (sender: string): object => ({ id: body.id, sender, n, member: this.#user })
    const operation = { f: 'publish', key: topic, topics: [topic], asked }
    return this.#lane.operate(operation, async (client, value) => {
      const { outcome, params, error } = await client.publish(topic, body)
      if (outcome !== 'ok') return { outcome, error }
      this.#load.stored(body)
      return { outcome, told: { ...(value as object), seq: params['seq'] } }
    })
  }

  /** Nothing answers a note, so it is followed by a read on the same connection. */
  #mark(topic: string): Promise<Answer> {
    const { prng } = this.#lane
    const what = prng.pick(['read', 'recv'] as const)
    // Beyond the end now and then: that must be refused.
    const seq = 1 + prng.below(Math.ceil(1.1 * (this.#ends.get(topic) ?? 1)) + 1)
    const asked = (): object => ({ user: this.#user, what, seq })
    const operation = { f: 'mark', key: topic, topics: [topic], asked }
    return this.#lane.operate(operation, async (client) => {
      const sent = client.note(topic, what, seq)
      if (sent === 'fail') return { outcome: sent, error: 'not connected' }
      const answer = this.#seen(topic, await described(client, topic))
      // The note may have counted, whatever became of the read behind it.
      return answer.outcome === 'fail' ? { ...answer, outcome: 'info' } : answer
    })
  }

  /** The topic's description, or our own row of the list of topics. */
  #look(topic: string, from: 'marks' | 'unread'): Promise<Answer> {
    const asked = (): object => ({ user: this.#user })
    const topics = from === 'marks' ? [topic] : ['me']
    return this.#lane.operate({ f: 'marks', key: topic, topics, asked }, async (client) =>
      this.#seen(
        topic,
        from === 'marks' ? await described(client, topic) : await row(client, topic),
      ),
    )
  }

  #seen(topic: string, answer: Answer & { readonly told?: Marks }): Answer {
    if (answer.told) this.#ends.set(topic, answer.told.seq)
    return answer
  }
}

interface Marks {
  readonly seq: number
  readonly read: number
  readonly recv: number
}

type MarksAnswer = Answer & { readonly told?: Marks }

async function described(client: ChatClient, topic: string): Promise<MarksAnswer> {
  const { outcome, error, desc } = await client.description(topic)
  return outcome === 'ok' ? { outcome, told: marksOf(desc) } : { outcome, error }
}

async function row(client: ChatClient, topic: string): Promise<MarksAnswer> {
  const result = await client.ownRow(topic)
  const { outcome, error } = result
  return outcome === 'ok' ? { outcome, told: marksOf(result.row) } : { outcome, error }
}

/** Zeros are left out on the wire. */
function marksOf(row: Readonly<Record<string, unknown>>): Marks {
  const count = (name: string): number => (typeof row[name] === 'number' ? row[name] : 0)
  return { seq: count('seq'), read: count('read'), recv: count('recv') }
}

async function finalMarks(
  context: WorkloadContext,
  seat: Seat,
  place: { readonly node: string; readonly topic: string; readonly until: number },
): Promise<void> {
  const { node, topic, until } = place
  for (let attempt = 0; attempt === 0 || performance.now() < until; attempt++) {
    const process = `final-${node}-${topic}-${seat.user}/${attempt}`
    const value = { user: seat.user }
    const at = { process, f: 'marks', key: topic, node } as const
    context.history.record({ ...at, type: 'invoke', value })
    const client = await sitDown(context, seat, { node, topics: [topic] })
    const { outcome, told, error }: MarksAnswer = client
      ? await described(client, topic)
      : { outcome: 'fail', error: 'not connected' }
    client?.close()
    const end = told ? { value: { ...value, ...told, final: true } } : { value }
    context.history.record({ ...at, type: outcome, ...end, ...(error !== undefined && { error }) })
    if (outcome === 'ok') return
    await sleep(retryMs)
  }
}
