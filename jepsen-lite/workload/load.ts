import { messageBody } from '../client/message-body.ts'
import type { MessageBody } from '../client/message-body.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'

/** What a fault of load makes clients do. A workload for which one means nothing says why. */
export type LoadKind = 'hot-topic' | 'burst' | 'large-messages'

export interface LoadOptions {
  /** Operations per second wished for, all lanes together. */
  readonly rate: number
  /** That work all the time. */
  readonly lanes: number
  /** Whether there are more lanes, which work in bursts alone. */
  readonly mayBurst: boolean
  /** What the workload cannot do, and why. */
  readonly without?: Readonly<Partial<Record<LoadKind, string>>>
  /** ms; missing: the monotonic clock. */
  readonly now?: () => number
}

/** What clients did while faults of load were in force, since the run began. */
export interface LoadCounts {
  readonly operations: number
  /** Operations that are under way now. */
  readonly open: number
  /** Choices of a topic or key while one was hot, and those that fell on it. */
  readonly choices: number
  readonly hotChoices: number
  /** Large messages that were acknowledged, and their bytes. */
  readonly largeStored: number
  readonly largeBytes: number
}

/** A burst multiplies the rate by so much. */
export const burstFactor = 10
/** The hot topic or key takes so much of all operations. */
export const hotShare = 0.9
/** Lanes at most, with those of bursts; each is a connection. Above: a burst makes the lanes that there are faster. */
export const maxLanes = 200
/** Near the largest frame that a server takes by default, 131,072 bytes with what is around it. */
const largePadBytes = [100_000, 130_000] as const
const largeShare = 0.2
/** Large messages come no closer than this, or they would be all that the machine does. ms */
const largeGapMs = 50

/**
 * What the faults of load and the clients share: the faults say what is in force, generators and
 * workloads act on it. A run has one.
 */
export class Load {
  /** With those that work in bursts alone, which come last. */
  readonly lanes: number
  readonly usualLanes: number
  readonly rate: number
  readonly #without: Readonly<Partial<Record<LoadKind, string>>>
  readonly #now: () => number
  readonly #counts = {
    operations: 0,
    open: 0,
    choices: 0,
    hotChoices: 0,
    largeStored: 0,
    largeBytes: 0,
  }
  #factor = 1
  #wake: (() => void)[] = []
  #hotPlace: number | undefined
  #hotName: string | undefined
  #isLarge = false
  #lastLarge = -Infinity

  constructor({ rate, lanes, mayBurst, without = {}, now }: LoadOptions) {
    this.rate = rate
    this.usualLanes = lanes
    this.lanes = mayBurst ? Math.max(lanes, Math.min(maxLanes, lanes * burstFactor)) : lanes
    this.#without = without
    this.#now = now ?? (() => performance.now())
  }

  /** Why the workload cannot do such a thing; undefined: it can. */
  lacks(kind: LoadKind): string | undefined {
    return this.#without[kind]
  }

  get counts(): LoadCounts {
    return { ...this.#counts }
  }

  /** So many times the wished rate; 1: no burst. */
  setFactor(factor: number): void {
    this.#factor = factor
    if (factor === 1) return
    for (const wake of this.#wake) wake()
    this.#wake = []
  }

  /** Which of its things everybody wants, as a share of their list in [0, 1); undefined: none. */
  setHot(place: number | undefined): void {
    this.#hotPlace = place
    this.#hotName = undefined
  }

  /** The hot one of the things last chosen among. */
  get hotName(): string | undefined {
    return this.#hotName
  }

  setLarge(isLarge: boolean): void {
    this.#isLarge = isLarge
  }

  get factor(): number {
    return this.#factor
  }

  /** Settles when a burst begins, or at `until` (of the monotonic clock, ms). */
  async burst(until: number): Promise<void> {
    if (this.#factor !== 1) return
    const woken = new Promise<void>((wake) => this.#wake.push(wake))
    await Promise.race([woken, sleep(until - performance.now())])
  }

  /** An operation begins. */
  begun(): void {
    this.#counts.operations++
    this.#counts.open++
  }

  ended(): void {
    this.#counts.open--
  }

  /** One of `items`: any of them, or mostly the hot one. All lanes must have them in the same order. */
  pick<T extends string | number>(prng: Prng, items: readonly T[]): T {
    const hot = this.hotOf(items)
    if (hot === undefined) return prng.pick(items)
    const picked = prng.chance(hotShare) ? hot : prng.pick(items)
    this.chosen(String(hot), picked === hot)
    return picked
  }

  /** The one that is hot now. */
  hotOf<T>(items: readonly T[]): T | undefined {
    if (this.#hotPlace === undefined) return undefined
    return items[Math.floor(this.#hotPlace * items.length)]
  }

  /** For those who choose in another way than `pick`. */
  chosen(hotName: string, isHot: boolean): void {
    this.#hotName = hotName
    this.#counts.choices++
    if (isHot) this.#counts.hotChoices++
  }

  /** The body of a new message; large now and then, if such a fault is in force. */
  body(prng: Prng, id: string, usualPadBytes = 0): MessageBody {
    if (!this.#isLarge || this.#now() - this.#lastLarge < largeGapMs || !prng.chance(largeShare))
      return messageBody(id, usualPadBytes)
    this.#lastLarge = this.#now()
    const [least, most] = largePadBytes
    return messageBody(id, least + prng.below(most - least))
  }

  /** The message was acknowledged. */
  stored({ pad = '' }: MessageBody): void {
    const bytes = Buffer.byteLength(pad)
    if (bytes < largePadBytes[0] / 2) return
    this.#counts.largeStored++
    this.#counts.largeBytes += bytes
  }
}
