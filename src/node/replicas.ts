import type { ChatLimits } from '../chat/entity.ts'
import type { GroupHost } from '../group/group-host.ts'
import type { Group } from '../group/group.ts'
import type { StateMachine } from '../group/state-machine.ts'
import type { GroupId } from '../ids/group-id.ts'
import { metaGroup } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { MetaGroup } from '../meta/meta-group.ts'
import type { MetaState } from '../meta/meta-state.ts'
import type { DropOrder } from '../meta/placement.ts'
import { seedConf } from '../meta/seed.ts'
import { Partition } from '../partition/partition.ts'
import { PartitionRows } from '../partition/partition-rows.ts'
import type { Cancel, Clock, Logger, Metrics, Timers } from '../ports.ts'
import { partitionsOf } from '../ring/table.ts'
import type { Log } from '../store/log.ts'
import type { Store } from '../store/store.ts'
import type { Hub } from '../topic/hub.ts'

/** What a machine wants of its group. */
type GroupDoor = Pick<Group, 'propose' | 'readIndex' | 'applied' | 'isLeader' | 'term' | 'lead'>

/**
 * The groups of this node: meta, what the table gives it, and what it still has on disk until the
 * meta leader says that nobody counts on it. Opens and forgets one after the other, never two at
 * once.
 */
export class Replicas {
  readonly #deps: ReplicaDeps
  readonly #open = new Map<GroupId, Group>()
  #turn: Promise<void> = Promise.resolve()
  #watching: Cancel | null = null
  /** Of the table that this node has opened all of its share of. */
  #tableVersion = 0
  #isClosed = false

  constructor(deps: ReplicaDeps) {
    this.#deps = deps
  }

  /** Opens meta and everything that the disk and the table name; from then on follows the table. */
  async start(): Promise<void> {
    const { meta, log, store } = this.#deps
    const state = meta.state()
    meta.attach(this.#lateGroup(metaGroup))
    const onDisk = log.groups().filter((id) => id !== metaGroup && !log.group(id).isNew)
    if (store.doubtful) await this.#distrustStore(onDisk)
    this.#openGroup(metaGroup, meta)
    if (state !== null) await this.#openShare(state, onDisk)
    this.#watching = meta.onChange((changed) => this.#enqueue(() => this.#openShare(changed, [])))
  }

  /** Settles when what is being opened or forgotten has come to its end: only then may the log be closed. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#watching?.()
    return this.#turn.catch(() => undefined) // it has been told already
  }

  groups(): IterableIterator<Group> {
    return this.#open.values()
  }

  get(id: GroupId): Group | undefined {
    return this.#open.get(id)
  }

  /** Everything that this version of the table gives this node is open here. */
  get tableVersion(): number {
    return this.#tableVersion
  }

  get held(): readonly GroupId[] {
    return [...this.#open.keys()]
  }

  /** Forgets a partition that has moved away, if the order still fits what is known here (DropOrder). */
  drop(order: DropOrder): void {
    this.#enqueue(async () => {
      const { group: id, tableVersion } = order
      const group = this.#open.get(id)
      if (id === metaGroup || group === undefined || !this.#mayDrop(order, group)) return
      const { logger, hub, groups } = this.#deps
      logger.info({ partition: id, tableVersion }, 'it has moved away: forgotten here')
      hub.desk.remove(id)
      this.#open.delete(id)
      await groups.remove(id)
    })
  }

  /** Whoever was added to the group again since the order was given knows more than it says. */
  #mayDrop({ group: id, term, commit, tableVersion }: DropOrder, group: Group): boolean {
    const table = this.#deps.meta.state()?.table
    if (table?.version !== tableVersion || this.#tableVersion !== tableVersion) return false
    if (partitionsOf(table, this.#deps.self).includes(id)) return false
    const { log } = group
    const isNewer = log.term(log.lastIndex()) === term && log.lastIndex() > commit
    return group.term <= term && !isNewer
  }

  /** Opens what the table gives this node, and `besides`, which it has on its disk. */
  async #openShare(state: MetaState, besides: readonly GroupId[]): Promise<void> {
    const share = new Set([...partitionsOf(state.table, this.#deps.self), ...besides])
    for (const id of share) {
      if (this.#isClosed) return
      if (!this.#open.has(id)) await this.#openPartition(id, state)
    }
    this.#tableVersion = state.table.version
  }

  async #openPartition(id: GroupId, state: MetaState): Promise<void> {
    const { store, timers, clock, logger, metrics, limits, hub } = this.#deps
    const partition = new Partition({
      id,
      group: this.#lateGroup(id),
      store,
      applied: await PartitionRows.readApplied(id, store),
      partitions: state.partitions,
      timers,
      clock,
      logger: logger.child({ room: 'partition' }),
      metrics,
      limits,
      listener: hub.desk,
      carry: (target, letters, done) => hub.carry(id, target, letters, done),
    })
    if (this.#isClosed) return
    this.#openGroup(id, partition)
    hub.desk.add(partition)
  }

  /**
   * A founder begins a group with the members that the seed names, like all founders. Everybody else
   * begins without members: the group's leader adds it.
   */
  #openGroup(id: GroupId, machine: StateMachine): void {
    const { seed, meta, groups } = this.#deps
    const isFounding = seed !== null && meta.state()?.table.version === seed.table.version
    const bootstrap = isFounding ? seedConf(seed, id) : null
    this.#open.set(id, groups.open(id, { machine, bootstrap }))
  }

  /**
   * The machine lost power with unsynced rows (store.ts): every partition goes back to where its
   * log begins and is replayed. Effects may be applied twice; what the log no longer has was synced.
   */
  async #distrustStore(onDisk: readonly GroupId[]): Promise<void> {
    const { log, store, logger } = this.#deps
    logger.warn(
      {},
      'rows may be missing, after a loss of power or damage: they are replayed from the log',
    )
    for (const id of onDisk) {
      await PartitionRows.writeApplied(id, store, log.group(id).firstIndex() - 1)
    }
    await store.sync()
    await store.trust()
  }

  #enqueue(task: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      if (!this.#isClosed) await task()
    })
    this.#turn.catch((error: unknown) => {
      if (!this.#isClosed)
        this.#deps.onFatal(error instanceof Error ? error : new Error(String(error)))
    })
  }

  /** Groups and their machines are made for each other: the machine asks for its group when it needs it. */
  #lateGroup(id: GroupId): GroupDoor {
    const group = (): Group => {
      const found = this.#open.get(id)
      if (found === undefined) throw new Error(`group ${id} is not open here`)
      return found
    }
    return {
      propose: (data, term) => group().propose(data, term),
      readIndex: (done) => group().readIndex(done),
      applied: (index) => this.#open.get(id)?.applied(index),
      get isLeader() {
        return group().isLeader
      },
      get term() {
        return group().term
      },
      get lead() {
        return group().lead
      },
    }
  }
}

export interface ReplicaDeps {
  readonly self: NodeIndex
  /** Null for a node that joined a running cluster. */
  readonly seed: MetaState | null
  readonly meta: MetaGroup
  readonly groups: GroupHost
  readonly log: Log
  readonly store: Store
  readonly hub: Hub
  readonly limits: ChatLimits
  readonly timers: Timers
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly onFatal: (error: Error) => void
}
