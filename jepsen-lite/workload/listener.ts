import type { ChatClient, StoredMessage } from '../client/chat-client.ts'
import type { CallResult } from '../client/connection.ts'
import { attachByPages, attachFrom } from '../client/subscription.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import { messageRow } from './message-row.ts'
import { sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { WorkloadContext } from './workload.ts'

export interface ListenerOptions {
  readonly context: WorkloadContext
  readonly name: string
  readonly seat: Seat
  readonly topic: string
  readonly prng: Prng
  /** How he gets what he missed: in one stream with what is live, or page by page as stock clients do. */
  readonly via: 'cursor' | 'pages'
  /** How long a connection is kept on average before the listener leaves by himself, ms. */
  readonly stayMs: number
}

const reconnectMs = [50, 500] as const
const pollMs = 50

/** A subscriber of one topic who comes back from his cursor, at another node, whenever he lost it. */
export class Listener {
  readonly #options: ListenerOptions
  #client: ChatClient | undefined
  #cursor = 0
  #life = 0
  #attached = false

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  get topic(): string {
    return this.#options.topic
  }

  get cursor(): number {
    return this.#cursor
  }

  /** Until `over` says so; then the connection is left open, so that late messages still count. */
  async run(over: () => boolean): Promise<void> {
    const { prng, stayMs } = this.#options
    while (!over()) {
      if (!this.#client?.isOpen) await this.#connect()
      const leaveAt = performance.now() + prng.exponential(stayMs)
      while (!over() && this.#client?.isOpen && performance.now() < leaveAt) await sleep(pollMs)
      if (!over()) this.#leave('leaves')
    }
  }

  /** The subscriber's side is over; what comes later is not recorded. */
  close(): void {
    this.#attached = false
    this.#client?.close()
  }

  async #connect(): Promise<void> {
    const { context, seat, topic, prng, name } = this.#options
    const node = prng.pick(context.world.nodes)
    const onClose = (): void => this.#leave('lost')
    const client = await sitDown(context, seat, { node, topics: [], onClose })
    if (!client) {
      await sleep(prng.between(...reconnectMs))
      return
    }
    this.#client = client
    this.#attached = true
    const at = { process: `${name}/${++this.#life}`, f: 'attach', key: topic, node } as const
    const value = { subscriber: name, cursor: this.#cursor }
    context.history.record({ ...at, type: 'invoke', value })
    const { outcome, error } = await this.#attach(client, (message) => {
      if (!this.#attached || this.#client !== client) return
      this.#cursor = message.seq
      const told = { ...messageRow(message), subscriber: name }
      context.history.record({ ...at, type: 'ok', f: 'deliver', value: told })
    })
    context.history.record({ ...at, type: outcome, value, ...(error !== undefined && { error }) })
    if (outcome !== 'ok') {
      this.#leave('refused')
      await sleep(prng.between(...reconnectMs))
    }
  }

  #attach(client: ChatClient, deliver: (message: StoredMessage) => void): Promise<CallResult> {
    const { context, seat, topic, via } = this.#options
    if (via === 'cursor') return attachFrom(client, topic, this.#cursor, deliver)
    const { node } = client
    const pager = () => sitDown(context, seat, { node, topics: [] })
    return attachByPages(client, topic, this.#cursor, { pager, deliver })
  }

  #leave(why: string): void {
    if (!this.#attached) return
    this.#attached = false
    const { context, topic, name } = this.#options
    const value = { subscriber: name, why }
    context.history.record({ process: name, type: 'info', f: 'detach', key: topic, value })
    this.#client?.close()
  }
}
