import { Packr } from 'msgpackr'
import type { Group } from '../group/group.ts'
import { metaGroup } from '../ids/group-id.ts'
import { noNode } from '../ids/node-index.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { MetaGroup } from '../meta/meta-group.ts'
import type { MetaState } from '../meta/meta-state.ts'
import { decide, defaultPlacementLimits, wishedTable } from '../meta/placement.ts'
import type {
  ChangeOrder,
  LedGroup,
  NodeReport,
  Order,
  PlacementLimits,
} from '../meta/placement.ts'
import type { Cancel, Clock, Counter, Gauge, Logger, Metrics, Timers } from '../ports.ts'
import type { Table } from '../ring/table.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import type { Replicas } from './replicas.ts'
import { Seals } from './seals.ts'

/** Kinds of messages between nodes; the rooms below use those under 50. */
const reportKind = 51
const ordersKind = 52

/** How often a node reports to the meta leader, ms. */
const reportEveryMs = 250
/** Every so many reports all nodes are told, so that each can answer for the whole and a new leader begins informed. */
const toAllEvery = 4
/** An older report says nothing any more, ms. */
const freshMs = 2_000
/** A new meta leader waits for the others' reports before it decides anything, ms. */
const settleMs = 1_000

const packr = new Packr({ useRecords: false })

/**
 * Drives the groups to where the table wants them. Every node reports what it leads and holds; the
 * meta leader's node decides (meta/placement.ts) and sends orders, which name exactly what they were
 * decided from, so that a late or repeated one does nothing. Everything is decided anew from reports,
 * several times a second: whoever leads meta next simply goes on.
 */
export class PlacementLink {
  readonly #deps: PlacementLinkDeps
  readonly #limits: PlacementLimits
  readonly #reports = new Map<NodeIndex, { readonly report: NodeReport; readonly at: number }>()
  readonly #meters: { readonly orders: Counter; readonly refused: Counter; readonly moving: Gauge }
  readonly #seals = new Seals()
  readonly #ticking: Cancel
  #turns = 0
  /** Since when this node leads meta, ms; null: it does not. */
  #leadsSince: number | null = null
  /** Commands of the last decision are still under way. */
  #isSubmitting = false
  /** The table that a state leads to: reckoning it takes long in large clusters. */
  #wished: { readonly state: MetaState; readonly table: Table } | null = null

