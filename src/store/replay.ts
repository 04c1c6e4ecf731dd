import { assert } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Entry, Index } from '../raft/entry.ts'
import type { Marker } from './group-log.ts'
import { LogDamaged } from './log.ts'
import type { LogSlot, MemoryBound } from './log-slot.ts'
import { boundMemory, newSlot } from './log-slot.ts'
import type { Position } from './position-index.ts'
import type { LogRecord } from './record.ts'

interface Replaying {
  readonly slot: LogSlot
  /** Where the log starts by what was read so far. Entries may start later until an `again` or `compact` follows. */
  marker: Marker
}

/**
 * Rebuilds the groups from records in their order. The oldest segments may be gone, so a group's
 * entries can begin with a hole, which a later record must explain: by writing them again, or by
 * having cut the log behind them. What no record explains is damage (STORE-3).
 */
export class Replay {
  readonly #groups = new Map<GroupId, Replaying>()
  readonly #bound: MemoryBound

  constructor(bound: MemoryBound) {
    this.#bound = bound
  }

  take(record: LogRecord, at: Position): void {
    if (record.kind === 'removed') {
      const slot = newSlot(record.group, record)
      this.#groups.set(record.group, { slot, marker: { index: 0, term: 0 } })
      return
    }
    let group = this.#groups.get(record.group)
    if (group === undefined) {
      group = { slot: newSlot(record.group), marker: { index: 0, term: 0 } }
      this.#groups.set(record.group, group)
    }
    apply(group, record, at)
  }

  /** After each frame, so that a log larger than memory can be opened. */
  forget(): void {
    let held = 0
    for (const { slot } of this.#groups.values()) held += slot.log.bytes
    boundMemory(this.#slots(), held, this.#bound)
  }

  /** `lost`: a group's commit index points behind its last entry. */
  finish(): { slots: Map<GroupId, LogSlot>; lost: boolean } {
    const slots = new Map<GroupId, LogSlot>()
    let lost = false
    for (const [id, { slot, marker }] of this.#groups) {
      const { log, positions } = slot
      const found = log.firstIndex() - 1
      if (found > marker.index) {
        throw new LogDamaged(
          'gap',
          `group ${id} has entries ${marker.index + 1} to ${found} nowhere`,
        )
      }
      if (marker.index > log.lastIndex()) log.reset(marker)
      else log.settle(marker)
      positions.dropTo(marker.index)
      const { commit } = log.state.hardState
      if (commit > log.lastIndex()) {
        lost = true
        log.setCommit(log.lastIndex())
      }
      const state = { first: log.firstIndex(), last: log.lastIndex(), marker, commit }
      assert(log.firstIndex() === marker.index + 1, 'STORE-3', state)
      assert(log.state.hardState.commit <= log.lastIndex(), 'STORE-3', state)
      slots.set(id, slot)
    }
    return { slots, lost }
  }

  *#slots(): Generator<LogSlot> {
    for (const { slot } of this.#groups.values()) yield slot
  }
}

function apply(group: Replaying, record: LogRecord, at: Position): void {
  const { log, positions } = group.slot
  const { hardState, marker, confs, entries } = record
  switch (record.kind) {
    case 'state':
      group.marker = marker ?? group.marker
      log.restore({
        hardState: hardState ?? log.state.hardState,
        marker: group.marker,
        owed: record.owed,
        confs,
      })
      positions.dropTo(group.marker.index)
      return
    case 'compact':
      group.marker = marker ?? group.marker
      if (group.marker.index > log.lastIndex()) log.reset(group.marker)
      else log.compact(group.marker.index)
      positions.dropTo(group.marker.index)
      return
    case 'again':
      takeAgain(group, entries, at)
      return
    case 'step':
      if (marker !== null) {
        group.marker = marker
        log.reset(marker)
        positions.clear()
      }
      if (entries.length > 0) append(group, entries, at)
      log.step({ hardState, entries: [], snapshot: null, conf: null })
      if (marker !== null) log.restore({ ...log.state, confs })
      else
        for (const conf of confs) log.step({ hardState: null, entries: [], snapshot: null, conf })
      return
    case 'removed':
      return
  }
}

function append({ slot }: Replaying, entries: readonly Entry[], at: Position): void {
  const { log, positions } = slot
  const first = (entries[0] as Entry).index
  if (first > log.lastIndex() + 1 || first < log.firstIndex()) {
    // What came before lay in a segment that is gone.
    log.reset({ index: first - 1, term: 0 })
    positions.clear()
  }
  log.step({ hardState: null, entries, snapshot: null, conf: null })
  positions.add(first, lastOf(entries), at)
}

/**
 * It says what the entries are at this point of the log. Some may be known from where they were
 * first written; others lay in segments that are gone, before those and behind them.
 */
function takeAgain(group: Replaying, entries: readonly Entry[], at: Position): void {
  const { log, positions } = group.slot
  const first = (entries[0] as Entry).index
  const last = lastOf(entries)
  const isEmpty = log.lastIndex() < log.firstIndex()
  if (isEmpty || first > log.lastIndex() + 1) {
    if (last > log.lastIndex()) append(group, entries, at)
    return
  }
  if (last < log.firstIndex() - 1) return // the log was cut between the two since
  log.prepend(entries)
  const behind = entries.filter((entry) => entry.index > log.lastIndex())
  log.step({ hardState: null, entries: behind, snapshot: null, conf: null })
  positions.relocate(first, last, at)
}

function lastOf(entries: readonly Entry[]): Index {
  return (entries[entries.length - 1] as Entry).index
}
