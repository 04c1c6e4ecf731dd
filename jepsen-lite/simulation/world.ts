import type { RaftEvent } from '../../src/raft/config.ts'
import { isJoint } from '../../src/raft/confchange.ts'
import { describeConf, describeEntry, describeMessage } from '../../src/raft/describe.ts'
import type { ConfState, Entry, RaftId, SnapshotMeta } from '../../src/raft/entry.ts'
import { emptyConfState } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import { messageKinds } from '../../src/raft/message.ts'
import type { Raft } from '../../src/raft/raft.ts'
import type { Role } from '../../src/raft/ready.ts'
import type { RaftStatus } from '../../src/raft/status.ts'
import { Prng } from '../prng.ts'
import { Checker } from './checker.ts'
import { Clients } from './clients.ts'
import { Counts } from './counts.ts'
import type { CrashLoss } from './crash-disk.ts'
import { foundingStep } from './crash-disk.ts'
import { EventQueue } from './event-queue.ts'
import { foundingIndex, foundingTerm } from './log-checker.ts'
import type { AskedChange } from './member-changes.ts'
import type { Narrative } from './narrative.ts'
import { Network } from './network.ts'
import type { Plan } from './plan.ts'
import { SimulatedNode } from './simulated-node.ts'
import { SnapshotStreams } from './snapshot-streams.ts'
import type { Surroundings, TrapPoint } from './surroundings.ts'
import { TraceHash } from './trace-hash.ts'

const roles: Readonly<Record<Role, number>> = {
  follower: 1,
  'pre-candidate': 2,
  candidate: 3,
  leader: 4,
}

/** A group, its machines and the network between them, under a virtual clock. */
export class World implements Surroundings {
  readonly plan: Plan
  readonly random: Prng
  readonly queue: EventQueue
  readonly counts = new Counts()
  readonly hash = new TraceHash()
  readonly narrative: Narrative
  readonly nodes = new Map<RaftId, SimulatedNode>()
  readonly checker: Checker
  readonly network: Network
  readonly clients: Clients
  /** From now on no new trouble comes. */
  isHealed = false
  /** Changes of members that may yet come to be. */
  askedChanges: AskedChange[] = []
  /** Who wants to know where nodes are in their work. */
  onPass: (node: SimulatedNode, point: TrapPoint) => void = () => undefined
  readonly #streams: SnapshotStreams
  #lastMachine: RaftId = 0

  constructor(plan: Plan, narrative: Narrative) {
    this.plan = plan
    this.narrative = narrative
    this.random = new Prng(`simulation ${plan.seed} run${plan.salt === 0 ? '' : ` ${plan.salt}`}`)
    this.queue = new EventQueue(this.random.split('order'))
    this.checker = new Checker((id) => this.nodes.get(id))
    const network = this.random.split('network')
    this.network = new Network(plan.network, network, this.queue, this.counts, (m) =>
      this.#arrive(m),
    )
    this.clients = new Clients(this, this.random.split('workload'))
    this.#streams = new SnapshotStreams(this, this.random.split('streams'))
    this.#found()
  }

  /** A typical election timeout, ms. */
  get electionMs(): number {
    return this.plan.core.electionTick * this.plan.tickMs
  }

  get applyMs(): number {
    return this.isHealed ? 0 : this.plan.host.applyMs
  }

