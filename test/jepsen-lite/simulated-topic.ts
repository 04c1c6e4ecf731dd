import type { OpDraft } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'

interface Sending {
  readonly value: { readonly id: string; readonly sender: string; readonly n: number }
  readonly process: string
  /** Where in the log it was stored; undefined: not yet, or never. */
  seq: number | undefined
}

interface Listener {
  readonly name: string
  cursor: number
  attached: boolean
}

/** A legal run of one topic: publishers with unknown outcomes and retries, subscribers who resume, final reads. */
export class SimulatedTopic {
  readonly lines: OpDraft[] = []
  readonly #prng: Prng
  readonly #log: string[] = []
  readonly #sending = new Map<number, Sending>()
  readonly #retries: Sending[] = []
  readonly #listeners: Listener[]
  #lives = 0
  #count = 0

  constructor(seed: number, steps: number) {
    this.#prng = new Prng(seed)
    this.#listeners = ['s0', 's1'].map((name) => ({ name, cursor: 0, attached: false }))
    for (let i = 0; i < steps; i++) this.#step()
    while (this.#sending.size > 0) for (const client of this.#sending.keys()) this.#publish(client)
    for (const listener of this.#listeners) {
      if (!listener.attached) this.#attach(listener)
      while (listener.cursor < this.#log.length) this.#deliver(listener)
    }
    for (const node of ['n1', 'n2', 'n3']) this.#read(node)
  }

  #step(): void {
    if (this.#prng.chance(0.6)) return this.#publish(this.#prng.below(4))
    const listener = this.#prng.pick(this.#listeners)
    if (!listener.attached) return this.#attach(listener)
    if (this.#prng.chance(0.1)) return this.#detach(listener)
    if (listener.cursor < this.#log.length) this.#deliver(listener)
  }

  #publish(client: number): void {
    const running = this.#sending.get(client)
    if (!running) {
      const again = this.#retries.pop()
      const process = `c${client}/${this.#lives}`
      const fresh = { id: `${process}.${++this.#count}`, sender: process, n: this.#count }
      // A retry goes out on another connection, so under another sender, with the same id.
      const value = again ? { ...again.value, sender: process } : fresh
      this.#sending.set(client, { value, process, seq: again?.seq })
      this.#line(process, 'invoke', 'publish', value)
      return
    }
    const { value, process } = running
    const fate = this.#prng.fraction()
    if (running.seq === undefined && fate < 0.05) this.#end(client, 'fail', value)
    else if (running.seq === undefined && fate < 0.8) running.seq = this.#log.push(value.id)
    else if (running.seq !== undefined && fate < 0.85)
      this.#end(client, 'ok', { ...value, seq: running.seq })
    else {
      this.#end(client, 'info', value)
      this.#lives++
      if (this.#prng.chance(0.5)) this.#retries.push({ ...running, process })
    }
  }

  #end(client: number, type: OpDraft['type'], value: object): void {
    this.#line(this.#sending.get(client)?.process ?? '?', type, 'publish', value)
    this.#sending.delete(client)
  }

  #attach(listener: Listener): void {
    const value = { subscriber: listener.name, cursor: listener.cursor }
    this.#line(listener.name, 'invoke', 'attach', value)
    this.#line(listener.name, 'ok', 'attach', value)
    listener.attached = true
  }

  #detach(listener: Listener): void {
    this.#line(listener.name, 'info', 'detach', { subscriber: listener.name })
    listener.attached = false
  }

  #deliver(listener: Listener): void {
    const id = this.#log[listener.cursor] ?? '?'
    listener.cursor++
    this.#line(listener.name, 'ok', 'deliver', {
      seq: listener.cursor,
      id,
      subscriber: listener.name,
    })
  }

  #read(node: string): void {
    const at = { process: `final-${node}`, f: 'read-all', key: 't', node } as const
    this.lines.push({ ...at, type: 'invoke' })
    const value = this.#log.map((id, i) => ({ seq: i + 1, id }))
    this.lines.push({ ...at, type: 'ok', value })
  }

  #line(process: string, type: OpDraft['type'], f: string, value: unknown): void {
    this.lines.push({ process, type, f, key: 't', value })
  }
}
