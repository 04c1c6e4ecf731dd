import { userIdBytes } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Write } from './outcome.ts'
import { fromJsonRow, jsonRow } from './row-bytes.ts'
import { tables } from './tables.ts'

/** Users whose floor is kept one by one. Above: the oldest floors become one that holds for all. */
export const maxFloors = 16_384
const floorsJoined = 1_024

/**
 * The highest id of a producer that was retired, by user: ids at or below it that are not known
 * were retired, too. One id is enough because ids rise with time.
 */
export class ProducerFloors {
  readonly #byUser = new Map<UserId, string>()
  readonly #dirty = new Set<UserId>()
  /** Holds for everybody. */
  #common = ''
  #commonDirty = false

  /** `uid` null: the floor of everybody. */
  restore(uid: UserId | null, value: Uint8Array): void {
    const { floor } = fromJsonRow(value) as { floor: string }
    if (uid === null) this.#common = floor
    else this.#byUser.set(uid, floor)
  }

  /** A producer that is not known was retired once, or may have been. */
  covers(uid: UserId, id: string): boolean {
    return !isLater(id, this.#byUser.get(uid) ?? '') || !isLater(id, this.#common)
  }

  raise(uid: UserId, id: string): void {
    if (!isLater(id, this.#byUser.get(uid) ?? '')) return
    this.#byUser.set(uid, id)
    this.#dirty.add(uid)
    if (this.#byUser.size > maxFloors) this.#join()
  }

  takeWrites(to: Write[]): void {
    const table = tables.producer
    for (const uid of this.#dirty) {
      const floor = this.#byUser.get(uid)
      const value = floor === undefined ? null : jsonRow({ floor })
      to.push({ table, key: userIdBytes(uid), value })
    }
    this.#dirty.clear()
    if (!this.#commonDirty) return
    this.#commonDirty = false
    to.push({ table, key: new Uint8Array(0), value: jsonRow({ floor: this.#common }) })
  }

  #join(): void {
    const oldest = [...this.#byUser].sort(([, a], [, b]) => (isLater(a, b) ? 1 : -1))
    for (const [uid, floor] of oldest.slice(0, floorsJoined)) {
      if (isLater(floor, this.#common)) this.#common = floor
      this.#byUser.delete(uid)
      this.#dirty.add(uid)
    }
    this.#commonDirty = true
  }
}

/** Whether producer `a` was minted after `b`; '' is before all. */
function isLater(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}