  /** A machine that knows nothing; whoever leads may make a member of it. */
  addMachine(): SimulatedNode {
    const node = new SimulatedNode(++this.#lastMachine, this)
    this.nodes.set(node.id, node)
    node.start()
    return node
  }

  /** The leader of the newest term among `nodes`. */
  leader(nodes: Iterable<SimulatedNode> = this.nodes.values()): SimulatedNode | null {
    let found: SimulatedNode | null = null
    let newest = 0
    for (const node of nodes) {
      const status = node.status()
      if (status?.role !== 'leader' || status.term <= newest) continue
      newest = status.term
      found = node
    }
    return found
  }

  note(line: () => string): void {
    this.narrative.add(this.queue.now, line)
  }

  // --- what nodes find around them ---

  delayOfDisk(random: Prng): number {
    return random.exponential(this.plan.disk.meanMs)
  }

  told(id: RaftId, event: RaftEvent): void {
    const { counts } = this
    if (event.kind === 'role' && event.role === 'leader') counts.add('election: won')
    else if (event.kind === 'role' && event.role === 'pre-candidate') counts.add('election: stood')
    else if (event.kind === 'quorum-lost') counts.add('election: a leader lost its quorum')
    else if (event.kind === 'vote') counts.add(event.granted ? 'vote: granted' : 'vote: refused')
    else if (event.kind === 'transfer') counts.add(`transfer: ${event.stage}`)
    else if (event.kind === 'conf') this.#countConf(event.conf)
    this.note(() => `${id} ${describeEvent(event)}`)
  }

  crashed(id: RaftId, loss: CrashLoss, wasInstalling: boolean): void {
    const { counts } = this
    counts.add('crash: bytes lost', loss.lostBytes)
    if (loss.survivors > 0) counts.add('crash: unsynced records survived', loss.survivors)
    if (loss.stranded > 0) counts.add('crash: records behind a hole', loss.stranded)
    if (loss.wasTorn) counts.add('crash: a torn record')
    if (wasInstalling) counts.add('crash: in the middle of an install')
    this.note(() => `${id} CRASH ${JSON.stringify(loss)}`)
  }

  observe(node: SimulatedNode, status: RaftStatus): void {
    const { logs, elections } = this.checker
    const { lastCommitted } = logs
    const { count } = elections
    this.checker.observe(node, status)
    if (logs.lastCommitted > lastCommitted) this.passes(node, 'committed')
    if (elections.count > count) this.passes(node, 'elected')
    const { term, commit, role, applied } = status
    this.hash.add(node.id * 8 + roles[role], term, commit, applied)
  }

  passes(node: SimulatedNode, point: TrapPoint): void {
    this.onPass(node, point)
  }

  applied(node: SimulatedNode, entry: Entry): void {
    this.checker.applied(node, entry)
    this.note(() => `${node.id} applies ${describeEntry(entry)}`)
    this.clients.applied(node, entry)
  }

  answered(node: SimulatedNode, context: number): void {
    this.note(() => `${node.id} answers read ${context} at ${node.store.live.applied}`)
    this.clients.answered(node, context)
  }

  sendSnapshot(node: SimulatedNode, m: Message): void {
    this.note(() => `${node.id} streams ${describeMessage(m)}`)
    this.#streams.start(node, m)
  }

  /** Members 1..size begin with a state that says so; who comes later needs a snapshot of it. */
  #found(): void {
    const voters = Array.from({ length: this.plan.size }, (_, i) => i + 1)
    const conf: ConfState = { ...emptyConfState, voters }
    const meta: SnapshotMeta = { index: foundingIndex, term: foundingTerm, conf }
    for (const id of voters) {
      const node = new SimulatedNode(id, this)
      this.nodes.set(id, node)
      node.disk.found(foundingStep(meta))
      const found = (state: typeof node.store.live): void => {
        state.applied = foundingIndex
        state.term = foundingTerm
        state.conf = conf
      }
      node.store.write({ apply: found, isIncomplete: false })
      node.store.sync()
      if (id === 1) this.checker.clients.founded(node.store.live)
    }
    this.#lastMachine = this.plan.size
    for (const node of this.nodes.values()) node.start()
  }

  #arrive(m: Message): void {
    const node = this.nodes.get(m.to)
    if (node === undefined || !node.isUp) return
    const isOld = m.term > 0 && m.term < (node.status()?.term ?? 0)
    this.hash.add(m.from * 64 + m.to, messageKinds.indexOf(m.kind), m.index, m.term)
    if (isOld) this.counts.add('network: a message of an older term arrived')
    const step = (raft: Raft): void => {
      this.note(() => describeMessage(m))
      raft.step(m)
    }
    node.input(step, m.from)
  }

  #countConf(conf: ConfState): void {
    this.counts.add(isJoint(conf) ? 'members: joint phase entered' : 'members: changed')
    if (conf.learnersNext.length > 0) this.counts.add('members: a voter waits to become a learner')
  }
}

function describeEvent(event: RaftEvent): string {
  switch (event.kind) {
    case 'role':
      return `is ${event.role} of term ${event.term}`
    case 'vote':
      return `${event.granted ? 'votes for' : 'refuses'} ${event.to} in term ${event.term}`
    case 'conf':
      return `adopts ${describeConf(event.conf)}`
    case 'transfer':
      return `transfer to ${event.to} ${event.stage}`
    case 'quorum-lost':
      return `lost its quorum in term ${event.term}`
    case 'campaign-held':
      return `does not stand: ${event.reason}`
    case 'snapshot-sent':
      return `sends a snapshot of ${event.index} to ${event.to}`
    case 'snapshot-restored':
      return `takes a snapshot of ${event.index}`
  }
}
