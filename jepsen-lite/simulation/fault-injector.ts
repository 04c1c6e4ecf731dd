import { isJoint } from '../../src/raft/confchange.ts'
import type { RaftId } from '../../src/raft/entry.ts'
import { Prng } from '../prng.ts'
import type { FaultEvent } from './fault.ts'
import { MemberChanges } from './member-changes.ts'
import { cutLinks } from './partition-shapes.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { TrapPoint } from './surroundings.ts'
import { trapPoints } from './surroundings.ts'
import type { World } from './world.ts'

interface Trap {
  readonly point: TrapPoint
  readonly event: FaultEvent
  readonly random: Prng
}

/**
 * Carries out the fault events of a plan. Each draws from a stream of its own, named by its place
 * in the list, so that leaving one out changes nothing about the others.
 */
export class FaultInjector {
  readonly #world: World
  readonly #changes: MemberChanges
  /** Armed, each for the first node that passes. */
  readonly #traps: Trap[] = []
  /** The newest; over at its time. */
  #churn: { readonly event: FaultEvent; readonly until: number; readonly random: Prng } | null =
    null

  constructor(world: World) {
    this.#world = world
    this.#changes = new MemberChanges(world)
  }

  start(): void {
    const { queue, plan } = this.#world
    this.#world.onPass = (node, point) => this.#passes(node, point)
    for (const event of plan.faults) queue.after(event.at, () => this.#begin(event))
  }

  #begin(event: FaultEvent): void {
    const world = this.#world
    const { queue } = world
    if (world.isHealed) return
    const random = new Prng(`simulation ${world.plan.seed} fault ${event.id}`)
    world.counts.add(`fault: ${event.class}`)
    world.note(() => `FAULT ${event.id} ${event.class} for ${event.ms.toFixed(1)} ms`)
    switch (event.class) {
      case 'partition':
      case 'one-way':
        this.#partition(event, random)
        return
      case 'clog':
        this.#clog(event, random)
        return
      case 'crash':
        for (const node of this.#victims(random)) this.#crash(node, event, random)
        return
      case 'trap':
        this.#traps.push({ point: random.pick(trapPoints), event, random })
        return
      case 'churn':
        this.#churn = { event, until: queue.now + event.ms, random }
        return
      case 'slow-disk':
        this.#slowDisk(this.#target(random), event, random.pick([5, 20, 100]))
        return
      case 'hung-disk':
        this.#hangDisk(this.#target(random), event)
        return
      case 'stall':
        this.#stall(this.#target(random), event)
        return
      case 'members':
        this.#changes.attempt(random)
        return
      case 'transfer':
        this.#transfer(random)
        return
      case 'hints':
        this.#hint(random)
        return
      case 'cold': {
        const node = this.#target(random)
        node.shelf.letGo(node.lastIndex - random.below(4))
        return
      }
      case 'loss':
      case 'duplicate':
      case 'replay':
      case 'rewind':
      case 'reorder':
      case 'capacity':
      case 'harsh':
        return // always on, not events
    }
  }

  /** Half the time whoever leads. */
  #target(random: Prng): SimulatedNode {
    const leader = this.#world.leader()
    const all = [...this.#world.nodes.values()]
    const other = random.pick(all)
    return leader !== null && random.chance(0.5) ? leader : other
  }

  /** The first node to pass an armed trap falls into it, as soon as this event is over or a message later. */
  #passes(node: SimulatedNode, point: TrapPoint): void {
    if (point === 'elected' || point === 'committed') this.#disturb(node, point)
    const at = this.#traps.findIndex((trap) => trap.point === point)
    const trap = this.#traps[at]
    if (trap === undefined || this.#world.isHealed) return
    this.#traps.splice(at, 1)
    const { life } = node
    const { meanMs } = this.#world.plan.network
    this.#world.queue.after(trap.random.exponential(meanMs) * trap.random.below(3), () => {
      if (node.life !== life || this.#world.isHealed) return
      this.#world.counts.add(`trap: ${point}`)
      this.#world.note(() => `TRAP ${trap.event.id} at ${point}`)
      this.#crash(node, trap.event, trap.random)
    })
  }

  /**
   * While leaders come and go within a few messages, entries of several terms stand on some members
   * each and compete (paper, figure 8). What the leader has under way is lost with it.
   */
  #disturb(node: SimulatedNode, point: 'elected' | 'committed'): void {
    const { queue, plan, network, electionMs, isHealed } = this.#world
    const churn = this.#churn
    if (churn === null || isHealed || queue.now > churn.until) return
    const { random } = churn
    if (!random.chance(point === 'elected' ? 0.8 : 0.3)) return
    const { life } = node
    const ms = point === 'elected' ? random.exponential(plan.network.meanMs * random.below(8)) : 0
    const event = { ...churn.event, ms: random.exponential(2 * electionMs) }
    queue.after(ms, () => {
      if (node.life !== life || this.#world.isHealed) return
      this.#crash(node, event, random)
      network.forget(node.id)
    })
  }

