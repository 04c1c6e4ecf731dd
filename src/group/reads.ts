import { assert } from '../assert.ts'
import type { Raft } from '../raft/raft.ts'
import type { Index } from '../raft/entry.ts'
import type { ReadState } from '../raft/ready.ts'

/** Told the index that is applied here and was committed when the read was asked for; null: not confirmed. */
export type ReadDone = (index: Index | null) => void

interface Round {
  readonly context: number
  readonly dones: ReadDone[]
  /** Ticks until it is given up. */
  ticks: number
}

/** Reads of one group that wait, in all. Above: told null at once. */
const maxWaitingReads = 65_536

/**
 * Linearizable reads of one group. All that are asked for in one turn share one question to the
 * core, under a context that is never used again; each is answered when the confirmed index is
 * applied here.
 */
export class Reads {
  readonly #nextContext: () => number
  readonly #deadlineTicks: number
  #unasked: ReadDone[] = []
  #asked: Round[] = []
  #confirmed: { readonly index: Index; readonly dones: readonly ReadDone[] }[] = []
  #waiting = 0

  constructor(nextContext: () => number, deadlineTicks: number) {
    this.#nextContext = nextContext
    this.#deadlineTicks = deadlineTicks
  }

  get waiting(): number {
    return this.#waiting
  }

  ask(done: ReadDone): void {
    if (this.#waiting >= maxWaitingReads) return done(null)
    this.#waiting++
    this.#unasked.push(done)
  }

  /** Puts what has gathered to the core. */
  flush(raft: Raft): void {
    if (this.#unasked.length === 0) return
    const dones = this.#unasked
    this.#unasked = []
    const context = this.#nextContext()
    const asked = raft.readIndex(context)
    if (asked.error !== undefined) this.#answer(dones, null)
    else this.#asked.push({ context, dones, ticks: this.#deadlineTicks })
  }

  confirm(reads: readonly ReadState[], applied: Index): void {
    for (const { index, context } of reads) {
      const at = this.#asked.findIndex((round) => round.context === context)
      const [round] = at < 0 ? [] : this.#asked.splice(at, 1)
      if (round === undefined) continue // given up meanwhile
      if (index <= applied) this.#answer(round.dones, index)
      else this.#confirmed.push({ index, dones: round.dones })
    }
  }

  appliedTo(index: Index): void {
    if (this.#confirmed.length === 0) return
    const ripe = this.#confirmed.filter((read) => read.index <= index)
    if (ripe.length === 0) return
    this.#confirmed = this.#confirmed.filter((read) => read.index > index)
    for (const { index: at, dones } of ripe) {
      assert(at <= index, 'GROUP-9', { at, applied: index })
      this.#answer(dones, at)
    }
  }

  /** The leader or the term changed: the core will not answer what it was asked before. */
  drop(): void {
    const lost = this.#asked
    this.#asked = []
    for (const { dones } of lost) this.#answer(dones, null)
  }

  /** Nothing will be answered any more. */
  close(): void {
    this.drop()
    this.#answer(this.#unasked.splice(0), null)
    for (const { dones } of this.#confirmed.splice(0)) this.#answer(dones, null)
  }

  tick(): void {
    if (this.#asked.length === 0) return
    for (const round of this.#asked) round.ticks--
    if ((this.#asked[0] as Round).ticks > 0) return
    const late = this.#asked.filter((round) => round.ticks <= 0)
    this.#asked = this.#asked.filter((round) => round.ticks > 0)
    for (const { dones } of late) this.#answer(dones, null)
  }

  #answer(dones: readonly ReadDone[], index: Index | null): void {
    this.#waiting -= dones.length
    for (const done of dones) done(index)
  }
}
