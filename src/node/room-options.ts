import type { ChatLimits } from '../chat/entity.ts'
import { defaultGroupOptions } from '../group/group-options.ts'
import type { GroupOptions } from '../group/group-options.ts'
import type { Seed } from '../meta/seed.ts'
import { defaultEdgeOptions, maxTagLength, minTagLength } from '../session/edge-options.ts'
import type { EdgeOptions } from '../session/edge-options.ts'
import type { SegmentedLogOptions } from '../store/segmented-log.ts'
import type { NodeConfig } from './config.ts'
import type { NodeDeps } from './running-node.ts'

/** From the option table to what each room wants to know; the only place where both are named. */
export function seedOf(config: NodeConfig, clusterId: string): Seed {
  const { partitions, replicationFactor, virtualNodes } = config.cluster
  return {
    clusterId,
    members: config.nodes.map(({ name, peer, client, zone }) => ({
      name,
      address: peer,
      clientAddress: client,
      zone: zone ?? '',
    })),
    partitions,
    replicationFactor,
    vnodes: virtualNodes,
  }
}

export function logOptions(
  { options }: NodeConfig,
  deps: NodeDeps,
  onFatal: (error: Error) => void,
): SegmentedLogOptions {
  return {
    onFatal,
    metrics: deps.metrics,
    segmentBytes: options['log-segment-bytes'],
    memoryBytes: options['log-memory-bytes'],
  }
}

export function raftOptions({ options }: NodeConfig): GroupOptions {
  return {
    ...defaultGroupOptions,
    tickMs: options['tick-ms'],
    electionTick: options['election-ticks'],
    heartbeatTick: options['heartbeat-ticks'],
    compactEvery: options['compact-every-entries'],
    snapshotBytesPerSecond: options['move-bytes-per-second'],
  }
}

export function chatLimits({ options }: NodeConfig): ChatLimits {
  return {
    maxSubscriberCount: options['max-subscriber-count'],
    maxTagCount: options['max-tag-count'],
    minTagLength,
    maxTagLength,
    messageDeleteAgeS: options['message-delete-age-s'],
    p2pDelete: options['p2p-delete'],
    keepMessages: options['keep-messages-per-topic'],
    keepMessagesS: options['keep-messages-s'],
  }
}

export function edgeOptions({ options }: NodeConfig, version: string): EdgeOptions {
  return {
    ...defaultEdgeOptions,
    maxMessageBytes: options['max-message-size'],
    handshakeMs: options['handshake-timeout-ms'],
    idleMs: options['idle-timeout-ms'],
    queueFrames: options['session-queue-messages'],
    queueBytes: options['session-queue-bytes'],
    tokenLifetimeS: options['token-lifetime-s'],
    upgradesPerAddress: options['rate-connections-per-address'],
    requestsPerUser: options['rate-messages-per-user'],
    maxSubscriberCount: options['max-subscriber-count'],
    maxTagCount: options['max-tag-count'],
    messageDeleteAgeS: options['message-delete-age-s'],
    build: `flotilla:${version}`,
  }
}
