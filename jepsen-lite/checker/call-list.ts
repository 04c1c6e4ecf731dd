import type { Call } from './model.ts'

/**
 * The invocations and returns of the calls that have no place yet, in real-time order. Calls whose
 * invocation stands before the first return may come next. Removing and restoring is O(1) when
 * restored in the opposite order (dancing links).
 */
export class CallList {
  readonly #head: number
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #hasReturn: Uint8Array
  readonly #placed: Uint8Array

  constructor(calls: readonly Call[]) {
    const events: { at: number; node: number }[] = []
    this.#hasReturn = new Uint8Array(calls.length)
    this.#placed = new Uint8Array(calls.length)
    calls.forEach(({ invoked, returned }, call) => {
      events.push({ at: invoked, node: call * 2 })
      if (returned === Infinity) return
      events.push({ at: returned, node: call * 2 + 1 })
      this.#hasReturn[call] = 1
    })
    events.sort((a, b) => a.at - b.at)
    this.#head = calls.length * 2
    this.#next = new Int32Array(this.#head + 1)
    this.#previous = new Int32Array(this.#head + 1)
    let last = this.#head
    for (const { node } of events) {
      this.#next[last] = node
      this.#previous[node] = last
      last = node
    }
    this.#next[last] = this.#head
    this.#previous[this.#head] = last
  }

  /** The first call that may come next; -1: none. */
  get first(): number {
    return this.#callAt(this.#next[this.#head] as number)
  }

  /** The one behind `call` that may come next as well; -1: none. */
  after(call: number): number {
    return this.#callAt(this.#next[call * 2] as number)
  }

  /** The call that answered first of all those without a place; -1: none has an answer. */
  get firstReturn(): number {
    let node = this.#next[this.#head] as number
    while (node !== this.#head && node % 2 === 0) node = this.#next[node] as number
    return node === this.#head ? -1 : (node - 1) / 2
  }

  /** Fills `into` with the calls that `fits` and that answer first of all those without a place; how many. */
  nextReturns(into: Int32Array, fits: (call: number) => boolean): number {
    let found = 0
    for (
      let node = this.#next[this.#head] as number;
      node !== this.#head && found < into.length;
      node = this.#next[node] as number
    )
      if (node % 2 === 1 && fits((node - 1) / 2)) into[found++] = (node - 1) / 2
    return found
  }

  isPlaced(call: number): boolean {
    return this.#placed[call] === 1
  }

  remove(call: number): void {
    this.#placed[call] = 1
    this.#unlink(call * 2)
    if (this.#hasReturn[call] === 1) this.#unlink(call * 2 + 1)
  }

  restore(call: number): void {
    this.#placed[call] = 0
    if (this.#hasReturn[call] === 1) this.#link(call * 2 + 1)
    this.#link(call * 2)
  }

  #callAt(node: number): number {
    return node === this.#head || node % 2 === 1 ? -1 : node / 2
  }

  #unlink(node: number): void {
    const [next, previous] = [this.#next[node] as number, this.#previous[node] as number]
    this.#next[previous] = next
    this.#previous[next] = previous
  }

  #link(node: number): void {
    this.#next[this.#previous[node] as number] = node
    this.#previous[this.#next[node] as number] = node
  }
}
