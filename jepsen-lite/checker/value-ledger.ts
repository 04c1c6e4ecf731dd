import type { Call, ValueUse } from './model.ts'

/** Counts, while a search goes on, who still has to find a value and who could still produce it. */
export class ValueLedger {
  readonly #use: ValueUse
  readonly #certain: Uint8Array
  /** Per value: calls without a place that need to find it; certain ones, and all. */
  readonly #mustFind: Int32Array
  readonly #mayFind: Int32Array
  readonly #canProduce: Int32Array
  /** Per value: all calls that produce it, with a place or without. */
  readonly #producers: Int32Array

  constructor(calls: readonly Call[], use: ValueUse) {
    this.#use = use
    this.#certain = Uint8Array.from(calls, (call) => (call.returned === Infinity ? 0 : 1))
    this.#mustFind = new Int32Array(use.count)
    this.#mayFind = new Int32Array(use.count)
    this.#canProduce = new Int32Array(use.count)
    for (let call = 0; call < calls.length; call++) this.#add(call, 1)
    this.#producers = this.#canProduce.slice()
  }

  place(call: number): void {
    this.#add(call, -1)
  }

  takeBack(call: number): void {
    this.#add(call, 1)
  }

  /** Placing `call` would leave `state` for good, and somebody must still find it. */
  mustNotLeave(state: number, call: number): boolean {
    const { observes, produces } = this.#use
    if (produces[call] === state || produces[call] === -1) return false
    if ((this.#canProduce[state] as number) > 0) return false
    const own = observes[call] === state && this.#certain[call] === 1 ? 1 : 0
    return (this.#mustFind[state] as number) > own
  }

  /**
   * The value that `call` has to find and that is not there. Only of values with several producers:
   * where there is one, the order of the zones knows better. -1: none.
   */
  neededBy(call: number, state: number): number {
    if (call < 0) return -1
    const value = this.#use.observes[call] as number
    return value >= 0 && value !== state && (this.#producers[value] as number) > 1 ? value : -1
  }

  /** Finds `state`, which has several producers. Where there is one, the order of the zones knows better. */
  isChance(call: number, state: number): boolean {
    return this.#use.observes[call] === state && (this.#producers[state] as number) > 1
  }

  /** Replaces whatever it finds. */
  isBlind(call: number): boolean {
    return this.#use.observes[call] === -1 && this.#use.produces[call] !== -1
  }

  /** A blind change whose value nobody needs to find any more. */
  isUnneeded(call: number): boolean {
    return this.isBlind(call) && this.#mayFind[this.#use.produces[call] as number] === 0
  }

  #add(call: number, by: number): void {
    const observed = this.#use.observes[call] as number
    const produced = this.#use.produces[call] as number
    if (observed >= 0) {
      this.#mayFind[observed] = (this.#mayFind[observed] as number) + by
      if (this.#certain[call] === 1)
        this.#mustFind[observed] = (this.#mustFind[observed] as number) + by
    }
    if (produced >= 0) this.#canProduce[produced] = (this.#canProduce[produced] as number) + by
  }
}
