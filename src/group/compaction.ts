import { assert } from '../assert.ts'
import { faultPoint } from '../fault-points.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Clock, Counter, Gauge, Metrics } from '../ports.ts'
import type { Index } from '../raft/entry.ts'
import type { Log } from '../store/log.ts'
import type { Group } from './group.ts'

/** Between two syncs of the store for cutting logs, ms: a sync costs a table file. */
const minGapMs = 500
/** A follower that lags by more than so many times `compactEvery` is not waited for: it gets a snapshot. */
const patience = 4

/**
 * Cuts the logs of groups that have grown by `compactEvery` entries: what is applied, durable in
 * the store, and not needed by a follower that is close. One sync of the store serves all groups
 * that are due (GROUP-5).
 */
export class Compaction {
  readonly #log: Log
  readonly #sync: () => Promise<void>
  readonly #clock: Clock
  readonly #every: number
  /** Without snapshots every follower is waited for, and the gauge shows how long the log gets. */
  readonly #canSnapshot: boolean
  readonly #onError: (error: unknown) => void
  readonly #cuts: Counter
  readonly #held: Gauge
  readonly #due = new Set<Group>()
  /** All that have ever applied something. */
  readonly #known = new Set<Group>()
  #isSyncing = false
  #lastLook = Number.NEGATIVE_INFINITY

  constructor(deps: {
    log: Log
    sync: () => Promise<void>
    clock: Clock
    every: number
    canSnapshot: boolean
    onError: (error: unknown) => void
    metrics: Metrics
  }) {
    this.#log = deps.log
    this.#sync = deps.sync
    this.#clock = deps.clock
    this.#every = deps.every
    this.#canSnapshot = deps.canSnapshot
    this.#onError = deps.onError
    this.#cuts = deps.metrics.counter('group_log_cuts_total', 'Times a log was cut')
    this.#held = deps.metrics.gauge(
      'group_log_held_entries',
      'Entries that a log keeps beyond its bound, for a follower that lags',
    )
  }

  /** `group` has applied more. */
  consider(group: Group): void {
    this.#known.add(group)
    if (heldBy(group) >= this.#every) this.#due.add(group)
  }

  forget(group: Group): void {
    this.#known.delete(group)
    this.#due.delete(group)
  }

  /** Called with every tick. */
  tick(): void {
    if (this.#isSyncing || this.#clock.monotonic() - this.#lastLook < minGapMs) return
    this.#lastLook = this.#clock.monotonic()
    const pinned = this.#press()
    if (this.#due.size === 0) return
    this.#isSyncing = true
    const cuts = [...this.#due].map((group) => ({
      group,
      upTo: this.#point(group, pinned.get(group.id)),
    }))
    this.#due.clear()
    this.#sync().then(
      () => {
        this.#isSyncing = false
        faultPoint('before-log-cut')
        for (const { group, upTo } of cuts) this.#cut(group, upTo)
      },
      (error: unknown) => {
        this.#isSyncing = false
        this.#onError(error)
      },
    )
  }

  /**
   * Entries differ in size by a thousand times, so their number does not bound the disk: groups that
   * keep the log from giving up its oldest segment are due too. By group, up to where.
   */
  #press(): ReadonlyMap<GroupId, Index> {
    const pinned = this.#log.pinned?.() ?? nothingPinned
    if (pinned.size === 0) return pinned
    for (const group of this.#known) {
      const to = pinned.get(group.id)
      // What a follower still needs would not go: a sync for it would be in vain.
      if (to !== undefined && this.#point(group, to) >= group.log.firstIndex()) this.#due.add(group)
    }
    return pinned
  }

  /** Up to half of the bound stays, for followers that are a little behind; but nothing up to `pinnedTo`. */
  #point(group: Group, pinnedTo: Index = 0): Index {
    const isLong = heldBy(group) >= this.#every
    const half = isLong ? group.appliedIndex - Math.floor(this.#every / 2) : 0
    const wished = Math.max(half, Math.min(pinnedTo, group.appliedIndex))
    const needed = this.#neededFrom(group)
    this.#held.set(Math.max(0, wished - needed))
    return Math.min(wished, needed)
  }

  #cut(group: Group, upTo: Index): void {
    if (upTo < group.log.firstIndex() || !group.isOpen) return
    const applied = group.machine.applied()
    assert(upTo <= applied, 'GROUP-5', { group: group.id, upTo, applied })
    this.#cuts.add()
    this.#log.compact(group.id, upTo)
  }

  /** Everything up to here is held by the followers that are waited for. */
  #neededFrom(group: Group): Index {
    let needed = group.appliedIndex
    const { progress, id } = group.status()
    for (const [key, peer] of Object.entries(progress)) {
      if (Number(key) === id) continue
      const holds = peer.state === 'snapshot' ? peer.next - 1 : peer.match
      const isFar = group.appliedIndex - holds > patience * this.#every
      if (isFar && peer.state !== 'snapshot' && this.#canSnapshot) continue
      needed = Math.min(needed, holds)
    }
    return needed
  }
}

const nothingPinned: ReadonlyMap<GroupId, Index> = new Map()

/** Applied entries that its log still has. */
function heldBy(group: Group): number {
  return group.appliedIndex - group.log.firstIndex() + 1
}
