import { apply } from '../../src/meta/apply.ts'
import type { MetaCommand, MetaResult } from '../../src/meta/command.ts'
import { liveMembers } from '../../src/meta/meta-state.ts'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { decide, wishedTable } from '../../src/meta/placement.ts'
import type {
  DropOrder,
  NodeReport,
  Order,
  PlacementLimits,
  PlacementView,
} from '../../src/meta/placement.ts'
import { seedConf, seedState } from '../../src/meta/seed.ts'
import { partitionsOf } from '../../src/ring/table.ts'
import type { Table } from '../../src/ring/table.ts'
import { seedOf } from './seeds.ts'
import { ToyGroup } from './toy-group.ts'
import type { ToyNode } from './toy-group.ts'

export interface ToyOptions {
  readonly nodes: number
  readonly partitions: number
  readonly replicationFactor: number
  readonly zones: number
  readonly limits: PlacementLimits
  readonly random: () => number
  /** Called with every decision before anything of it is sent. */
  readonly check: (view: PlacementView, orders: readonly Order[]) => void
}

/** Rounds after which a report says nothing any more. */
const freshRounds = 6

/** Who decides: the node that leads meta, and for some rounds one that has not noticed it does not. */
interface Decider {
  readonly node: number
  readonly state: () => MetaState
  readonly reports: Map<number, { readonly report: NodeReport; readonly at: number }>
  until: number
}

/**
 * Nodes, groups and a network by hand: reports and orders come late, twice or not at all. Everything
 * that happens comes from `random`, so that a seed is a whole history.
 */
export class ToyCluster {
  readonly nodes = new Map<number, ToyNode>()
  readonly groups: ToyGroup[]
  /** Committed states of meta, oldest first; each node has applied some of them. */
  readonly #states: MetaState[]
  readonly #applied = new Map<number, number>()
  readonly #options: ToyOptions
  readonly #random: () => number
  readonly #wished = new WeakMap<MetaState, Table>()
  #deciders: Decider[] = []
  #mail: { readonly at: number; readonly open: () => void }[] = []
  #round = 0
  /** Nothing fails any more. */
  isQuiet = false
  /** Learners added and voters promoted so far, by partition replicas. */
  copies = 0
  dropped = 0

  constructor(options: ToyOptions) {
    this.#options = options
    this.#random = options.random
    const { nodes, partitions, replicationFactor } = options
    const seed = seedOf(nodes)
    const members = seed.members.map((it, at) => ({ ...it, zone: this.zoneOf(at + 1) }))
    const state = seedState({ ...seed, members, partitions, replicationFactor, vnodes: 32 })
    this.#states = [state]
    for (const { index } of state.members) this.#addNode(index)
    this.groups = Array.from(
      { length: partitions + 1 },
      (_, id) => new ToyGroup(id, seedConf(state, id) as ToyGroup['conf'], this.nodes),
    )
    for (const { index } of state.members) this.#openShare(this.nodes.get(index)!, state)
    for (const node of this.nodes.values()) {
      for (const copy of node.copies.values()) Object.assign(copy, { last: 1, term: 1 })
    }
  }

  get state(): MetaState {
    return this.#states.at(-1)!
  }

  zoneOf(index: number): string {
    const { zones } = this.#options
    return zones === 0 ? '' : `zone-${index % zones}`
  }

