import { endOfTopic } from '../client/chat-client.ts'
import type { ChatClient } from '../client/chat-client.ts'
import type { Generator } from '../generator.ts'
import type { Outcome } from '../operations.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import { sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { WorkloadContext } from './workload.ts'

export interface LaneOptions {
  readonly context: WorkloadContext
  readonly name: string
  readonly seat: Seat
  readonly prng: Prng
  /** Whenever the connection in use is over, whoever ended it. */
  readonly onClose?: () => void
}

/** How an operation ended; `told` is the value of its completion. */
export interface Answer {
  readonly outcome: Outcome
  readonly error?: string | undefined
  readonly told?: unknown
}

export interface Operation {
  readonly f: string
  readonly key: string
  /** Value of the invocation, given the process that makes it. */
  readonly asked?: (process: string) => unknown
  /** Topics to be attached to first; not being let in is a certain failure of the operation. */
  readonly topics?: readonly string[]
}

const reconnectMs = [20, 250] as const

/**
 * One client with one operation at a time. After an unknown outcome the process and the connection
 * are left behind, and the lane goes on as another process over another node.
 */
export class Lane {
  readonly name: string
  readonly prng: Prng
  readonly #context: WorkloadContext
  readonly #seat: Seat
  readonly #onClose: (() => void) | undefined
  readonly #attached = new Set<string>()
  #client: ChatClient | undefined
  #life = 0

  constructor({ context, name, seat, prng, onClose }: LaneOptions) {
    this.name = name
    this.prng = prng
    this.#context = context
    this.#seat = seat
    this.#onClose = onClose
  }

  /** Takes steps until `until` (of the monotonic clock, ms). */
  async run<Kind extends string>(
    generator: Generator<Kind>,
    until: number,
    act: (kind: Kind) => Promise<unknown>,
  ): Promise<void> {
    while (performance.now() < until) {
      const kind = await generator.step(until)
      if (kind !== undefined) await act(kind)
    }
  }

  /** Records the operation, does it, records what became of it. */
  async operate(
    { f, key, asked, topics = [] }: Operation,
    act: (client: ChatClient, asked: unknown) => Promise<Answer>,
  ): Promise<Answer> {
    const { history } = this.#context
    const client = await this.#connected()
    const process = `${this.name}/${this.#life}`
    const at = { process, f, key, ...(client && { node: client.node }) }
    const value = asked?.(process)
    history.record({ ...at, type: 'invoke', ...(value !== undefined && { value }) })
    // Nothing was asked yet, so an obstacle is a certain failure.
    const obstacle = client ? await this.#attach(client, topics) : 'not connected'
    const answer: Answer =
      client && obstacle === undefined
        ? await act(client, value)
        : { outcome: 'fail', error: obstacle ?? 'not connected' }
    const { outcome, error, told = value } = answer
    const end = {
      ...(told !== undefined && { value: told }),
      ...(error !== undefined && { error }),
    }
    history.record({ ...at, type: outcome, ...end })
    if (outcome === 'info') this.leave()
    else if (outcome === 'fail') for (const topic of topics) this.#attached.delete(topic)
    // A retry with the reason still there would be a busy loop.
    if (outcome !== 'ok') await sleep(this.prng.between(...reconnectMs))
    return answer
  }

  /** Goes on as another process over another connection. */
  leave(): void {
    this.close()
    this.#client = undefined
    this.#attached.clear()
    this.#life++
  }

  close(): void {
    this.#client?.close()
  }

  /** Topic by topic, so that one without a majority does not keep us from the others. */
  async #attach(client: ChatClient, topics: readonly string[]): Promise<string | undefined> {
    for (const topic of topics) {
      if (this.#attached.has(topic)) continue
      const { outcome, error } = await client.subscribeFrom(topic, endOfTopic)
      if (outcome !== 'ok') return `not attached to ${topic}: ${error}`
      this.#attached.add(topic)
    }
    return undefined
  }

  async #connected(): Promise<ChatClient | undefined> {
    if (this.#client?.isOpen) return this.#client
    if (this.#client) this.leave()
    const node = this.prng.pick(this.#context.world.nodes)
    const onClose = this.#onClose
    this.#client = await sitDown(this.#context, this.#seat, {
      node,
      topics: [],
      ...(onClose && { onClose }),
    })
    return this.#client
  }
}