  constructor(deps: PlacementLinkDeps, limits: PlacementLimits = defaultPlacementLimits) {
    this.#deps = deps
    this.#limits = limits
    const { metrics } = deps
    this.#meters = {
      orders: metrics.counter(
        'placement_orders_total',
        'Orders that this node gave as meta leader',
      ),
      refused: metrics.counter(
        'placement_stale_orders_total',
        'Orders that came too late for what they were decided from',
      ),
      moving: metrics.gauge(
        'placement_moving_partitions',
        'Partitions whose members are not what the table says, as last reported',
      ),
    }
    this.#ticking = deps.timers.every(reportEveryMs, () => this.#turn())
  }

  close(): void {
    this.#ticking()
  }

  /** True: it was a message of this kind. */
  receive(from: NodeIndex, m: PeerMessage): boolean {
    if (m[0] === reportKind) {
      const report = packr.unpack(m[1] as Uint8Array) as NodeReport
      if (report.node === from) this.#note(report)
    } else if (m[0] === ordersKind) {
      for (const order of packr.unpack(m[1] as Uint8Array) as Order[]) this.#carryOut(order)
    } else return false
    return true
  }

  down(node: NodeIndex): void {
    this.#reports.delete(node)
  }

  /** What nodes said of themselves lately. */
  reports(): Map<NodeIndex, NodeReport> {
    const now = this.#deps.clock.monotonic()
    const fresh = new Map<NodeIndex, NodeReport>()
    for (const [node, { report, at }] of this.#reports) {
      if (now - at <= freshMs) fresh.set(node, report)
      else this.#reports.delete(node)
    }
    return fresh
  }

  #turn(): void {
    const { self, meta, replicas, clock } = this.#deps
    const lead = replicas.get(metaGroup)?.lead ?? noNode
    const report = this.#report()
    this.#note(report)
    const bytes = packr.pack(report)
    const toAll = this.#turns++ % toAllEvery === 0
    for (const node of this.#deps.others()) {
      if (toAll || node === lead) this.#deps.post(node, [reportKind, bytes])
    }
    const group = replicas.get(metaGroup)
    if (group?.isLeader !== true) {
      this.#leadsSince = null
      return
    }
    const now = clock.monotonic()
    this.#leadsSince ??= now
    const state = meta.state()
    if (state === null || now - this.#leadsSince < settleMs || lead !== self) return
    this.#decide(state)
  }

  #decide(state: MetaState): void {
    const { meta, self, logger } = this.#deps
    if (this.#wished?.state !== state) this.#wished = { state, table: wishedTable(state) }
    const view = { state, reports: this.reports(), limits: this.#limits }
    const { commands, orders } = decide(view, this.#wished.table)
    if (commands.length > 0 && !this.#isSubmitting) {
      this.#isSubmitting = true
      void Promise.all(commands.map((command) => meta.accept(command))).then((outcomes) => {
        this.#isSubmitting = false
        const failed = outcomes.filter((it) => !it.ok)
        // Whatever did not work out is decided anew at the next turn.
        if (failed.length > 0) logger.info({ failed }, 'placement: commands came to nothing')
      })
    }
    const byNode = new Map<NodeIndex, Order[]>()
    for (const order of orders) {
      this.#meters.orders.add()
      const list = byNode.get(order.to)
      if (list === undefined) byNode.set(order.to, [order])
      else list.push(order)
    }
    for (const [node, list] of byNode) {
      if (node === self) for (const order of list) this.#carryOut(order)
      else this.#deps.post(node, [ordersKind, packr.pack(list)])
    }
    this.#meters.moving.set(new Set(orders.map((it) => it.group)).size)
  }

  #carryOut(order: Order): void {
    if (order.kind === 'drop') this.#deps.replicas.drop(order)
    else this.#change(order)
  }

  #change(order: ChangeOrder): void {
    const { replicas, logger } = this.#deps
    const group = replicas.get(order.group)
    const isAsDecided =
      group?.isLeader === true &&
      group.term === order.term &&
      replicas.tableVersion === order.tableVersion &&
      isSameConf(group.status().config, order.conf)
    if (!isAsDecided) return this.#meters.refused.add()
    const steps = order.steps.map(({ kind, id }) => ({ kind, id }))
    const context = new Uint8Array(0)
    const outcome = group.proposeConfChange({ transition: 'auto', steps, context })
    logger.info({ group: order.group, steps, outcome }, 'placement: change of members proposed')
  }

  #report(): NodeReport {
    const { self, bootId, replicas } = this.#deps
    const leads: LedGroup[] = []
    for (const group of replicas.groups()) {
      if (!group.isLeader) this.#seals.forget(group.id)
      else leads.push(this.#ledGroup(group))
    }
    const { tableVersion, held } = replicas
    return { node: self, bootId, tableVersion, holds: held, leads }
  }

  /**
   * Raft forgets who was active at each check of the quorum and learns it again with the next
   * answers; in between a follower that is linked and keeps up counts, or orders would come and go.
   */
  #ledGroup(group: Group): LedGroup {
    const status = group.status()
    const { id: self, term, config, commit, progress, confPending } = status
    return {
      group: group.id,
      term,
      conf: config,
      pending: confPending,
      sealed: this.#seals.isSealed(group, status),
      commit,
      members: Object.entries(progress).map(([key, it]) => {
        const node = Number(key)
        const keepsUp = it.state === 'replicate' && this.#deps.isUp(node)
        return {
          node,
          match: it.match,
          active: node === self || it.active || keepsUp,
          learner: it.learner,
          snapshot: it.state === 'snapshot',
        }
      }),
    }
  }

  #note(report: NodeReport): void {
    this.#reports.set(report.node, { report, at: this.#deps.clock.monotonic() })
  }
}

export interface PlacementLinkDeps {
  readonly self: NodeIndex
  readonly bootId: number
  readonly meta: MetaGroup
  readonly replicas: Replicas
  /** The other members. */
  others(): Iterable<NodeIndex>
  readonly isUp: (node: NodeIndex) => boolean
  post(to: NodeIndex, m: PeerMessage): boolean
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly metrics: Metrics
}

type Conf = LedGroup['conf']

function isSameConf(a: Conf, b: Conf): boolean {
  return (
    a.autoLeave === b.autoLeave &&
    isSameSet(a.voters, b.voters) &&
    isSameSet(a.outgoing, b.outgoing) &&
    isSameSet(a.learners, b.learners) &&
    isSameSet(a.learnersNext, b.learnersNext)
  )
}

function isSameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((it) => b.includes(it))
}