  round(writes = 0): void {
    this.#round++
    for (const group of this.groups) {
      group.step(this.#random, this.#random() < 0.5 ? writes : 0)
      this.#handOver(group)
    }
    this.#learnTables()
    this.#appoint()
    this.#report()
    for (const decider of this.#deciders) this.#decide(decider)
    const due = this.#mail.filter((it) => it.at <= this.#round)
    this.#mail = this.#mail.filter((it) => it.at > this.#round)
    for (const { open } of due) open()
  }

  /** Only with a leader and a quorum of meta. */
  submit(command: MetaCommand): MetaResult {
    const meta = this.groups[0]!
    if (this.nodes.get(meta.leader)?.isUp !== true) return { ok: false, error: 'not-bootstrapped' }
    const { state, result } = apply(this.state, command)
    if (state !== this.state) this.#states.push(state!)
    for (const { index, state: is } of this.state.members) {
      if (is === 'removed') this.nodes.get(index)!.isUp = false
    }
    return result
  }

  /** A node with an empty disk comes. Its index, or null: not now. */
  join(): number | null {
    const { nextIndex } = this.state
    const hash = 'token'
    this.submit({ kind: 'new-token', hash, expiresAtMs: 9, nowMs: 0, sealed: '' })
    const result = this.submit({
      kind: 'add-member',
      name: `node-${nextIndex}`,
      address: `127.0.0.1:${7000 + nextIndex}`,
      clientAddress: '',
      zone: this.zoneOf(nextIndex),
      bootId: 1,
      incarnation: 'aa',
      tokenHash: hash,
      nowMs: 0,
    })
    if (!result.ok) return null
    this.#addNode(result.value)
    this.nodes.get(result.value)!.copies.set(0, { last: 0, term: 0 })
    return result.value
  }

  /** A node comes back, with what it had saved of meta, which may be older than what it acted on. */
  restart(index: number): void {
    const node = this.nodes.get(index)!
    node.isUp = true
    node.bootId++
    const at = (this.#applied.get(index) ?? -1) - Math.floor(this.#random() * 3)
    if (at < 0) return
    this.#applied.set(index, at)
    this.#openShare(node, this.#states[at]!)
  }

  up(): ToyNode[] {
    return [...this.nodes.values()].filter((node) => node.isUp)
  }

  live(): number[] {
    return liveMembers(this.state).map((member) => member.index)
  }

  /** Every group could still decide if all members but these were up, also after what is under way. */
  canLose(lost: readonly number[]): boolean {
    const able = new Set(this.live().filter((node) => !lost.includes(node)))
    return this.groups.every(({ conf, change }) =>
      [conf.voters, conf.outgoing, change?.conf.voters ?? []].every(
        (half) => half.length === 0 || half.filter((it) => able.has(it)).length * 2 > half.length,
      ),
    )
  }

  /** The leader of meta goes, or only another one comes; whoever led may not know. */
  deposeMeta(): void {
    const meta = this.groups[0]!
    if (meta.leader !== 0) meta.elect(this.#random)
  }

  /** What is not yet as the table says. */
  differences(): string[] {
    const found: string[] = []
    const { table } = this.state
    if (this.#wishedTable(this.state) !== table) found.push('the table is not what is wished')
    for (const { id, conf, leader } of this.groups.slice(1)) {
      const wish = table.partitions[id - 1]!.replicas
      const want = { voters: wish.toSorted((a, b) => a - b), outgoing: [], learners: [] }
      const { voters, outgoing, learners } = conf
      const is = JSON.stringify({ voters, outgoing, learners })
      if (is !== JSON.stringify(want)) found.push(`group ${id}: ${is} for ${JSON.stringify(wish)}`)
      if (leader !== wish[0]) found.push(`group ${id} is led by ${leader}, not ${wish[0]}`)
    }
    for (const index of this.live()) {
      const node = this.nodes.get(index)!
      const holds = [...node.copies.keys()].filter((it) => it !== 0).toSorted((a, b) => a - b)
      const share = partitionsOf(table, index)
      if (String(holds) !== String(share))
        found.push(`${index} holds ${String(holds)} for ${String(share)}`)
    }
    return [...found, ...this.#metaDifferences()]
  }

  #metaDifferences(): string[] {
    const { conf } = this.groups[0]!
    const { voters, outgoing, learners } = conf
    const text = JSON.stringify(conf)
    const members = liveMembers(this.state)
    const active = members.filter((it) => it.state === 'active').map((it) => it.index)
    const most = Math.min(active.length, 5)
    const count = most > 2 && most % 2 === 0 ? most - 1 : most
    const found: string[] = []
    if (outgoing.length > 0 || voters.length !== count) found.push(`meta: ${count} for ${text}`)
    if (!voters.every((it) => active.includes(it)))
      found.push(`meta: ${String(active)} for ${text}`)
    const all = [...voters, ...learners].toSorted((a, b) => a - b)
    if (String(all) !== String(this.live())) found.push(`meta: ${String(this.live())} for ${text}`)
    if (members.some((it) => it.state === 'joining')) found.push('somebody is joining')
    return found
  }

  #addNode(index: number): void {
    this.nodes.set(index, {
      index,
      isUp: true,
      bootId: 1,
      tableVersion: 0,
      copies: new Map(),
      terms: new Map(),
    })
  }

  #openShare(node: ToyNode, state: MetaState): void {
    for (const group of [0, ...partitionsOf(state.table, node.index)]) {
      const term = node.terms.get(group) ?? 0
      if (!node.copies.has(group)) node.copies.set(group, { last: 0, term })
    }
    node.tableVersion = state.table.version
  }

  /** Members of meta that have its log apply the next states, one or more behind. */
  #learnTables(): void {
    const { match, leader } = this.groups[0]!
    for (const node of this.up()) {
      if (node.index !== leader && (leader === 0 || (match.get(node.index) ?? 0) === 0)) continue
      const at = this.#applied.get(node.index) ?? -1
      const newest = this.#states.length - 1
      if (at === newest || this.#random() < 0.3) continue
      // The leader of meta decides from what it has applied itself.
      const to =
        node.index === leader ? newest : at + 1 + Math.floor(this.#random() * (newest - at))
      this.#applied.set(node.index, to)
      this.#openShare(node, this.#states[to]!)
    }
  }

  #handOver(group: ToyGroup): void {
    if (group.id === 0 || group.leader === 0 || this.#random() < 0.6) return
    const wished = this.state.table.partitions[group.id - 1]!.replicas[0]!
    const isFit = group.conf.voters.includes(wished) && this.nodes.get(wished)!.isUp
    if (!isFit || wished === group.leader) return
    if ((group.match.get(wished) ?? 0) === group.last) group.elect(this.#random, wished)
  }

  #appoint(): void {
    const { leader } = this.groups[0]!
    this.#deciders = this.#deciders.filter(
      (it) => it.node === leader || (it.until > this.#round && this.nodes.get(it.node)!.isUp),
    )
    const node = this.nodes.get(leader)
    if (node?.isUp !== true || this.#deciders.some((it) => it.node === leader)) return
    // The one before goes on for a while, with what it knew.
    for (const it of this.#deciders) it.until = Math.min(it.until, this.#round + 6)
    const state = () => this.#states[this.#applied.get(leader) ?? 0]!
    this.#deciders.push({ node: leader, state, reports: new Map(), until: Infinity })
  }

  #report(): void {
    for (const node of this.up()) {
      if (this.#random() < 0.4) continue
      const { index, bootId, tableVersion } = node
      const leads = this.groups
        .filter((group) => group.leader === index)
        .map((group) => group.seenByLeader(this.#random))
      const report = { node: index, bootId, tableVersion, holds: [...node.copies.keys()], leads }
      for (const { reports, node: to } of this.#deciders) {
        if (to === index) reports.set(index, { report, at: this.#round })
        else this.#post(() => reports.set(index, { report, at: this.#round }))
      }
    }
  }

  #decide({ node, state, reports }: Decider): void {
    if (!this.#applied.has(node) || this.#random() < 0.4) return
    const fresh = [...reports].filter(([, { at }]) => this.#round - at <= freshRounds)
    const view: PlacementView = {
      state: state(),
      reports: new Map(fresh.map(([from, { report }]) => [from, report])),
      limits: this.#options.limits,
    }
    const { commands, orders } = decide(view, this.#wishedTable(view.state))
    this.#options.check(view, orders)
    if (node === this.groups[0]!.leader) {
      for (const command of commands) this.#post(() => void this.submit(command))
    }
    for (const order of orders) this.#post(() => this.#carryOut(order))
  }

  #wishedTable(state: MetaState): Table {
    const wished = this.#wished.get(state) ?? wishedTable(state)
    this.#wished.set(state, wished)
    return wished
  }

  #carryOut(order: Order): void {
    const node = this.nodes.get(order.to)
    if (node?.isUp !== true) return
    const group = this.groups[order.group]!
    if (order.kind === 'drop') return this.#drop(node, group, order)
    const before = group.change
    group.obey(order)
    if (group.change === before || group.id === 0) return
    this.copies += order.steps.filter((step) => step.kind === 'add-learner').length
  }

  #drop(node: ToyNode, group: ToyGroup, order: DropOrder): void {
    const copy = node.copies.get(group.id)
    if (copy === undefined || node.tableVersion !== order.tableVersion) return
    const known = this.#states[this.#applied.get(node.index)!]!
    if (partitionsOf(known.table, node.index).includes(group.id)) return
    if (copy.term > order.term || (copy.term === order.term && copy.last > order.commit)) return
    const { voters, outgoing } = group.conf
    const counted = group.match.get(node.index) ?? 0
    if (voters.includes(node.index) || outgoing.includes(node.index) || counted > 0) {
      throw new Error(`group ${group.id}: ${node.index} was to forget what others count on`)
    }
    node.terms.set(group.id, copy.term)
    node.copies.delete(group.id)
    this.dropped++
  }

  /** Late, twice or never. */
  #post(open: () => void): void {
    const times = this.isQuiet ? 1 : [0, 1, 1, 1, 1, 1, 1, 2][Math.floor(this.#random() * 8)]!
    for (let i = 0; i < times; i++) {
      const isSlow = !this.isQuiet && this.#random() < 0.1
      const delay = Math.floor(this.#random() * (isSlow ? 25 : 3))
      this.#mail.push({ at: this.#round + delay, open })
    }
  }
}
