import type { Entity } from '../chat/entity.ts'
import { planted } from '../fault-points.ts'
import type { Index } from '../raft/entry.ts'
import { entityKey } from './rows.ts'

/** An entity in memory, or on its way there. */
export interface Slot {
  readonly name: string
  readonly key: Uint8Array
  entity: Entity | null
  /** What waits for the rows to be read. */
  readonly waiting: (() => void)[]
  /** Index of the last entry that carries rows of it: before that is applied, the store is behind. */
  lastIndex: Index
  /** It is part of the batch being made. */
  touched: boolean
  weight: number
}

/**
 * Entities of one partition that the owner holds in memory, least recently used first. Bounded by
 * weight: above it idle entities go, and are read back from their rows when somebody asks.
 * An entity whose changes the store has not applied yet stays, whatever the bound says.
 */
export class EntityCache {
  readonly #slots = new Map<string, Slot>()
  readonly #maxWeight: number
  #weight = 0

  /** `maxWeight`: bytes, as entities estimate themselves. */
  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight
  }

  get size(): number {
    return this.#slots.size
  }

  /** The slot for `name`, made when missing, and now the most recently used. */
  touch(name: string): Slot {
    let slot = this.#slots.get(name)
    if (slot === undefined) {
      slot = {
        name,
        key: entityKey(name),
        entity: null,
        waiting: [],
        lastIndex: 0,
        touched: false,
        weight: 0,
      }
    } else this.#slots.delete(name)
    this.#slots.set(name, slot)
    return slot
  }

  /** The entity grew or shrank. */
  reweigh(slot: Slot): void {
    const weight = slot.entity?.weight() ?? 0
    this.#weight += weight - slot.weight
    slot.weight = weight
  }

  /** Lets go of idle entities until the bound holds. `applied`: what the store has. */
  evict(applied: Index): number {
    if (this.#weight <= this.#maxWeight) return 0
    let evicted = 0
    for (const [name, slot] of this.#slots) {
      if (this.#weight <= this.#maxWeight) break
      const busy = slot.entity === null || slot.touched || slot.lastIndex > applied
      if (busy) continue
      this.#slots.delete(name)
      this.#weight -= slot.weight
      evicted++
    }
    return evicted
  }

  /** All in-memory state goes: ownership is lost. Returns what waited for rows. */
  clear(): (() => void)[] {
    const waiting = [...this.#slots.values()].flatMap((slot) => slot.waiting.splice(0))
    if (planted('K19')) return this.#keep(waiting)
    this.#slots.clear()
    this.#weight = 0
    return waiting
  }

  /** The planted bug: what was opened in a term stays for the next. */
  #keep(waiting: (() => void)[]): (() => void)[] {
    for (const slot of this.#slots.values()) {
      if (slot.entity === null || slot.touched) this.#slots.delete(slot.name)
    }
    return waiting
  }
}
