import type { Prng } from '../prng.ts'
import type { ConfState, Entry, Index, Snapshot } from '../../src/raft/entry.ts'
import { ReplicaState } from './replica-state.ts'

/** A snapshot and the state that it stands for. Kept apart: the message carries only the first. */
export interface Image {
  readonly snapshot: Snapshot
  readonly state: ReplicaState
}

/** One write to the store: it changes the state, and whether the state is known to be incomplete. */
export interface StateWrite {
  readonly apply: (state: ReplicaState) => void
  readonly isIncomplete: boolean
}

/**
 * The applied state of one machine. Each batch holds its changes and the applied index together;
 * none is synced by itself, so a crash goes back to some earlier index, never behind the last sync.
 */
export class StateStore {
  readonly live: ReplicaState
  /** An install is under way: `live` is neither the old state nor the new. */
  isIncomplete = false
  /** The newest snapshot that can be sent. */
  offered: Image | null = null
  #synced: ReplicaState
  #isSyncedIncomplete = false
  #pending: StateWrite[] = []

  constructor(conf: ConfState) {
    this.live = new ReplicaState(conf)
    this.#synced = this.live.clone()
  }

  /** The index that no crash goes back behind. */
  get durable(): Index {
    return this.#synced.applied
  }

  apply(entry: Entry, conf: ConfState): void {
    this.write({ apply: (state) => state.apply(entry, conf), isIncomplete: this.isIncomplete })
  }

  write(write: StateWrite): void {
    write.apply(this.live)
    this.isIncomplete = write.isIncomplete
    this.#pending.push(write)
  }

  sync(): void {
    this.#synced = this.live.clone()
    this.#isSyncedIncomplete = this.isIncomplete
    this.#pending = []
  }

  /**
   * The writes of an install, to be made one after the other. The first says that from now on the
   * state is incomplete, the last that it is the new one. `isBlind` leaves both out (mutant K15).
   */
  installSteps(image: Image, chunks: number, isBlind: boolean): StateWrite[] {
    const { registers } = image.state
    const steps: StateWrite[] = [{ apply: (state) => state.clear(), isIncomplete: !isBlind }]
    for (let chunk = 0; chunk < chunks; chunk++) {
      const copy = (state: ReplicaState): void => {
        for (let i = chunk; i < registers.length; i += chunks) {
          state.registers[i] = registers[i] as number
        }
      }
      steps.push({ apply: copy, isIncomplete: !isBlind })
    }
    steps.push({ apply: (state) => state.assign(image.state), isIncomplete: false })
    return steps
  }

  /** Power loss: some prefix of what was not synced is there. */
  crash(random: Prng): void {
    for (const { apply, isIncomplete } of this.#pending.slice(
      0,
      random.below(this.#pending.length + 1),
    )) {
      apply(this.#synced)
      this.#isSyncedIncomplete = isIncomplete
    }
    this.live.assign(this.#synced)
    this.isIncomplete = this.#isSyncedIncomplete
    this.#pending = []
  }
}
