import { Prng } from '../prng.ts'
import { CallList } from './call-list.ts'
import { Memo } from './memo.ts'
import type { MemoBudget } from './memo.ts'
import type { Problem } from './model.ts'
import { zoneRanks } from './zone-ranks.ts'
import { ValueLedger } from './value-ledger.ts'

/** More than any rank: ranks are places in the history. */
const front = 2 ** 50

export type SearchEnd = 'linearizable' | 'refuted' | 'unfinished'

/** Reads that a new state is held against, the first to answer first. */
const outlook = 4

/** How far a search got, for the report: numbers of calls. */
export interface Furthest {
  /** How many calls of the longest attempt found a place. */
  readonly placed: number
  /** The last of them, oldest first. */
  readonly last: readonly number[]
  readonly state: number
  /** The call that had answered already and could not be placed. */
  readonly stuck: number
}

/**
 * Wing and Gong's search for one key, with Lowe's memo of (calls placed, state). It can be stopped
 * after any number of steps and goes on later. Beyond the textbook:
 *
 * - A legal read is placed at once and never reconsidered: it changes nothing, so waiting for it
 *   cannot help.
 * - A state is not entered from which one of the next reads could not answer (`canStillAnswer`).
 * - When every state is a value (`problem.values`): a write that nobody still needs to find goes
 *   unseen right before the next write; a state that somebody still has to find and that nobody
 *   can produce again is not left; and writes are tried in the order of their zones.
 */
export class Search {
  readonly #problem: Problem
  readonly #list: CallList
  readonly #memo: Memo
  readonly #ledger: ValueLedger | undefined
  readonly #rank: Float64Array
  /** Zobrist: four random words per call; their xor over the placed calls names the set. */
  readonly #words: Uint32Array
  readonly #hash = new Uint32Array(4)

  // The path: one frame per placed call.
  readonly #placed: Int32Array
  readonly #stateBefore: Int32Array
  /** Where the frame's untried alternatives begin in #options; forced frames have none. */
  readonly #optionStart: Int32Array
  readonly #optionNext: Int32Array
  #options = new Int32Array(1024)
  #optionEnd = 0
  readonly #ahead = new Int32Array(outlook)
  #trying = -1
  readonly #isRead = (call: number): boolean => this.#problem.calls[call]?.readOnly === true
  readonly #isLeft = (call: number): boolean => call !== this.#trying && !this.#list.isPlaced(call)
  #depth = 0
  #state: number
  #mustLeft: number
  #furthest: Furthest = { placed: -1, last: [], state: 0, stuck: 0 }
  #opened = false
  #result: SearchEnd = 'unfinished'

