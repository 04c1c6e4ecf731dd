import type { ClientAddress } from '../../jepsen-lite/client/connection.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import type { LinkFault } from '../../jepsen-lite/proxy/link-fault.ts'
import { emptyStats, pass } from '../../jepsen-lite/proxy/link-fault.ts'
import type {
  Administrator,
  DiskCounts,
  DiskOrders,
  GroupRoles,
  ImpostorEnd,
  Lack,
  Link,
  LostWrites,
  NodeClock,
  NodeDisk,
  NodeEnd,
  Roles,
  World,
} from '../../jepsen-lite/world/world.ts'
import { ToyServer } from './toy-server.ts'

/** A link that only remembers its fault; whatever it is, it has an effect at once. */
export class ToyLink implements Link {
  fault: LinkFault = pass
  effects = 0
  openConnections = 0
  readonly stats = emptyStats()

  setFault(fault: LinkFault): void {
    this.fault = fault
    this.effects++
    if (fault.kind === 'late') this.stats.lateRefused++
    if (fault.kind === 'loss') this.stats.heldChunks++
  }

  heal(): void {
    this.fault = pass
  }
}

/** Does what it is told as soon as it is told, and tells its world when that ends the node. */
export class ToyDisk implements NodeDisk {
  orders: DiskOrders = {}
  spoiled = false
  readonly #end: (words: string) => void
  readonly #counts = {
    writes: 0,
    syncs: 0,
    failedWrites: 0,
    failedSyncs: 0,
    slowedSyncs: 0,
    hungSyncs: 0,
    syncMs: undefined,
  }

  constructor(end: (words: string) => void) {
    this.#end = end
  }

  get counts(): DiskCounts {
    return { ...this.#counts }
  }

  order(orders: DiskOrders): void {
    this.orders = orders
    if (orders.syncDelayMs) this.#counts.slowedSyncs++
    if (orders.hangSync) this.#counts.hungSyncs++
    if (!orders.noSpace && !orders.failSyncIn && !orders.failWriteIn) return
    this.#counts.failedWrites++
    this.#end('EIO')
  }

  async losePower(): Promise<LostWrites> {
    return { files: 1, bytes: 10 }
  }

  async damage(): Promise<string> {
    this.spoiled = true
    return 'spoiled'
  }

  async wipe(): Promise<void> {
    this.spoiled = true
  }

  async copy(): Promise<void> {
    this.spoiled = false
  }

  async restoreCopy(): Promise<void> {
    this.spoiled = true
  }
}

class ToyClock implements NodeClock {
  offset = 0
  rate = 1

  set(offset: number, rate = 1): void {
    this.offset = offset
    this.rate = rate
  }

  heal(): void {
    this.set(0)
  }
}

/** A cluster of toys: all nodes are one server, faults are only remembered. */
export class ToyWorld implements World {
  readonly nodes: string[]
  readonly tolerates = 1
  readonly versions = { server: 'toy' }
  readonly down = new Set<string>()
  readonly paused = new Set<string>()
  readonly out = new Set<string>()
  readonly disks = new Map<string, ToyDisk>()
  readonly clocks = new Map<string, ToyClock>()
  readonly links = new Map<string, ToyLink>()
  readonly #ends = new Map<string, NodeEnd>()
  readonly #stalled = new Map<string, number>()
  #terms = 0
  #toy: ToyServer | undefined

  constructor(nodes: number) {
    this.nodes = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
    for (const node of this.nodes) this.#add(node)
  }

