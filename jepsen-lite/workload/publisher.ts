import { producerId } from '../client/producer-id.ts'
import type { ChatClient, IdempotencyKey } from '../client/chat-client.ts'
import type { MessageBody } from '../client/message-body.ts'
import type { CallResult } from '../client/connection.ts'
import type { Generator } from '../generator.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import { sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { WorkloadContext } from './workload.ts'

export interface PublisherOptions {
  readonly context: WorkloadContext
  readonly name: string
  readonly seat: Seat
  readonly topics: readonly string[]
  readonly generator: Generator<'publish'>
  readonly prng: Prng
  /** Under an idempotency key, again and again until it is acknowledged. */
  readonly retries: boolean
}

const reconnectMs = [20, 250] as const
/** Messages up to so large are mixed in, bytes. */
const maxPadBytes = 2_000

/**
 * One lane: one operation at a time. After an unknown outcome the process and the connection are
 * left behind; a new connection is a new sender, because order is promised per connection only.
 */
export class Publisher {
  readonly #options: PublisherOptions
  /** Outlives connections; one per lane, so that its numbers have one order. */
  readonly #producer: string
  #client: ChatClient | undefined
  #life = 0
  #count = 0
  readonly #sent = new Map<string, number>()
  readonly #attached = new Set<string>()

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#producer = producerId(Date.now(), options.prng.below(2 ** 22))
  }

  async run(until: number): Promise<void> {
    const { context, generator, prng, topics, retries } = this.#options
    while (performance.now() < until) {
      if (!(await generator.step(until))) continue
      const topic = context.load.pick(prng, topics)
      const id = `${this.#options.name}.${++this.#count}`
      // A retry under a key must carry the same body, so it is drawn once.
      const padBytes = prng.chance(0.02) ? prng.below(maxPadBytes) : 0
      const body = context.load.body(prng, id, padBytes)
      if (!retries) await this.#attempt(topic, body, undefined)
      else await this.#untilStored(topic, body, until)
    }
    this.#client?.close()
  }

  /** Whoever gives up on a number leaves a hole, so the last message may be tried a little longer. */
  async #untilStored(topic: string, body: MessageBody, until: number): Promise<void> {
    const n = (this.#sent.get(topic) ?? 0) + 1
    this.#sent.set(topic, n)
    const key = { producer: this.#producer, n }
    while (performance.now() < until + 10_000)
      if ((await this.#attempt(topic, body, key)).outcome === 'ok') return
  }

  async #attempt(
    topic: string,
    body: MessageBody,
    key: IdempotencyKey | undefined,
  ): Promise<Pick<CallResult, 'outcome'>> {
    const { context, name, prng } = this.#options
    const client = await this.#connected()
    const process = `${name}/${this.#life}`
    const value = { id: body.id, sender: process, n: this.#count }
    const at = { process, f: 'publish', key: topic, ...(client && { node: client.node }) } as const
    context.history.record({ ...at, type: 'invoke', value })
    // Nothing was published yet, so this is a certain failure whatever became of the attach.
    const obstacle = client ? await this.#attach(client, topic) : 'not connected'
    if (!client || obstacle !== undefined) {
      context.history.record({ ...at, type: 'fail', value, error: obstacle ?? '' })
      await sleep(prng.between(...reconnectMs))
      return { outcome: 'fail' }
    }
    const { outcome, params, error } = await client.publish(topic, body, { key })
    const told = outcome === 'ok' ? { ...value, seq: params['seq'] } : value
    context.history.record({
      ...at,
      type: outcome,
      value: told,
      ...(error !== undefined && { error }),
    })
    if (outcome === 'ok') context.load.stored(body)
    if (outcome === 'info') this.#leave()
    else if (outcome === 'fail') this.#attached.delete(topic)
    // A retry with the reason still there would be a busy loop.
    if (outcome !== 'ok') await sleep(prng.between(...reconnectMs))
    return { outcome }
  }

  /** Topic by topic, so that one without a majority does not keep us from the others. */
  async #attach(client: ChatClient, topic: string): Promise<string | undefined> {
    if (this.#attached.has(topic)) return undefined
    const { outcome, error } = await client.subscribe(topic)
    if (outcome !== 'ok') return `not attached: ${error}`
    this.#attached.add(topic)
    return undefined
  }

  async #connected(): Promise<ChatClient | undefined> {
    if (this.#client?.isOpen) return this.#client
    if (this.#client) this.#leave()
    const { context, seat, prng } = this.#options
    const node = prng.pick(context.world.nodes)
    this.#client = await sitDown(context, seat, { node, topics: [] })
    return this.#client
  }

  #leave(): void {
    this.#client?.close()
    this.#client = undefined
    this.#attached.clear()
    this.#life++
  }
}
