import { join } from 'node:path'
import { GroupHost } from '../group/group-host.ts'
import { metaGroup } from '../ids/group-id.ts'
import { noNode } from '../ids/node-index.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { MetaGroup } from '../meta/meta-group.ts'
import type { MetaState } from '../meta/meta-state.ts'
import { seedState } from '../meta/seed.ts'
import type { Expulsion } from '../peer/handshake.ts'
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
import { Announcer } from './announce.ts'
import type { NodeConfig } from './config.ts'
import { checkClusterFormat } from './data-format.ts'
import { Digests } from './digest.ts'
import { Expelled } from './expelled.ts'
import { Facts } from './node-facts.ts'
import { Handover } from './handover.ts'
import { hostAndPort } from './host-and-port.ts'
import { takeIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { isRemovedMember, membersToLink } from './member-list.ts'
import { Mint } from './mint.ts'
import { prepareGroups } from './lost-tail.ts'
import { MetaLink } from './meta-link.ts'
import { NodeAdministration } from './node-administration.ts'
import { PlacementLink } from './placement-link.ts'
import { RaftLinks } from './raft-links.ts'
import { Replicas } from './replicas.ts'
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
  readonly administration: NodeAdministration
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
  readonly #mint: Mint
  readonly #handover: Handover
  readonly #replicas: Replicas
  readonly #placement: PlacementLink
  readonly #announcer: Announcer
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
    await prepareGroups(config, { log, store, self: identity.index, logger: deps.logger })
    const seed = config.joined === null ? seedState(seedOf(config, identity.clusterId)) : null
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
    const node = new FlotillaNode(config, deps, { identity, log, store, seed, meta, metaLink })
    try {
      meta.onChange(({ formatVersion }) => checkClusterFormat(formatVersion))
      await node.#replicas.start()
      await node.#listen()
    } catch (error) {
      await node.close()
      throw error
    }
    return node
  }

  private constructor(config: NodeConfig, deps: NodeDeps, opened: Opened) {
    const { identity, log, store, seed, meta, metaLink } = opened
    const { clock, timers, logger, metrics } = deps
    this.identity = identity
    this.#config = config
    this.#deps = deps
    this.#log = log
    this.#store = store
    this.#meta = meta
    this.#metaLink = metaLink
    this.#peers = this.#makePeers()
    metaLink.connect(meta, (to, m) => this.#peers.post(to, m))
    this.#groups = this.#makeGroups()
    this.#hub = this.#makeHub()
    this.#replicas = new Replicas({
      self: identity.index,
      seed,
      meta,
      groups: this.#groups,
      log,
      store,
      hub: this.#hub,
      limits: chatLimits(config),
      clock,
      timers,
      logger,
      metrics,
      onFatal: (error: Error) => deps.fatal(error),
    })
    this.#placement = this.#makePlacement()
    this.#handover = this.#makeHandover()
    this.#announcer = this.#makeAnnouncer()
    this.administration = this.#makeAdministration()
    this.#mint = new Mint(config.self.data, identity.index, deps.keys.idKey, deps.clock)
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
      isRemoved: (node) => isRemovedMember(this.#meta.state(), node),
      timers,
      clock,
      random,
      logger: logger.child({ room: 'peer' }),
      metrics,
      handlers: {
        message: (from, m) => this.#message(from, m),
        up: (node, bootId) => this.#up(node, bootId),
        down: (node) => this.#down(node),
        expelled: (reason, by) => this.#expelled(reason, by),
        bulk: (from, header, chunks) => this.#groups.receiveBulk(from, header, chunks),
      },
    })
  }

  #makeGroups(): GroupHost {
    const { clock, timers, random, logger, metrics } = this.#deps
    return new GroupHost({
      node: this.identity.index,
      log: this.#log,
      store: this.#store,
      timers,
      clock,
      random,
      logger: logger.child({ room: 'group' }),
      metrics,
      peers: new RaftLinks(() => this.#peers),
      bulk: this.#peers,
      options: raftOptions(this.#config),
      onFatal: (error: Error) => this.#deps.fatal(error),
    })
  }

  #makeHub(): Hub {
    const { clock, timers, logger, metrics } = this.#deps
    const { cluster, options } = this.#config
    return new Hub({
      self: this.identity.index,
      partitions: this.#meta.state()?.partitions ?? cluster.partitions,
      post: (to, m) => this.#peers.post(to, m as unknown as PeerMessage),
      nodes: () => this.#others(),
      clock,
      timers,
      logger: logger.child({ room: 'topic' }),
      metrics,
      presenceGraceMs: options['presence-grace-ms'],
    })
  }

  #makePlacement(): PlacementLink {
    const { clock, timers, logger, metrics } = this.#deps
    return new PlacementLink({
      self: this.identity.index,
      bootId: this.identity.bootId,
      meta: this.#meta,
      replicas: this.#replicas,
      others: () => this.#others(),
      isUp: (node) => this.#peers.isUp(node),
      post: (to, m) => this.#peers.post(to, m),
      clock,
      timers,
      logger: logger.child({ room: 'placement' }),
      metrics,
    })
  }

  #makeHandover(): Handover {
    const host = {
      self: this.identity.index,
      groups: () => this.#replicas.groups(),
      table: () => this.#meta.state()?.table ?? null,
      isUp: (node: NodeIndex) => this.#peers.isUp(node),
    }
    return new Handover(host, this.#deps)
  }

  #makeAdministration(): NodeAdministration {
    const { keys, clock } = this.#deps
    const { clusterId } = this.identity
    const config = this.#config
    return new NodeAdministration({
      meta: this.#meta,
      config,
      clusterId,
      secret: keys.secret,
      reports: () => this.#placement.reports(),
      clock,
    })
  }

  #makeAnnouncer(): Announcer {
    const { index, bootId, incarnation } = this.identity
    const { peer, client } = this.#config.self
    const { timers, logger } = this.#deps
    return new Announcer({
      self: { index, address: peer, clientAddress: client, bootId, incarnation },
      meta: this.#meta,
      lead: () => this.#replicas.get(metaGroup)?.lead ?? noNode,
      linked: () => this.#others().filter((node) => this.#peers.isUp(node)),
      post: (to, m) => this.#peers.post(to, m),
      onRemoved: () => this.#expelled('removed', 'its own copy of the member list'),
      timers,
      logger,
    })
  }

  #makeEdge(): ClientEdge {
    const { clock, timers, logger, metrics, keys, version } = this.#deps
    const config = this.#config
    return new ClientEdge({
      topics: this.#hub,
      options: edgeOptions(config, version),
      keys,
      mint: this.#mint,
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
    const digests = new Digests({ groups: this.#groups, store: this.#store, timers })
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
      isClockBehind: () => this.#mint.isClockBehind,
      digest: () => digests.report(),
      reports: () => this.#placement.reports(),
      drain: () => this.drain(),
    })
  }

  async #listen(): Promise<void> {
    const { peer, client } = this.#config.self
    const peerAt = hostAndPort(peer)
    await this.#peers.listen(peerAt.host, peerAt.port)
    this.#meta.onChange(() => this.#peers.refresh())
    this.#groups.start()
    const clientAt = hostAndPort(client)
    await this.#edge.listen(clientAt.host, clientAt.port)
  }

  #members(): Members {
    return membersToLink(this.#meta.state(), this.#config.joined?.firstMembers ?? [])
  }

  #others(): NodeIndex[] {
    return [...this.#members().keys()].filter((node) => node !== this.identity.index)
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
    else if (!this.#placement.receive(from, m) && !this.#announcer.receive(from, m)) {
      this.#metaLink.receive(from, m)
    }
  }

  #expelled(reason: Expulsion, by: string): void {
    const { name, data } = this.#config.self
    this.#deps.fatal(new Expelled(reason, name, data, by))
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
    this.#placement.down(node)
    this.#metaLink.down(node)
  }

  async #drain(): Promise<void> {
    for (const node of this.#others()) this.#peers.post(node, [drainingKind])
    const withinMs = this.#config.options['drain-timeout-ms'] / 2
    await this.#handover.drain(withinMs)
    await this.#edge.drain(Math.min(1_000, withinMs))
  }

  async #close(): Promise<void> {
    await this.#edge.close()
    this.facts.close()
    this.#handover.close()
    this.#announcer.close()
    this.#placement.close()
    const settled = this.#replicas.close()
    this.#hub.close()
    this.#groups.stop()
    this.#meta.close()
    this.#peers.close()
    await settled
    await this.#log.close()
    await this.#store.close()
  }
}

interface Opened {
  readonly identity: Identity
  readonly log: Log
  readonly store: Store
  /** Null for a node that joined a running cluster. */
  readonly seed: MetaState | null
  readonly meta: MetaGroup
  readonly metaLink: MetaLink
}