  get toy(): ToyServer {
    if (!this.#toy) throw new Error('not started')
    return this.#toy
  }

  async start(): Promise<void> {
    this.#toy = await ToyServer.start()
  }

  async stop(): Promise<void> {
    this.#toy?.stop()
    this.#toy = undefined
  }

  clientAddress(node: string): ClientAddress {
    return { ...this.toy.address, node }
  }

  lacks(): Lack | undefined {
    return undefined
  }

  /** Does what it is asked, at once. */
  readonly toyAdministrator: Administrator = {
    join: async (as) => {
      const name = as ?? `n${this.nodes.length + 10}`
      this.#add(name)
      this.nodes.push(name)
      return name
    },
    drain: async () => undefined,
    activate: async () => undefined,
    remove: async (node) => {
      this.nodes.splice(this.nodes.indexOf(node), 1)
      this.down.delete(node)
      for (const link of this.links.keys())
        if (link.split('→').includes(node)) this.links.delete(link)
    },
    comeBack: async () => ({ refused: true, words: 'removed' }),
    settled: async () => true,
  }

  readonly administrator: Administrator = this.toyAdministrator

  #add(name: string): void {
    this.disks.set(name, new ToyDisk((words) => this.#end(name, words)))
    this.clocks.set(name, new ToyClock())
    this.links.set(`client→${name}`, new ToyLink())
    for (const other of this.disks.keys())
      if (other !== name)
        for (const link of [`${name}→${other}`, `${other}→${name}`])
          this.links.set(link, new ToyLink())
  }

  async kill(node: string): Promise<void> {
    this.#ends.delete(node)
    this.down.add(node)
    this.#toy?.dropAll()
  }

  terminate(node: string): Promise<void> {
    return this.kill(node)
  }

  async restart(node: string, points?: string): Promise<void> {
    if (this.out.has(node)) return
    this.#ends.delete(node)
    this.down.delete(node)
    if (this.disks.get(node)?.spoiled === true) {
      this.out.add(node)
      this.#end(node, 'damaged')
    } else if (points !== undefined) this.#end(node, '')
  }

  async pause(node: string): Promise<void> {
    this.paused.add(node)
  }

  async resume(node: string): Promise<void> {
    this.paused.delete(node)
  }

  async stall(node: string, ms: number): Promise<void> {
    this.#stalled.set(node, performance.now() + ms)
  }

  endOf(node: string): NodeEnd | undefined {
    return this.#ends.get(node)
  }

  allowEnd(): void {
    // All ends of toys are all right.
  }

  async giveUp(node: string): Promise<void> {
    this.out.add(node)
    this.down.add(node)
  }

  async tryImpostor(): Promise<ImpostorEnd> {
    return { refused: true, words: 'not me' }
  }

  disk(node: string): ToyDisk | undefined {
    return this.disks.get(node)
  }

  clock(node: string): ToyClock | undefined {
    return this.clocks.get(node)
  }

  #end(node: string, words: string): void {
    this.#ends.set(node, { how: 'exit code 70', words })
    this.down.add(node)
  }

  link(from: string, to: string): ToyLink | undefined {
    return this.links.get(`${from}→${to}`)
  }

  clientLink(node: string): ToyLink | undefined {
    return this.links.get(`client→${node}`)
  }

  isAlive(node: string): Promise<boolean> {
    return this.isReady(node)
  }

  async isReady(node: string): Promise<boolean> {
    const stalled = (this.#stalled.get(node) ?? 0) > performance.now()
    return !this.down.has(node) && !this.paused.has(node) && !stalled
  }

  /** The first that works leads most; every look finds another election. */
  async roles(): Promise<Roles> {
    const works = (node: string): boolean =>
      !this.down.has(node) &&
      !this.paused.has(node) &&
      this.disks.get(node)?.orders.hangSync !== true
    const able = this.nodes.filter(works)
    const led = this.nodes.map((node, i) => {
      const share = works(node)
        ? (this.nodes.length - i) * (this.nodes.length - able.length + 1)
        : 0
      return [node, share] as const
    })
    return {
      metaLeader: able.at(-1),
      metaTerm: ++this.#terms,
      led: new Map(led),
      groups: this.#groups(able),
    }
  }

  async locate(topic: string): Promise<string> {
    return `p${1 + (topic.length % 10)}`
  }

  /** Meta and every three of the first five nodes; the first that hears a majority leads. */
  #groups(able: readonly string[]): Map<string, GroupRoles> {
    const five = this.nodes.slice(0, 5)
    const threes = five.flatMap((x, i) =>
      five.slice(i + 1).flatMap((y, j) => five.slice(i + j + 2).map((z) => [x, y, z])),
    )
    const bad = new Set(this.faulty)
    const hears = (x: string, y: string): boolean =>
      x === y || !(bad.has(`${x}→${y}`) || bad.has(`${y}→${x}`))
    const groups = new Map<string, GroupRoles>()
    for (const [i, voters] of [five, ...threes].entries()) {
      const leader = voters.find(
        (node) =>
          able.includes(node) &&
          voters.filter((other) => hears(node, other)).length * 2 > voters.length,
      )
      groups.set(i === 0 ? 'meta' : `p${i}`, { leader, voters })
    }
    return groups
  }

  async observe(): Promise<OpDraft[]> {
    return []
  }

  /** Links with a fault now, as `from→to`. */
  get faulty(): string[] {
    return [...this.links].filter(([, link]) => link.fault.kind !== 'pass').map(([name]) => name)
  }
}
