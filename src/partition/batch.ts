import type { Told } from '../chat/entity.ts'
import type { Outcome } from '../chat/outcome.ts'
import { tables } from '../chat/tables.ts'
import type { Effect } from './effect.ts'
import type { Slot } from './entity-cache.ts'
import type { Parcel, Refusal, Sink } from './evaluation.ts'
import { rowKey } from './rows.ts'

/** One evaluated thing that waits to be released. */
export interface Release {
  readonly sink: Sink<Outcome | Told>
  readonly result: Outcome | Told
  parcels: readonly Parcel[]
}

/** A sink takes only what its own evaluation answered; the pair is made here and stays together. */
export function releaseOf<T extends Outcome | Told>(sink: Sink<T>, result: T): Release {
  return { sink: sink as unknown as Sink<Outcome | Told>, result, parcels: [] }
}

/** Evaluations of one turn, on their way into one entry. */
export class OpenBatch {
  readonly releases: Release[] = []
  readonly slots: Slot[] = []
  /** Outbox and inbox rows of this entry, in order. */
  readonly mail: Effect[] = []
  /** Bytes that clients sent for it; closes the batch early. */
  bytes = 0

  add(slot: Slot, release: Release, touches: boolean, bytes: number): void {
    this.releases.push(release)
    this.bytes += bytes
    if (touches && !slot.touched) {
      slot.touched = true
      this.slots.push(slot)
    }
  }
}

/** Rows that changed in an entity, as effects. Returns how many messages were removed among them. */
export function takeRows(slot: Slot, to: Effect[]): number {
  let removed = 0
  for (const { table, key, value } of slot.entity?.takeWrites() ?? []) {
    to.push({ key: rowKey(slot.key, table, key), value })
    if (value === null && table === tables.messages) removed++
  }
  return removed
}

export function refuse(releases: readonly Release[], why: Refusal): void {
  for (const { sink } of releases) sink.refused(why)
}
