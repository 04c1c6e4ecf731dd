import type { Group } from '../../src/group/group.ts'
import type { StateMachine } from '../../src/group/state-machine.ts'
import type { Entry, Index, RaftId, Term } from '../../src/raft/entry.ts'
import { KeyWriter, groupRange, readU64 } from '../../src/store/keys.ts'
import type { Op, Store } from '../../src/store/store.ts'

/** The plainest machine: its state is the list of texts that were committed. Fails on gaps and repeats. */
export class ListMachine implements StateMachine {
  readonly #id: number
  readonly #store: Store
  #applied: Index
  #next: Index
  group: Group | null = null
  /** What it was told, in order. */
  readonly told: string[] = []
  /** Set to hold back the store: committed entries are written when it is unset. */
  slow: Promise<void> | null = null

  private constructor(id: number, store: Store, applied: Index) {
    this.#id = id
    this.#store = store
    this.#applied = applied
    this.#next = applied + 1
  }

  static async open(id: number, store: Store): Promise<ListMachine> {
    return new ListMachine(id, store, await readApplied(id, store))
  }

  /** What the rows of a group stand for. */
  static appliedOf(id: number, store: Store): Promise<Index> {
    return readApplied(id, store)
  }

  committed(entries: readonly Entry[]): void {
    const ops: Op[] = []
    for (const entry of entries) {
      if (entry.index !== this.#next) throw new Error(`${entry.index} came, ${this.#next} was next`)
      this.#next++
      if (entry.kind === 'normal' && entry.data.length > 0) {
        ops.push({ key: rowKey(this.#id, entry.index), value: entry.data })
      }
    }
    const index = this.#next - 1
    ops.push({ key: appliedKey(this.#id), value: new KeyWriter(8).u64(index).key() })
    void this.#write(ops, index)
  }

  lead(term: Term): void {
    this.told.push(`lead ${term}`)
  }

  follow(term: Term, lead: RaftId): void {
    this.told.push(`follow ${term} ${lead}`)
  }

  applied(): Index {
    return this.#applied
  }

  async restored(): Promise<void> {
    this.#applied = await readApplied(this.#id, this.#store)
    this.#next = this.#applied + 1
    this.told.push(`restored ${this.#applied}`)
  }

  /** What the store holds. */
  async list(): Promise<string[]> {
    const rows = await this.#store.range(groupRange(this.#id))
    return rows
      .filter(([key]) => key[2] === 1)
      .map(([key, value]) => `${readU64(key, 3)}=${Buffer.from(value).toString()}`)
  }

  /** Only the texts. */
  async texts(): Promise<string[]> {
    return (await this.list()).map((row) => row.slice(row.indexOf('=') + 1))
  }

  async #write(ops: Op[], index: Index): Promise<void> {
    if (this.slow !== null) await this.slow
    await this.#store.write(ops)
    this.#applied = index
    this.group?.applied(index)
  }
}

const rowKey = (id: number, index: Index): Uint8Array =>
  new KeyWriter(11).u16(id).u8(1).u64(index).key()
const appliedKey = (id: number): Uint8Array => new KeyWriter(3).u16(id).u8(0).key()

async function readApplied(id: number, store: Store): Promise<Index> {
  const value = await store.get(appliedKey(id))
  return value === undefined ? 0 : readU64(value, 0)
}