  constructor(problem: Problem, budget: MemoBudget) {
    const size = problem.calls.length
    this.#problem = problem
    this.#list = new CallList(problem.calls)
    this.#memo = new Memo(budget)
    this.#ledger = problem.values && new ValueLedger(problem.calls, problem.values)
    this.#rank = zoneRanks(problem)
    this.#words = new Uint32Array(size * 4)
    const prng = new Prng('zobrist')
    for (let i = 0; i < this.#words.length; i++) this.#words[i] = prng.next()
    this.#placed = new Int32Array(size)
    this.#stateBefore = new Int32Array(size)
    this.#optionStart = new Int32Array(size + 1)
    this.#optionNext = new Int32Array(size + 1)
    this.#state = problem.initial
    this.#mustLeft = problem.calls.filter((call) => call.returned !== Infinity).length
  }

  get furthest(): Furthest {
    return this.#furthest
  }

  /** Goes on for about `steps` steps. Throws MemoFull. */
  run(steps: number): SearchEnd {
    if (this.#result !== 'unfinished') return this.#result
    for (let step = 0; step < steps; step++) {
      if (!this.#opened) {
        this.#placeReads()
        if (this.#mustLeft === 0) return this.#finish('linearizable')
        step += this.#open()
      }
      if (!this.#advance() && !this.#backtrack()) return this.#finish('refuted')
    }
    return 'unfinished'
  }

  /** Gives the memory back; the search must not go on. */
  abandon(): void {
    this.#memo.release()
  }

  #finish(result: SearchEnd): SearchEnd {
    this.#memo.release()
    this.#result = result
    return result
  }

  #placeReads(): void {
    const { calls } = this.#problem
    let again = true
    while (again) {
      again = false
      let call = this.#list.first
      while (call >= 0) {
        const next = this.#list.after(call)
        if (calls[call]?.readOnly && this.#problem.step(this.#state, call) >= 0) {
          this.#place(call, this.#state)
          again = true
        }
        call = next
      }
    }
  }

  /** Lists what may be tried at this depth, best first. Returns how many there are. */
  #open(): number {
    const start = this.#optionEnd
    const { calls } = this.#problem
    const needed = this.#ledger?.neededBy(this.#list.firstReturn, this.#state) ?? -1
    for (let call = this.#list.first; call >= 0; call = this.#list.after(call)) {
      if (calls[call]?.readOnly) continue
      if (this.#optionEnd === this.#options.length) this.#options = doubled(this.#options)
      let at = this.#optionEnd++
      const rank = this.#rankFor(call, needed)
      while (at > start && this.#rankFor(this.#options[at - 1] as number, needed) > rank) {
        this.#options[at] = this.#options[at - 1] as number
        at--
      }
      this.#options[at] = call
    }
    this.#optionStart[this.#depth] = start
    this.#optionNext[this.#depth] = start
    this.#opened = true
    return this.#optionEnd - start
  }

  /**
   * A change that finds the present state goes first, for its chance may not come again; then
   * whoever produces what the next answer needs.
   */
  #rankFor(call: number, needed: number): number {
    const rank = this.#rank[call] as number
    if (this.#ledger?.isChance(call, this.#state)) return rank - 2 * front
    return needed >= 0 && this.#problem.values?.produces[call] === needed ? rank - front : rank
  }

  /** Places the next alternative that leads somewhere new. False: there is none. */
  #advance(): boolean {
    const end = this.#optionEnd
    let next = this.#optionNext[this.#depth] as number
    const ahead = this.#problem.canStillAnswer
      ? this.#list.nextReturns(this.#ahead, this.#isRead)
      : 0
    while (next < end) {
      const call = this.#options[next++] as number
      const state = this.#problem.step(this.#state, call)
      if (state < 0 || this.#ledger?.mustNotLeave(this.#state, call)) continue
      if (ahead > 0 && !this.#hasFuture(state, call, ahead)) continue
      if (!this.#isNew(call, state)) continue
      this.#optionNext[this.#depth] = next
      const start = this.#optionStart[this.#depth] as number
      const blind = this.#ledger?.isBlind(call) ?? this.#problem.replaces?.(call)
      this.#place(call, state, start, next)
      if (blind) this.#absorb(call)
      this.#opened = false
      return true
    }
    return false
  }

  #hasFuture(state: number, call: number, ahead: number): boolean {
    this.#trying = call
    for (let i = 0; i < ahead; i++) {
      const read = this.#ahead[i] as number
      if (!this.#problem.canStillAnswer?.(state, read, this.#isLeft)) return false
    }
    return true
  }

  /**
   * Writes that nobody needs to find went unseen before the write just placed, if they began before
   * it was over. Each may make way for more of them.
   */
  #absorb(write: number): void {
    const { calls } = this.#problem
    const over = calls[write]?.returned ?? Infinity
    for (let again = true; again;) {
      again = false
      let call = this.#list.first
      while (call >= 0 && (calls[call]?.invoked ?? Infinity) < over) {
        const next = this.#list.after(call)
        if (!calls[call]?.readOnly && this.#isUnseen(call)) {
          this.#place(call, this.#state)
          again = true
        }
        call = next
      }
    }
  }

  #isUnseen(call: number): boolean {
    return this.#ledger?.isUnneeded(call) ?? this.#problem.isUnseen?.(call) ?? false
  }

  #place(call: number, state: number, optionStart = -1, optionNext = -1): void {
    this.#placed[this.#depth] = call
    this.#stateBefore[this.#depth] = this.#state
    this.#optionStart[this.#depth] = optionStart
    this.#optionNext[this.#depth] = optionNext
    this.#depth++
    this.#list.remove(call)
    this.#ledger?.place(call)
    this.#toggle(call)
    if (this.#problem.calls[call]?.returned !== Infinity) this.#mustLeft--
    this.#state = state
  }

  /** Takes back to the last frame with alternatives. False: there is none, nothing fits. */
  #backtrack(): boolean {
    this.#remember()
    this.#optionEnd = this.#opened ? (this.#optionStart[this.#depth] as number) : this.#optionEnd
    while (this.#depth > 0) {
      this.#depth--
      const call = this.#placed[this.#depth] as number
      this.#list.restore(call)
      this.#ledger?.takeBack(call)
      this.#toggle(call)
      if (this.#problem.calls[call]?.returned !== Infinity) this.#mustLeft++
      this.#state = this.#stateBefore[this.#depth] as number
      if ((this.#optionStart[this.#depth] as number) < 0) continue
      this.#opened = true
      return true
    }
    return false
  }

  #isNew(call: number, state: number): boolean {
    const [hash, words, at] = [this.#hash, this.#words, call * 4]
    return this.#memo.add(
      (hash[0] as number) ^ (words[at] as number) ^ mixed(state, 0x9e3779b1),
      (hash[1] as number) ^ (words[at + 1] as number) ^ mixed(state, 0x85ebca77),
      (hash[2] as number) ^ (words[at + 2] as number) ^ mixed(state, 0xc2b2ae3d),
      (hash[3] as number) ^ (words[at + 3] as number) ^ mixed(state, 0x27d4eb2f),
    )
  }

  #toggle(call: number): void {
    for (let i = 0; i < 4; i++)
      this.#hash[i] = (this.#hash[i] as number) ^ (this.#words[call * 4 + i] as number)
  }

  #remember(): void {
    if (this.#depth <= this.#furthest.placed) return
    this.#furthest = {
      placed: this.#depth,
      last: [...this.#placed.subarray(Math.max(0, this.#depth - 8), this.#depth)],
      state: this.#state,
      stuck: this.#list.firstReturn,
    }
  }
}

function doubled(options: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(options.length * 2)
  larger.set(options)
  return larger
}

/** Murmur's finalizer: spreads a small integer over 32 bits. */
function mixed(value: number, salt: number): number {
  let h = Math.imul(value + 1, salt)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
