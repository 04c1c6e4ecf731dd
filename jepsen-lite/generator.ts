import type { Prng } from './prng.ts'
import { sleep } from './sleep.ts'
import type { Load } from './workload/load.ts'

/** What one lane is to do next: an operation, or nothing for a while. */
export type Step<Kind extends string> =
  | { readonly kind: Kind; readonly after: number }
  | { readonly kind: 'idle'; readonly after: number }

export interface GeneratorOptions<Kind extends string> {
  readonly prng: Prng
  /** Operations per second of all lanes together, on average. */
  readonly rate: number
  readonly lanes: number
  /** How often each kind comes, relative to the others. */
  readonly mix: Readonly<Record<Kind, number>>
  /** Share of the time in which a lane does nothing at all, in [0, 1). Busy systems hide bugs. */
  readonly idleShare: number
  /** Mean length of such a stretch, ms. */
  readonly idleMs: number
  /** ms; missing: the monotonic clock. Null: `after` is the whole gap, however long the last operation took. */
  readonly now?: (() => number) | null
  /** Faults of load; missing: there are none. */
  readonly load?: Load
  /** The lane works in bursts alone. */
  readonly isExtra?: boolean
}

/** A lane that fell behind catches up with so much and no more, or a slow time would be followed by a flood. ms */
const maxBehindMs = 500

/**
 * Draws what a lane does and when. Gaps are measured from start to start of operations, so that the
 * time that they take does not lower the rate. They are exponential, so that lanes meet by chance and not in
 * step; idle stretches come on top, and the rate in between is raised so that the mean stays.
 */
export class Generator<Kind extends string> {
  readonly #prng: Prng
  readonly #kinds: readonly (readonly [Kind, number])[]
  readonly #total: number
  readonly #rate: number
  readonly #lanes: number
  readonly #idleShare: number
  readonly #idleMs: number
  readonly #load: Load | undefined
  readonly #isExtra: boolean
  readonly #now: (() => number) | null
  #due: number | undefined
  #isOpen = false

  constructor(options: GeneratorOptions<Kind>) {
    const { prng, rate, lanes, mix, idleShare, idleMs, now, load, isExtra = false } = options
    this.#prng = prng
    this.#kinds = Object.entries<number>(mix).map(
      ([kind, weight]) => [kind as Kind, weight] as const,
    )
    this.#total = this.#kinds.reduce((sum, [, weight]) => sum + weight, 0)
    if (!(this.#total > 0)) throw new Error('the mix of operations is empty')
    this.#rate = rate
    this.#lanes = lanes
    this.#idleShare = idleShare
    this.#idleMs = idleMs
    this.#now = now === undefined ? () => performance.now() : now
    this.#load = load
    this.#isExtra = isExtra
  }

  /** Waits for the next step; undefined when it was none: an idle stretch, or `until` came (of the monotonic clock, ms). */
  async step(until: number): Promise<Kind | undefined> {
    // Whoever asks for the next step is through with the last one.
    if (this.#isOpen) this.#load?.ended()
    this.#isOpen = false
    if (this.#isExtra && this.#load?.factor === 1) {
      await this.#load.burst(until)
      // What it did not do while it slept is not to be made up for.
      this.#due = undefined
      return undefined
    }
    const { kind, after } = this.next()
    await sleep(after, until)
    if (kind === 'idle' || performance.now() >= until) return undefined
    this.#load?.begun()
    this.#isOpen = true
    return kind as Kind
  }

  /** `after` is in ms: what must pass before the step. */
  next(): Step<Kind> {
    const meanMs = this.#meanMs()
    const idleShare = this.#idleShare
    const idleChance = idleShare === 0 ? 0 : Math.min(1, (meanMs * idleShare) / this.#idleMs)
    if (this.#prng.chance(idleChance))
      return { kind: 'idle', after: this.#wait(this.#prng.exponential(this.#idleMs)) }
    const gapMs = meanMs * (1 - idleShare)
    return { kind: this.#kind(), after: this.#wait(this.#prng.exponential(gapMs)) }
  }

  /** From one operation of this lane to the next. In a burst the extra lanes share the work. */
  #meanMs(): number {
    const load = this.#load
    if (!load || load.factor === 1) return (1000 * this.#lanes) / this.#rate
    return (1000 * load.lanes) / (this.#rate * load.factor)
  }

  #wait(gap: number): number {
    if (!this.#now) return gap
    const now = this.#now()
    this.#due = Math.max((this.#due ?? now) + gap, now - maxBehindMs)
    return Math.max(0, this.#due - now)
  }

  #kind(): Kind {
    let left = this.#prng.between(0, this.#total)
    for (const [kind, weight] of this.#kinds) {
      left -= weight
      if (left < 0) return kind
    }
    return this.#kinds.at(-1)?.[0] as Kind
  }
}
