import type { Prng } from './prng.ts'

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
  readonly #gapMs: number
  readonly #idleChance: number
  readonly #idleMs: number
  readonly #now: (() => number) | null
  #due: number | undefined

  constructor({ prng, rate, lanes, mix, idleShare, idleMs, now }: GeneratorOptions<Kind>) {
    this.#prng = prng
    this.#kinds = Object.entries<number>(mix).map(
      ([kind, weight]) => [kind as Kind, weight] as const,
    )
    this.#total = this.#kinds.reduce((sum, [, weight]) => sum + weight, 0)
    if (!(this.#total > 0)) throw new Error('the mix of operations is empty')
    const meanMs = (1000 * lanes) / rate
    this.#gapMs = meanMs * (1 - idleShare)
    this.#idleMs = idleMs
    this.#now = now === undefined ? () => performance.now() : now
    this.#idleChance = idleShare === 0 ? 0 : Math.min(1, (meanMs * idleShare) / idleMs)
  }

  /** `after` is in ms: what must pass before the step. */
  next(): Step<Kind> {
    if (this.#prng.chance(this.#idleChance))
      return { kind: 'idle', after: this.#wait(this.#prng.exponential(this.#idleMs)) }
    return { kind: this.#kind(), after: this.#wait(this.#prng.exponential(this.#gapMs)) }
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
