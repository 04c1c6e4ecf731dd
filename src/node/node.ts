import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupId } from '../ids/group-id.ts'
import { metaGroup } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { GroupHost } from '../group/group-host.ts'
import type { Group } from '../group/group.ts'
import { MetaGroup } from '../meta/meta-group.ts'
import type { MetaState } from '../meta/meta-state.ts'
import { seedConf, seedState } from '../meta/seed.ts'
import { Partition } from '../partition/partition.ts'
import { PartitionRows } from '../partition/partition-rows.ts'
import { Peers } from '../peer/peers.ts'
import type { Members } from '../peer/identity.ts'
import { ClientEdge } from '../session/client-edge.ts'
import { LevelStore } from '../store/level-store.ts'
import { SegmentedLog } from '../store/segmented-log.ts'
import type { Store } from '../store/store.ts'
import type { Log } from '../store/log.ts'
import { Hub } from '../topic/hub.ts'
import { firstTopicKind, lastTopicKind } from '../topic/messages.ts'
import type { TopicMessage } from '../topic/messages.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import type { NodeConfig } from './config.ts'
import { Facts } from './node-facts.ts'
import { takeIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { Mint } from './mint.ts'
import { Handover } from './handover.ts'
import { RaftLinks } from './raft-links.ts'
import type { NodeDeps, RunningNode } from './running-node.ts'

/**
 * One server, put together: the only place that calls constructors across rooms. Starts from the
 * disk upwards and closes in the opposite order.
 */
export class FlotillaNode implements RunningNode {
  readonly identity: Identity
  readonly config: NodeConfig
  readonly facts: Facts
  readonly hub: Hub
  readonly peers: Peers
  readonly groups: GroupHost
  readonly meta: MetaGroup
  readonly edge: ClientEdge
  readonly #deps: NodeDeps
  readonly #log: Log
  readonly #store: Store
  readonly #partitions = new Map<GroupId, Partition>()
  readonly #handover: Handover
  #draining: Promise<void> | null = null
  #closing: Promise<void> | null = null

  static async start(config: NodeConfig, deps: NodeDeps): Promise<FlotillaNode> {
    const identity = takeIdentity(config, deps.clock.now())
    const { data } = config.self
    mkdirSync(data, { recursive: true, mode: 0o700 })
    const onFatal = (error: Error): void => deps.fatal(error)
    const log = await SegmentedLog.open(join(data, 'log'), {
      segmentBytes: config.options['log-segment-bytes'],
      memoryBytes: config.options['log-memory-bytes'],
      metrics: deps.metrics,
      logger: deps.logger,
      onFatal,
    })
    const store = await LevelStore.open(join(data, 'data'), { metrics: deps.metrics, onFatal })
    const node = new FlotillaNode(config, deps, identity, log, store)
    await node.#open()
    return node
  }
}
