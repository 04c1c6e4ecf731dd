import type { Group } from '../../src/group/group.ts'
import { GroupHost } from '../../src/group/group-host.ts'
import type { GroupOptions } from '../../src/group/group-options.ts'
import { dropUnproven } from '../../src/group/lost-tail.ts'
import type { BulkSink, PeerPort } from '../../src/group/peer-port.ts'
import { finishInstalls } from '../../src/group/staging.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import type { Metrics } from '../../src/ports.ts'
import type { ConfState, RaftId } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import type { Log } from '../../src/store/log.ts'
import { MemoryLog } from '../../src/store/memory-log.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { decodeHeartbeats, encodeHeartbeats } from '../../src/wire/heartbeat-frames.ts'
import type { PeerMessage } from '../../src/wire/peer-frames.ts'
import { decodeRaft, encodeRaft } from '../../src/wire/raft-frames.ts'
import { ListMachine } from './list-machine.ts'
import { VirtualTime, seeded } from './virtual-time.ts'

export interface ClusterOptions {
  readonly nodes?: number
  readonly groups?: readonly number[]
  readonly seed?: number
  readonly syncMs?: number
  readonly group?: Partial<GroupOptions>
  readonly bulk?: boolean
  /** Instead of a log in memory. */
  readonly openLog?: (node: RaftId) => Promise<Log>
  readonly voters?: readonly RaftId[]
  /** Newest records that a crash may take although they were synced (MemoryLog). */
  readonly losable?: number
  /** Of all nodes together. */
  readonly metrics?: Metrics
}

export interface Node {
  readonly id: RaftId
  host: GroupHost
  log: Log
  store: MemoryStore
  readonly machines: Map<number, ListMachine>
  readonly fatal: Error[]
  isUp: boolean
  /** Breaks the streams that it was receiving. */
  readonly onKill: (() => void)[]
}

const linkMs = 1

/** Nodes in one process, over a network and disks that do as told, in virtual time. */
export class Cluster {
  readonly time = new VirtualTime()
  readonly nodes = new Map<RaftId, Node>()
  /** Frames dropped: directed links as `from>to`. */
  readonly cut = new Set<string>()
  /** Every frame that was sent: `from>to kind`. */
  readonly frames: string[] = []
  /** Stops a bulk stream after so many chunks. */
  breakBulkAfter = Infinity
  bulksOpened = 0
  /** Messages that are lost, besides those on links that are cut. */
  isLost: (from: RaftId, to: RaftId, m: Message) => boolean = () => false
  /** Streams to this node break for their sender at the end. What was sent arrives when it is called for. */
  lateTo: RaftId | null = null
  /** Streams to this node take nothing, and break only when it dies. */
  stuckTo: RaftId | null = null
  readonly late: (() => Promise<void>)[] = []
  readonly #options: ClusterOptions
  readonly #groups: readonly number[]

