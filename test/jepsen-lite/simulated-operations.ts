import type { OpDraft } from '../../jepsen-lite/op.ts'
import type { Prng } from '../../jepsen-lite/prng.ts'

/** What a call comes to at the moment it takes effect. */
export interface Effect {
  readonly type: 'ok' | 'fail'
  readonly told?: unknown
}

interface Running {
  readonly line: OpDraft
  readonly act: () => Effect
  effect: Effect | undefined
}

/**
 * Clients with one operation at a time. Each takes effect at one random moment while it is open, or,
 * when its outcome stays unknown, at a later one or never. After that its client has another name.
 */
export class SimulatedClients {
  readonly lines: OpDraft[] = []
  readonly #prng: Prng
  readonly #unknown: number
  readonly #running = new Map<string, Running>()
  readonly #lives = new Map<string, number>()
  readonly #late: (() => Effect)[] = []

  constructor(prng: Prng, unknown: number) {
    this.#prng = prng
    this.#unknown = unknown
  }

  process(client: string): string {
    return `${client}/${this.#lives.get(client) ?? 0}`
  }

  isBusy(client: string): boolean {
    return this.#running.has(client)
  }

  begin(client: string, call: Omit<OpDraft, 'process' | 'type'>, act: () => Effect): void {
    const line: OpDraft = { process: this.process(client), type: 'invoke', ...call }
    this.lines.push(line)
    this.#running.set(client, { line, act, effect: undefined })
  }

  /** One step of a client that is busy: the effect, or the answer. */
  goOn(client: string): void {
    const running = this.#running.get(client)
    if (!running) return
    const { line, act } = running
    if (this.#prng.chance(this.#unknown)) {
      if (!running.effect && this.#prng.chance(0.5)) this.#late.push(act)
      this.lines.push({ ...line, type: 'info' })
      this.#lives.set(client, (this.#lives.get(client) ?? 0) + 1)
      this.#running.delete(client)
    } else if (!running.effect) running.effect = act()
    else {
      const { type, told = line.value } = running.effect
      this.lines.push({ ...line, type, ...(told !== undefined && { value: told }) })
      this.#running.delete(client)
    }
  }

  /** Something of unknown outcome happens after all. */
  catchUp(): void {
    this.#late.shift()?.()
  }

  finish(): void {
    while (this.#running.size > 0) for (const client of this.#running.keys()) this.goOn(client)
  }
}
