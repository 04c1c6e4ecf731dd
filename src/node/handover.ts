import type { Group } from '../group/group.ts'
import type { GroupId } from '../ids/group-id.ts'
import { metaGroup } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { Cancel, Clock, Counter, Logger, Metrics, Timers } from '../ports.ts'
import type { Table } from '../ring/table.ts'

/** How often leadership is compared with the table, ms. */
const lookEveryMs = 500
/** Transfers begun per look: more would make many partitions pause at the same time. */
const maxTransfersPerLook = 4
/** A node must have been linked for this long before it is given anything, ms. */
const settleMs = 1_500
/** Entries that the wished owner may lag behind and still be given the lead. */
const maxLagEntries = 64
/** A drain looks this often whether anything is still led, ms. */
const drainLookMs = 20

export interface HandoverHost {
  readonly self: NodeIndex
  groups(): Iterable<Group>
  table(): Table | null
  isUp(node: NodeIndex): boolean
}

/**
 * Moves leadership to where the table wishes it: the first replica of each partition, when it is
 * linked, caught up and not draining. The ring only says where things should be; the transfer is
 * Raft's (thesis 3.10), and nothing is lost when it fails.
 */
export class Handover {
  readonly #host: HandoverHost
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #logger: Logger
  readonly #begun: Counter
  readonly #upSince = new Map<NodeIndex, number>()
  readonly #draining = new Set<NodeIndex>()
  readonly #looking: Cancel

  constructor(
    host: HandoverHost,
    deps: { clock: Clock; timers: Timers; logger: Logger; metrics: Metrics },
  ) {
    this.#host = host
    this.#clock = deps.clock
    this.#timers = deps.timers
    this.#logger = deps.logger
    this.#begun = deps.metrics.counter(
      'leader_transfers_total',
      'Transfers of leadership begun, to the wished owner or away from a draining node',
    )
    this.#looking = deps.timers.every(lookEveryMs, () => this.#look())
  }

  close(): void {
    this.#looking()
  }

  up(node: NodeIndex): void {
    this.#upSince.set(node, this.#clock.monotonic())
    this.#draining.delete(node)
  }

  down(node: NodeIndex): void {
    this.#upSince.delete(node)
    this.#draining.delete(node)
  }

  /** A node said that it goes: it is given nothing more. */
  drains(node: NodeIndex): void {
    this.#draining.add(node)
  }

  /** Hands over everything that this node leads. Settles when nothing is left, or at the deadline. */
  async drain(withinMs: number): Promise<void> {
    this.#looking()
    this.#draining.add(this.#host.self)
    const end = this.#clock.monotonic() + withinMs
    for (;;) {
      const led = [...this.#host.groups()].filter((group) => group.isLeader)
      const movable = led.filter((group) => this.#giveAway(group))
      if (movable.length === 0 || this.#clock.monotonic() > end) {
        if (led.length > 0) {
          this.#logger.info({ groups: led.length }, 'led to the end: nobody else can')
        }
        return
      }
      await new Promise<void>((go) => void this.#timers.after(drainLookMs, go))
    }
  }

  #look(): void {
    const table = this.#host.table()
    if (table === null) return
    let begun = 0
    for (const group of this.#host.groups()) {
      if (begun >= maxTransfersPerLook) return
      if (group.id === metaGroup || !group.isLeader) continue
      const wished = wishedOwner(table, group.id)
      if (wished === undefined || wished === this.#host.self) continue
      if (this.#isFit(group, wished)) {
        begun++
        this.#transfer(group, wished)
      }
    }
  }

  /** False: no other voter can take it. */
  #giveAway(group: Group): boolean {
    const others = group.status().config.voters.filter((node) => node !== this.#host.self)
    const to = others.find((node) => this.#isCaughtUp(group, node))
    if (to === undefined) return others.some((node) => this.#host.isUp(node))
    this.#transfer(group, to)
    return true
  }

  #isFit(group: Group, node: NodeIndex): boolean {
    const since = this.#upSince.get(node)
    if (since === undefined || this.#clock.monotonic() - since < settleMs) return false
    return this.#isCaughtUp(group, node)
  }

  #isCaughtUp(group: Group, node: NodeIndex): boolean {
    if (!this.#host.isUp(node) || this.#draining.has(node)) return false
    const status = group.status()
    const progress = status.progress[node]
    if (progress === undefined || progress.learner || progress.state !== 'replicate') return false
    return progress.match + maxLagEntries >= status.commit
  }

  #transfer(group: Group, to: NodeIndex): void {
    this.#begun.add()
    group.transferLeader(to)
  }
}

export function wishedOwner(table: Table, partition: GroupId): NodeIndex | undefined {
  return table.partitions[partition - 1]?.replicas[0]
}