  private constructor(options: ClusterOptions) {
    this.#options = options
    this.#groups = options.groups ?? [1]
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options)
    for (let id = 1; id <= (options.nodes ?? 3); id++) await cluster.boot(id)
    return cluster
  }

  get conf(): ConfState {
    const all = Array.from({ length: this.#options.nodes ?? 3 }, (_, i) => i + 1)
    const voters = this.#options.voters ?? all
    return { voters, outgoing: [], learners: [], learnersNext: [], autoLeave: false }
  }

  async boot(
    id: RaftId,
    left?: { log: Log; store: MemoryStore },
    groups: readonly number[] = this.#groups,
  ): Promise<Node> {
    const { openLog, syncMs, bulk, seed = 1, group: options = {} } = this.#options
    const log =
      left?.log ??
      (await openLog?.(id)) ??
      new MemoryLog({ timers: this.time, syncMs: syncMs ?? 1, losable: this.#options.losable ?? 0 })
    const store = left?.store ?? new MemoryStore()
    // The log needs time to pass for its answer; the others go on meanwhile.
    const finishing = this.#prepare(id, log, store)
    await this.time.passWhile(finishing)
    const fatal: Error[] = []
    const host = new GroupHost({
      node: id,
      log,
      store,
      timers: this.time,
      clock: this.time,
      random: seeded(seed * 1000 + id),
      logger: silentLogger,
      metrics: this.#options.metrics ?? noMetrics,
      peers: this.#port(id),
      ...(bulk === false ? {} : { bulk: { openBulk: (to, header) => this.#bulk(id, to, header) } }),
      options,
      onFatal: (error) => fatal.push(error),
    })
    const node: Node = { id, host, log, store, machines: new Map(), fatal, isUp: true, onKill: [] }
    this.nodes.set(id, node)
    for (const group of groups) await this.open(node, group)
    host.start()
    return node
  }

  async #prepare(self: RaftId, log: Log, store: MemoryStore): Promise<void> {
    await finishInstalls(log, store)
    await dropUnproven({
      log,
      store,
      self,
      isAlone: this.#options.nodes === 1,
      applied: (group) => ListMachine.appliedOf(group, store),
      logger: silentLogger,
    })
  }

  async open(node: Node, id: number, bootstrap: ConfState | null = this.conf): Promise<Group> {
    const machine = await ListMachine.open(id, node.store)
    const group = node.host.open(id, { machine, bootstrap: this.#bootstrapOf(node, bootstrap) })
    machine.group = group
    node.machines.set(id, machine)
    return group
  }

  node(id: RaftId): Node {
    return this.nodes.get(id) as Node
  }

  group(id: RaftId, group = 1): Group {
    return this.node(id).host.get(group) as Group
  }

  machine(id: RaftId, group = 1): ListMachine {
    return this.node(id).machines.get(group) as ListMachine
  }

  get up(): Node[] {
    return [...this.nodes.values()].filter((node) => node.isUp)
  }

  /** The node whose machine was told to lead last, and still does. */
  leader(group = 1): Node | null {
    const leads = this.up.filter((node) =>
      node.machines.get(group)?.told.at(-1)?.startsWith('lead '),
    )
    leads.sort((a, b) => this.group(b.id, group).term - this.group(a.id, group).term)
    return leads[0] ?? null
  }

  async elected(group = 1): Promise<Node> {
    await this.time.until(() => this.leader(group) !== null, `a leader of group ${group}`)
    return this.leader(group) as Node
  }

  /** Proposes at the leader and waits until all live nodes have it. */
  async write(text: string, group = 1): Promise<void> {
    let index = 0
    const taken = (): boolean => {
      const leader = this.leader(group)
      if (leader === null) return false
      const at = this.group(leader.id, group)
      const proposed = at.propose(Buffer.from(text), at.term)
      if (proposed.error === undefined) index = proposed.index
      return proposed.error === undefined
    }
    await this.time.until(taken, `a leader takes "${text}"`)
    await this.applied(index, group)
  }

  async applied(index: number, group = 1): Promise<void> {
    const done = (node: Node): boolean =>
      node.host.get(group) === undefined || (node.machines.get(group)?.applied() ?? 0) >= index
    await this.time.until(() => this.up.every(done), `entry ${index} applied everywhere`)
  }

  /** SIGKILL: the store keeps what was written; the log loses what was not synced, and `lost` records that were. */
  kill(
    id: RaftId,
    after: 'kill' | 'power-loss' = 'kill',
    survivors = 0,
    lost = 0,
  ): { log: Log; store: MemoryStore } {
    const node = this.node(id)
    node.isUp = false
    node.host.stop()
    this.nodes.delete(id)
    for (const breakStream of node.onKill) breakStream()
    const log = node.log instanceof MemoryLog ? node.log.crash(survivors, lost) : node.log
    return { log, store: node.store.reopened(after) }
  }

  /** The others notice that the connection broke. */
  async linkDown(id: RaftId): Promise<void> {
    for (const node of this.up) if (node.id !== id) node.host.linkDown(id)
    await this.time.advance(0)
  }

  isolate(id: RaftId): void {
    for (const other of this.nodes.keys()) {
      if (other === id) continue
      this.cut.add(`${id}>${other}`)
      this.cut.add(`${other}>${id}`)
    }
  }

  heal(): void {
    this.cut.clear()
  }

  /** No core has thrown anywhere. */
  get fatal(): Error[] {
    return [...this.nodes.values()].flatMap((node) => node.fatal)
  }

  stop(): void {
    for (const node of this.nodes.values()) node.host.stop()
  }

  #bootstrapOf(node: Node, conf: ConfState | null): ConfState | null {
    return conf !== null && conf.voters.includes(node.id) ? conf : null
  }

  #port(from: RaftId): PeerPort {
    return {
      post: (to, group, m: Message) => this.#post(from, to, encodeRaft(group, m), m.kind),
      postHeartbeats: (to, beats) => this.#post(from, to, encodeHeartbeats(beats), 'beats'),
    }
  }

  #post(from: RaftId, to: RaftId, frame: PeerMessage, kind: string): void {
    this.frames.push(`${from}>${to} ${kind}`)
    if (!this.nodes.has(from) || this.cut.has(`${from}>${to}`)) return
    this.time.after(linkMs, () => {
      const node = this.nodes.get(to)
      if (node === undefined || !node.isUp || this.cut.has(`${from}>${to}`)) return
      const one = decodeRaft(frame)
      const all = one !== null ? [one] : (decodeHeartbeats(frame) ?? [])
      for (const { group, message } of all) {
        if (!this.isLost(from, to, message)) node.host.receive(group, message, from)
      }
    })
  }

  #bulk(from: RaftId, to: RaftId, header: unknown): BulkSink {
    this.bulksOpened++
    if (to === this.lateTo) return this.#lateBulk(from, to, header)
    if (to === this.stuckTo) return stuck(this.node(to))
    let sent = 0
    const queue: (Uint8Array | 'end' | 'broken')[] = []
    let wake = (): void => {}
    const push = (item: Uint8Array | 'end' | 'broken'): void => {
      queue.push(item)
      wake()
    }
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (;;) {
        const item = queue.shift()
        if (item === 'end') return
        if (item === 'broken') throw new Error('the stream broke')
        if (item !== undefined) yield item
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    const target = this.nodes.get(to)
    const used =
      target === undefined
        ? Promise.reject(new Error('no such node'))
        : Promise.race([
            target.host.receiveBulk(from, header, chunks()),
            new Promise<void>((_, reject) => {
              target.onKill.push(() => reject(new Error('the receiver died')))
            }),
          ])
    used.catch(() => {})
    return {
      write: (chunk) => {
        if (++sent > this.breakBulkAfter) {
          push('broken')
          return Promise.reject(new Error('the stream broke'))
        }
        push(chunk)
        return Promise.resolve()
      },
      end: () => {
        push('end')
        return used
      },
      abort: () => push('broken'),
    }
  }

  #lateBulk(from: RaftId, to: RaftId, header: unknown): BulkSink {
    const sent: Uint8Array[] = []
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (const chunk of sent) yield await Promise.resolve(chunk)
    }
    return {
      write: (chunk) => {
        sent.push(chunk)
        return Promise.resolve()
      },
      end: () => {
        this.late.push(() => this.node(to).host.receiveBulk(from, header, chunks()))
        return Promise.reject(new Error('the stream broke'))
      },
      abort: () => {},
    }
  }
}

function stuck(node: Node): BulkSink {
  const broken = new Promise<never>((_, reject) => {
    node.onKill.push(() => reject(new Error('the receiver died')))
  })
  broken.catch(() => {})
  return { write: () => broken, end: () => broken, abort: () => {} }
}
