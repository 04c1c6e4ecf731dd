import type { NodeIndex } from '../../src/ids/node-index.ts'
import { partitionOf } from '../../src/ids/routing-key.ts'
import { Partition } from '../../src/partition/partition.ts'
import { PartitionRows } from '../../src/partition/partition-rows.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import type { Logger } from '../../src/ports.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { Hub } from '../../src/topic/hub.ts'
import type { TopicMessage } from '../../src/topic/messages.ts'
import { ChaosGroup } from './chaos-group.ts'
import type { Replica } from './chaos-group.ts'
import { ChaosLinks } from './chaos-links.ts'
import type { LinkEnd } from './chaos-links.ts'
import { SlowStore } from './chaos-store.ts'
import { ChaosTime, Dice } from './chaos-time.ts'

export const partitions = 4

/** What the rules of each node go by. */
export const chatLimits = {
  maxSubscriberCount: 100,
  maxTagCount: 16,
  minTagLength: 2,
  maxTagLength: 96,
  messageDeleteAgeS: 600,
  keepMessages: 0,
  keepMessagesS: 0,
  p2pDelete: true,
}

/** Real hubs and partitions over links, logs and stores that misbehave as the seed says. */
export class ChaosWorld {
  readonly time = new ChaosTime()
  readonly links: ChaosLinks
  readonly groups: readonly ChaosGroup[]
  readonly count: number
  readonly limits: typeof chatLimits
  readonly nodes = new Map<NodeIndex, ChaosNode>()
  readonly complaints: string[] = []
  readonly #dice: Dice

  constructor(count: number, dice: Dice, limits = chatLimits) {
    this.count = count
    this.limits = limits
    this.#dice = dice
    this.links = new ChaosLinks(this.time, new Dice(dice.below(2 ** 30)))
    const chance = new Dice(dice.below(2 ** 30))
    this.groups = Array.from(
      { length: partitions },
      (_, i) => new ChaosGroup(i + 1, this.time, chance),
    )
  }

  group(id: number): ChaosGroup {
    return this.groups[id - 1]!
  }

  groupOf(entity: string): ChaosGroup {
    return this.group(partitionOf(entity, partitions))
  }

  get living(): ChaosNode[] {
    return [...this.nodes.values()].filter((node) => node.up)
  }

  async boot(index: NodeIndex): Promise<ChaosNode> {
    const rows = this.nodes.get(index)?.store.rows ?? new MemoryStore()
    const power = this.#dice.chance(20) ? 'power-loss' : 'kill'
    const node = new ChaosNode(
      index,
      this,
      rows.reopened(power),
      new Dice(this.#dice.below(2 ** 30)),
    )
    this.nodes.set(index, node)
    await node.open()
    this.links.join(node)
    return node
  }

  kill(index: NodeIndex): void {
    const node = this.nodes.get(index)
    if (node?.up !== true) return
    node.up = false
    this.links.leave(index)
    for (const group of this.groups) {
      if (group.lead === index)
        this.time.after(100 + this.#dice.below(1_200), () => this.rescue(group))
    }
  }

  /** Somebody stands for a group that nobody leads. */
  rescue(group: ChaosGroup): void {
    if (group.leader === undefined && this.living.length > 0) {
      group.elect(this.#dice.pick(this.living).index)
    }
  }

  /** All faults end. */
  async heal(): Promise<void> {
    this.links.cut.clear()
    this.links.calm = true
    for (const group of this.groups) {
      group.stalled = false
      group.calm = true
      for (const replica of group.replicas.values()) replica.transferring = false
    }
    for (let i = 1; i <= this.count; i++) if (this.nodes.get(i)?.up !== true) await this.boot(i)
    for (const { store } of this.living) {
      store.lag = 0
      store.calm = true
    }
    await this.time.run(2_100) // whatever broke has shown by then
    for (const group of this.groups) group.elect(1 + this.#dice.below(this.count))
  }
}

export class ChaosNode implements LinkEnd {
  readonly index: NodeIndex
  readonly hub: Hub
  readonly store: SlowStore
  up = true
  readonly reaches = new Set<NodeIndex>()
  readonly alive = (): boolean => this.up
  readonly #world: ChaosWorld
  readonly #replicas: Replica[] = []

  constructor(index: NodeIndex, world: ChaosWorld, rows: MemoryStore, dice: Dice) {
    this.index = index
    this.#world = world
    const { time, links } = world
    const timers = time.scope(this.alive)
    this.store = new SlowStore(rows, timers, () => time.monotonic(), dice)
    this.hub = new Hub({
      self: index,
      partitions,
      post: (to, m) => this.up && links.post(this, to, m),
      nodes: () => Array.from({ length: world.count }, (_, i) => i + 1).filter((i) => i !== index),
      clock: time,
      timers,
      logger: complaining(world.complaints, index),
      metrics: noMetrics,
      presenceGraceMs: 1_000,
    })
  }

  async open(): Promise<void> {
    const { groups, time, complaints, limits } = this.#world
    const timers = time.scope(this.alive)
    for (const group of groups) {
      const applied = await PartitionRows.readApplied(group.id, this.store)
      const replica = group.join(this.index, applied, this.alive)
      replica.partition = new Partition({
        id: group.id,
        group: {
          propose: (data, term) => group.propose(replica, data, term),
          readIndex: (done) => group.readIndex(replica, done),
          applied: (index) => group.applied(replica, index),
        },
        store: this.store,
        applied,
        partitions,
        timers,
        clock: time,
        logger: complaining(complaints, this.index),
        metrics: noMetrics,
        limits,
        listener: this.hub.desk,
        carry: (target, letters, done) => this.hub.carry(group.id, target, letters, done),
      })
      this.hub.desk.add(replica.partition)
      this.#replicas.push(replica)
      group.begin(replica)
    }
  }

  partition(id: number): Partition {
    return this.#replicas[id - 1]!.partition
  }

  receive(from: NodeIndex, message: TopicMessage): void {
    this.hub.receive(from, message)
  }

  nodeUp(node: NodeIndex): void {
    this.hub.nodeUp(node)
  }

  nodeDown(node: NodeIndex): void {
    this.hub.nodeDown(node)
  }
}

/** What is logged as an error is a bug. */
function complaining(complaints: string[], node: NodeIndex): Logger {
  const logger: Logger = {
    ...silentLogger,
    error: (fields, message) => {
      const { error } = fields as { error?: unknown }
      const stack = error instanceof Error ? error.stack : String(error)
      complaints.push(`node ${node}: ${message} ${stack}`)
    },
    child: () => logger,
  }
  return logger
}
