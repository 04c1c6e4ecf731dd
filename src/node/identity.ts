import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createHmac } from 'node:crypto'
import type { NodeIndex } from '../ids/node-index.ts'
import { ConfigRefused } from './cluster-file.ts'
import type { NodeConfig } from './config.ts'
import { readIfThere, writeDurably } from './durable-file.ts'

/** What a data folder says about the node that it belongs to. */
export interface Identity {
  readonly clusterId: string
  readonly name: string
  readonly index: NodeIndex
  /** Rises with each start; ms of the wall clock when that is larger. Fences earlier lives. */
  readonly bootId: number
  /** The folder is new: nothing was ever voted or acknowledged from it. */
  readonly fresh: boolean
}

/** The cluster is known by what it was founded with, and by its secret: all founders have both. */
export function clusterIdOf(config: NodeConfig, peerKey: Uint8Array): string {
  const { name, partitions, replicationFactor, virtualNodes } = config.cluster
  const founders = config.nodes.map((node) => node.name)
  const text = JSON.stringify({ name, partitions, replicationFactor, virtualNodes, founders })
  return createHmac('sha256', peerKey).update(text).digest('hex').slice(0, 32)
}

/**
 * Takes possession of the data folder for this start. Throws ConfigRefused when the folder belongs
 * to another node or another cluster: its votes and its index are not this node's.
 */
export function takeIdentity(config: NodeConfig, peerKey: Uint8Array, nowMs: number): Identity {
  const { self } = config
  mkdirSync(self.data, { recursive: true, mode: 0o700 })
  const path = join(self.data, 'identity.json')
  const clusterId = clusterIdOf(config, peerKey)
  const index = config.nodes.findIndex((node) => node.name === self.name) + 1
  const text = readIfThere(path)
  const stored = text === undefined ? undefined : (JSON.parse(text) as Omit<Identity, 'fresh'>)
  const refuse = (says: string, cure: string): never => {
    throw new ConfigRefused(path, [{ at: 'identity', says, cure }])
  }
  if (stored !== undefined && stored.name !== self.name) {
    refuse(`the folder belongs to node "${stored.name}"`, 'give each node a data folder of its own')
  }
  if (stored !== undefined && stored.clusterId !== clusterId) {
    refuse(
      'the folder belongs to a cluster that was founded with another secret, name, founders, partitions or ring',
      'start it with the file and the secret it was founded with, or give the new cluster an empty folder',
    )
  }
  const bootId = Math.max((stored?.bootId ?? 0) + 1, nowMs)
  const identity = { clusterId, name: self.name, index: stored?.index ?? index, bootId }
  writeDurably(path, `${JSON.stringify(identity)}\n`)
  return { ...identity, fresh: stored === undefined }
}