  #victims(random: Prng): SimulatedNode[] {
    const all = random.shuffled([...this.#world.nodes.values()])
    switch (random.below(8)) {
      case 0:
        return all
      case 1:
        return all.slice(0, Math.floor(all.length / 2) + 1)
      case 2:
        return all.slice(0, Math.max(1, Math.floor((all.length - 1) / 2)))
      default:
        return [this.#target(random)]
    }
  }

  #crash(node: SimulatedNode, { ms }: FaultEvent, random: Prng): void {
    const status = node.status()
    if (status === null) return
    const { counts, queue } = this.#world
    if (status.role === 'leader') counts.add('crash: a leader')
    if (isJoint(status.config)) counts.add('crash: in a joint phase')
    if (status.role === 'leader' && isJoint(status.config)) {
      counts.add('crash: a leader in a joint phase')
    }
    node.crash(random)
    if (this.#world.plan.classes.includes('hints')) this.#tellOf(node.id, random)
    const { life } = node
    queue.after(ms, () => {
      if (this.#world.isHealed || node.isUp || node.life !== life) return
      if (this.#world.nodes.get(node.id) === node) node.start()
    })
  }

  /** The connections of a killed process break at once. */
  #tellOf(id: RaftId, random: Prng): void {
    for (const other of this.#world.nodes.values()) {
      if (other.id === id) continue
      other.later(random.exponential(this.#world.plan.tickMs / 2), () => {
        this.#world.counts.add('hint: a link was lost')
        other.raft?.linkLost(id)
      })
    }
  }

  #partition({ ms, class: kind }: FaultEvent, random: Prng): void {
    const { network, queue, nodes } = this.#world
    const ids = random.shuffled([...nodes.keys()])
    const leader = this.#world.leader()?.id
    if (leader !== undefined && random.chance(0.6)) {
      ids.splice(ids.indexOf(leader), 1)
      ids.unshift(leader)
    }
    const cuts = cutLinks(ids, kind === 'one-way', random)
    for (const [from, to] of cuts) network.cut(from, to)
    this.#world.note(() => `cut ${cuts.map(([from, to]) => `${from}→${to}`).join(' ')}`)
    queue.after(ms, () => {
      for (const [from, to] of cuts) network.mend(from, to)
      this.#world.note(() => `mended ${cuts.length} links`)
    })
  }

  /** Links to one node, or from it, or both: all or some of them. */
  #clog({ ms }: FaultEvent, random: Prng): void {
    const { network, nodes, queue } = this.#world
    const { id } = this.#target(random)
    const way = random.below(3)
    const share = random.pick([0.4, 1])
    for (const other of nodes.keys()) {
      if (!random.chance(share)) continue
      if (way !== 1) network.clog(other, id, queue.now + ms)
      if (way !== 0) network.clog(id, other, queue.now + ms)
    }
  }

  #slowDisk({ disk, id }: SimulatedNode, { ms }: FaultEvent, slowness: number): void {
    disk.slowness = slowness
    this.#world.note(() => `disk of ${id} is ${slowness} times slower`)
    this.#world.queue.after(ms, () => {
      disk.slowness = 1
    })
  }

  #hangDisk(node: SimulatedNode, { ms }: FaultEvent): void {
    const { counts, queue } = this.#world
    if (!node.isUp) return
    if (node.status()?.role === 'leader') counts.add('disk: hung at a leader')
    node.disk.hang(true)
    this.#world.note(() => `disk of ${node.id} hangs`)
    queue.after(ms, () => node.disk.hang(false))
  }

  #stall(node: SimulatedNode, { ms }: FaultEvent): void {
    if (!node.isUp || node.isStalled) return
    if (node.status()?.role === 'leader') this.#world.counts.add('stall: a leader')
    this.#world.note(() => `${node.id} stands still`)
    node.stall(ms)
  }

  #transfer(random: Prng): void {
    const from = this.#target(random)
    const to = random.pick([...this.#world.nodes.keys()])
    this.#world.note(() => `${from.id} is asked to hand over to ${to}`)
    if (this.#world.nodes.get(to)?.isUp === false)
      this.#world.counts.add('transfer: to a dead node')
    from.input((raft) => raft.transferLeader(to))
  }

  /** What a host may tell its core about links, true or not. */
  #hint(random: Prng): void {
    const { counts, nodes } = this.#world
    const about = this.#world.leader()?.id ?? random.pick([...nodes.keys()])
    const at = this.#target(random)
    const kind = random.below(5)
    this.#world.note(() => `hint ${kind} at ${at.id} about ${about}`)
    at.input((raft) => {
      if (kind === 0) raft.linkLost(about)
      else if (kind === 1) raft.reportUnreachable(random.pick([...nodes.keys()]))
      else if (kind === 2) raft.forgetLeader()
      else if (kind === 3) raft.campaign()
      else raft.reportSnapshot(random.pick([...nodes.keys()]), random.chance(0.5))
      counts.add('hint: told')
    })
  }
}
