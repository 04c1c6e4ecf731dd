import { join } from 'node:path'
import { GroupHost } from '../group/group-host.ts'
import type { Group } from '../group/group.ts'
import { finishInstalls } from '../group/staging.ts'
import type { GroupId } from '../ids/group-id.ts'
import { metaGroup } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { MetaGroup } from '../meta/meta-group.ts'
import { liveMembers } from '../meta/meta-state.ts'
import type { MetaState } from '../meta/meta-state.ts'
import { seedConf, seedState } from '../meta/seed.ts'
import { partitionsOf } from '../ring/table.ts'
import { Partition } from '../partition/partition.ts'
import { PartitionRows } from '../partition/partition-rows.ts'
import type { Members } from '../peer/identity.ts'
import { Peers } from '../peer/peers.ts'
import { ClientEdge } from '../session/client-edge.ts'
import { LevelStore } from '../store/level-store.ts'
import type { Log } from '../store/log.ts'
import { SegmentedLog } from '../store/segmented-log.ts'
import type { Store } from '../store/store.ts'
import { Hub } from '../topic/hub.ts'
import { firstTopicKind, lastTopicKind } from '../topic/messages.ts'
import type { TopicMessage } from '../topic/messages.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import type { NodeConfig } from './config.ts'
import { Facts } from './node-facts.ts'
import { Handover } from './handover.ts'
import { hostAndPort } from './host-and-port.ts'
import { takeIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { Mint } from './mint.ts'
import { MetaLink } from './meta-link.ts'
import { RaftLinks } from './raft-links.ts'
import type { NodeDeps, RunningNode } from './running-node.ts'
import { chatLimits, edgeOptions, logOptions, raftOptions, seedOf } from './room-options.ts'

/** A node tells its peers that it goes and should be given nothing more. */
const drainingKind = 50

/**
 * One server, put together: the only place that calls constructors across rooms. Opens from the
 * disk upwards and closes in the opposite order.
 */
export class FlotillaNode implements RunningNode {
  readonly identity: Identity
  readonly facts: Facts
  readonly #config: NodeConfig
  readonly #deps: NodeDeps
  readonly #log: Log
  readonly #store: Store
  readonly #peers: Peers
  readonly #groups: GroupHost
  readonly #meta: MetaGroup
  readonly #metaLink: MetaLink
  readonly #hub: Hub
  readonly #edge: ClientEdge
  readonly #handover: Handover
  readonly #open = new Map<GroupId, Group>()
  readonly #boots = new Map<NodeIndex, number>()
  #draining: Promise<void> | null = null
  #closing: Promise<void> | null = null

  /** Opens everything and listens. Rejects, with all that was opened closed, when something cannot be had. */
  static async start(config: NodeConfig, deps: NodeDeps): Promise<FlotillaNode> {
    const identity = takeIdentity(config, deps.keys.peerKey, deps.clock.now())
    const onFatal = (error: Error): void => deps.fatal(error)
    const { data } = config.self
    const log = await SegmentedLog.open(join(data, 'log'), logOptions(config, deps, onFatal))
    const store = await LevelStore.open(join(data, 'data'), { ...deps, onFatal })
    // Before anything reads rows: a crash may have left a snapshot's exchange half done.
    await finishInstalls(log, store)
    const seed = seedState(seedOf(config, identity.clusterId))
    const metaLink = new MetaLink(deps, identity.bootId)
    const meta = await MetaGroup.open({
      store,
      seed,
      clock: deps.clock,
      timers: deps.timers,
      metrics: deps.metrics,
      log: deps.logger.child({ room: 'meta' }),
      forward: (lead, command) => metaLink.forward(lead, command),
      onFatal,
    })
    const node = new FlotillaNode(config, deps, { identity, log, store, meta, metaLink })
    try {
      await node.#openGroups()
      await node.#listen()
    } catch (error) {
      await node.close()
      throw error
    }
    return node
  }

  private constructor(
    config: NodeConfig,
    deps: NodeDeps,
    opened: { identity: Identity; log: Log; store: Store; meta: MetaGroup; metaLink: MetaLink },
  ) {
    const { identity, log, store, meta, metaLink } = opened
    const { clock, timers, random, logger, metrics } = deps
    this.identity = identity
    this.#config = config
    this.#deps = deps
    this.#log = log
    this.#store = store
    this.#meta = meta
    this.#metaLink = metaLink
    this.#peers = this.#makePeers()
    metaLink.connect(meta, (to, m) => this.#peers.post(to, m))
    this.#groups = new GroupHost({
      node: identity.index,
      log,
      store,
      timers,
      clock,
      random,
      logger: logger.child({ room: 'group' }),
      metrics,
      peers: new RaftLinks(() => this.#peers),
      bulk: this.#peers,
      options: raftOptions(config),
      onFatal: (error: Error) => deps.fatal(error),
    })
    const partitions = meta.state()?.partitions ?? config.cluster.partitions
    this.#hub = new Hub({
      self: identity.index,
      partitions,
      post: (to, m) => this.#peers.post(to, m as unknown as PeerMessage),
      nodes: () => [...this.#members().keys()].filter((node) => node !== identity.index),
      clock,
      timers,
      logger: logger.child({ room: 'topic' }),
      metrics,
      presenceGraceMs: config.options['presence-grace-ms'],
    })
    this.#handover = new Handover(
      {
        self: identity.index,
        groups: () => this.#open.values(),
        table: () => meta.state()?.table ?? null,
        isUp: (node) => this.#peers.isUp(node),
      },
      { clock, timers, logger, metrics },
    )
    this.#edge = this.#makeEdge()
    this.facts = this.#makeFacts()
  }

  /** Not ready any more; leadership goes to others, sessions are told to move. */
  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #makePeers(): Peers {
    const { clock, timers, random, logger, metrics, keys } = this.#deps
    const { identity } = this
    return new Peers({
      self: identity,
      secret: keys.peerKey,
      members: () => this.#members(),
      timers,
      clock,
      random,
      logger: logger.child({ room: 'peer' }),
      metrics,
      handlers: {
        message: (from, m) => this.#message(from, m),
        up: (node, bootId) => this.#up(node, bootId),
        down: (node) => this.#down(node),
        bulk: (from, header, chunks) => this.#groups.receiveBulk(from, header, chunks),
      },
    })
  }

  #makeEdge(): ClientEdge {
    const { clock, timers, logger, metrics, keys, version } = this.#deps
    const { identity } = this
    const config = this.#config
    return new ClientEdge({
      topics: this.#hub,
      options: edgeOptions(config, version),
      keys,
      mint: new Mint(config.self.data, identity.index, keys.idKey, clock),
      timers,
      clock,
      logger: logger.child({ room: 'session' }),
      metrics,
      ready: () => this.#draining === null && this.facts.ready().ready,
    })
  }

  #makeFacts(): Facts {
    const { clock, timers, version } = this.#deps
    const { identity } = this
    const meta = this.#meta
    return new Facts({
      identity,
      clusterName: this.#config.cluster.name,
      version,
      clock,
      timers,
      startedAt: clock.monotonic(),
      peers: this.#peers,
      groups: this.#groups,
      meta,
      hub: this.#hub,
      sessions: () => this.#edge.sessions,
      bootIdOf: (node) => this.#boots.get(node),
      isDraining: () => this.#draining !== null,
      drain: () => this.drain(),
    })
  }

  async #openGroups(): Promise<void> {
    const state = this.#meta.state()
    if (state === null) return
    if (this.#store.doubtful) await this.#distrustStore(state)
    this.#meta.attach(this.#lateGroup(metaGroup))
    const bootstrap = seedConf(state, metaGroup)
    this.#open.set(metaGroup, this.#groups.open(metaGroup, { machine: this.#meta, bootstrap }))
    for (const id of partitionsOf(state.table, this.identity.index)) {
      const machine = await this.#makePartition(id, state.partitions)
      this.#open.set(id, this.#groups.open(id, { machine, bootstrap: seedConf(state, id) }))
      this.#hub.desk.add(machine)
    }
  }

  /**
   * The machine lost power with unsynced rows (store.ts): every partition goes back to where its
   * log begins and is replayed. Effects may be applied twice; what the log no longer has was synced.
   */
  async #distrustStore(state: MetaState): Promise<void> {
    this.#deps.logger.warn({}, 'the last run ended without power: rows are replayed from the log')
    for (const id of partitionsOf(state.table, this.identity.index)) {
      await PartitionRows.writeApplied(id, this.#store, this.#log.group(id).firstIndex() - 1)
    }
    await this.#store.sync()
    await this.#store.trust()
  }

  /** Groups and their machines are made for each other: the machine asks for its group when it needs it. */
  #lateGroup(
    id: GroupId,
  ): Pick<Group, 'propose' | 'readIndex' | 'applied' | 'isLeader' | 'term' | 'lead'> {
    const group = (): Group => this.#group(id)
    return {
      propose: (data, term) => group().propose(data, term),
      readIndex: (done) => group().readIndex(done),
      applied: (index) => group().applied(index),
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

  async #makePartition(id: GroupId, partitions: number): Promise<Partition> {
    const { clock, timers, logger, metrics } = this.#deps
    return new Partition({
      id,
      group: this.#lateGroup(id),
      store: this.#store,
      applied: await PartitionRows.readApplied(id, this.#store),
      partitions,
      timers,
      clock,
      logger: logger.child({ room: 'partition' }),
      metrics,
      limits: chatLimits(this.#config),
      listener: this.#hub.desk,
      carry: (target, letters, done) => this.#hub.carry(id, target, letters, done),
    })
  }

  async #listen(): Promise<void> {
    const { peer, client } = this.#config.self
    const peerAt = hostAndPort(peer)
    await this.#peers.listen(peerAt.host, peerAt.port)
    this.#groups.start()
    const clientAt = hostAndPort(client)
    await this.#edge.listen(clientAt.host, clientAt.port)
  }

  #group(id: GroupId): Group {
    const group = this.#open.get(id)
    if (group === undefined) throw new Error(`group ${id} is not open here`)
    return group
  }

  #members(): Members {
    const state = this.#meta.state()
    return new Map(
      (state === null ? [] : liveMembers(state)).map((member) => [
        member.index,
        { name: member.name, ...hostAndPort(member.address) },
      ]),
    )
  }

  #message(from: NodeIndex, m: PeerMessage): void {
    const kind = m[0]
    if (kind >= firstTopicKind && kind <= lastTopicKind) {
      return this.#hub.receive(from, m as unknown as TopicMessage)
    }
    const raft = RaftLinks.read(m)
    if (raft !== null) {
      for (const { group, message } of raft) this.#groups.receive(group, message, from)
    } else if (kind === drainingKind) this.#handover.drains(from)
    else this.#metaLink.receive(from, m)
  }

  #up(node: NodeIndex, bootId: number): void {
    this.#boots.set(node, bootId)
    this.#groups.linkUp(node)
    this.#hub.nodeUp(node)
    this.#handover.up(node)
    if (this.#draining !== null) this.#peers.post(node, [drainingKind])
  }

  #down(node: NodeIndex): void {
    this.#boots.delete(node)
    this.#groups.linkDown(node)
    this.#hub.nodeDown(node)
    this.#handover.down(node)
    this.#metaLink.down(node)
  }

  async #drain(): Promise<void> {
    for (const node of this.#members().keys()) {
      if (node !== this.identity.index) this.#peers.post(node, [drainingKind])
    }
    const withinMs = this.#config.options['drain-timeout-ms'] / 2
    await this.#handover.drain(withinMs)
    await this.#edge.drain(Math.min(1_000, withinMs))
  }

  async #close(): Promise<void> {
    await this.#edge.close()
    this.facts.close()
    this.#handover.close()
    this.#hub.close()
    this.#groups.stop()
    this.#meta.close()
    this.#peers.close()
    await this.#log.close()
    await this.#store.close()
  }
}
