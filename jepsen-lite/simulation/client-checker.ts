import type { ConfState, Entry, Index, RaftId, Term } from '../../src/raft/entry.ts'
import type { Command, ReplicaState } from './replica-state.ts'
import { decodeCommand, registerCount } from './replica-state.ts'
import { demand } from './violation.ts'

interface Applied {
  readonly term: Term
  readonly digest: number
  readonly command: Command | null
}

/** What a write to a register was, in the order of the log. */
interface Write {
  readonly index: Index
  readonly id: number
}

/** I3, I10, I17: what clients were told, against what was applied. */
export class ClientChecker {
  readonly #applied = new Map<Index, Applied>()
  readonly #writes: Write[][] = Array.from({ length: registerCount }, () => [])
  readonly #asked = new Map<number, Index>()
  /** Members as of an index, oldest first. */
  readonly confs: { readonly index: Index; readonly conf: ConfState }[] = []
  lastAcknowledged: Index = 0

  founded(state: ReplicaState): void {
    this.#applied.set(state.applied, { term: state.term, digest: state.digest(), command: null })
    this.confs.push({ index: state.applied, conf: state.conf })
  }

  get conf(): ConfState {
    return this.confs[this.confs.length - 1]?.conf as ConfState
  }

  applied(id: RaftId, entry: Entry, state: ReplicaState): void {
    const { index, term } = entry
    const known = this.#applied.get(index)
    if (known !== undefined) {
      this.matches(id, state)
      return
    }
    const command = decodeCommand(entry)
    this.#applied.set(index, { term, digest: state.digest(), command })
    if (command !== null) this.#writes[command.register]?.push({ index, id: command.id })
    if (entry.kind === 'conf-change') this.confs.push({ index, conf: state.conf })
  }

  /** The state of a member, as applied, started from or installed. */
  matches(id: RaftId, state: ReplicaState): void {
    if (state.applied === 0) return
    const known = this.#applied.get(state.applied)
    const seen = () => ({ id, applied: state.applied, known: known ?? null })
    demand(known !== undefined && known.digest === state.digest(), 'I17 equal digest', seen)
  }

  acknowledged(index: Index, term: Term, id: number): void {
    const at = this.#applied.get(index)
    const seen = () => ({ index, term, id, found: at ?? null })
    demand(at?.term === term && at.command?.id === id, 'I3 acknowledged', seen)
    this.lastAcknowledged = Math.max(this.lastAcknowledged, index)
  }

  /** `committed`: the last index that was committed anywhere at that time. */
  asked(context: number, committed: Index): void {
    this.#asked.set(context, committed)
  }

  answered(id: RaftId, context: number, register: number, state: ReplicaState): void {
    const { applied } = state
    const value = state.registers[register]
    const atLeast = this.#asked.get(context) ?? Infinity
    this.#asked.delete(context)
    demand(applied >= atLeast, 'I10 fresh read', () => ({ id, context, applied, atLeast }))
    const expected = this.#valueAt(register, applied)
    const seen = () => ({ id, context, applied, register, value, expected })
    demand(value === expected, 'I10 read value', seen)
  }

  #valueAt(register: number, index: Index): number {
    const writes = this.#writes[register] ?? []
    let low = 0
    let high = writes.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((writes[middle] as Write).index <= index) low = middle + 1
      else high = middle
    }
    return writes[low - 1]?.id ?? 0
  }
}
