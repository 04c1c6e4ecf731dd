import type { ChatClient } from '../client/chat-client.ts'
import { endOfTopic, stored } from '../client/chat-client.ts'
import type { Generator } from '../generator.ts'
import { sleep } from '../sleep.ts'
import { Lane } from './lane.ts'
import type { LaneOptions } from './lane.ts'
import { messageRow } from './message-row.ts'
import type { WorkloadContext } from './workload.ts'

export type MemberStep = 'send' | 'history' | 'leave'

const pageLimit = 20
/** Before somebody who was refused knocks again, ms. */
const knockMs = [50, 200] as const

/** One member of the room of the time: comes in, sends, reads, listens, leaves, is thrown out. */
export class MemberLane {
  readonly user: string
  readonly #context: WorkloadContext
  readonly #lane: Lane
  /** The connection and the room that we are attached over and to, as far as we know. */
  #place: { readonly client: ChatClient; readonly topic: string } | undefined
  #count = 0

  constructor(options: Omit<LaneOptions, 'onClose'>) {
    const { context, seat } = options
    this.user = seat.user
    this.#context = context
    this.#lane = new Lane({ ...options, onClose: () => this.#detached('lost') })
  }

  run(generator: Generator<MemberStep>, until: number, roomNow: () => string): Promise<void> {
    return this.#lane.run(generator, until, async (kind) => {
      const topic = roomNow()
      if (this.#place && this.#place.topic !== topic) this.#lane.leave()
      if (!this.#place) return this.#join(topic)
      if (kind === 'send') await this.#send(topic)
      else if (kind === 'history') await this.#history(topic)
      else await this.#leave(topic)
    })
  }

  close(): void {
    this.#place = undefined
    this.#lane.close()
  }

  async #join(topic: string): Promise<void> {
    const who = { subscriber: this.#lane.name, member: this.user }
    const operation = { f: 'attach', key: topic, asked: () => who }
    const { outcome } = await this.#lane.operate(operation, async (client) => {
      client.listen(topic, (frame) => {
        const value = { ...who, ...messageRow(stored(frame)) }
        const process = this.#lane.name
        this.#context.history.record({ process, type: 'ok', f: 'deliver', key: topic, value })
      })
      client.onEvicted = (from) => {
        if (from === this.#place?.topic) this.#detached('evicted')
      }
      // The place counts from the asking: we may be thrown out before the answer is here.
      this.#place = { client, topic }
      const result = await client.subscribeFrom(topic, endOfTopic)
      if (result.outcome !== 'ok' && this.#place?.client === client) this.#place = undefined
      return result
    })
    if (outcome === 'fail') await sleep(this.#lane.prng.between(...knockMs))
  }

  async #send(topic: string): Promise<void> {
    const n = ++this.#count
    const body = this.#context.load.body(this.#lane.prng, `${this.#lane.name}.${n}`)
    const asked = (sender: string): object => ({ id: body.id, sender, n, member: this.user })
    const { outcome } = await this.#lane.operate(
      { f: 'publish', key: topic, asked },
      async (client, value) => {
        if (client !== this.#place?.client) return notAttached
        const result = await client.publish(topic, body, { echo: true })
        if (result.outcome !== 'ok') return { outcome: result.outcome, error: result.error }
        this.#context.load.stored(body)
        return { outcome: 'ok', told: { ...(value as object), seq: result.params['seq'] } }
      },
    )
    if (outcome === 'fail') this.#detached('refused')
  }

  async #history(topic: string): Promise<void> {
    const request = { since: 1, limit: pageLimit }
    const asked = (): object => ({ level: 'strong', member: this.user, ...request })
    const { outcome } = await this.#lane.operate(
      { f: 'history', key: topic, asked },
      async (client, value) => {
        if (client !== this.#place?.client) return notAttached
        const read = await client.look(topic, request)
        if (read.outcome !== 'ok') return { outcome: read.outcome, error: read.error }
        const messages = read.messages.map(messageRow)
        return { outcome: 'ok', told: { ...(value as object), last: read.last, messages } }
      },
    )
    if (outcome === 'fail') this.#detached('refused')
  }

  async #leave(topic: string): Promise<void> {
    const asked = (): object => ({ member: this.user })
    await this.#lane.operate({ f: 'leave', key: topic, asked }, async (client) =>
      client === this.#place?.client ? client.unsubscribe(topic) : notAttached,
    )
    this.#detached('leaves')
  }

  #detached(why: string): void {
    const topic = this.#place?.topic
    this.#place = undefined
    if (topic === undefined) return
    const value = { subscriber: this.#lane.name, why }
    const at = { process: this.#lane.name, type: 'info', f: 'detach', key: topic } as const
    this.#context.history.record({ ...at, value })
  }
}

const notAttached = { outcome: 'fail', error: 'not attached' } as const
