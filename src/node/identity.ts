import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createHmac, randomBytes } from 'node:crypto'
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
  /** Of the start before; 0: this is the first. An older copy of the folder shows by it. */
  readonly previousBoot: number
  /** Random, made with the folder and never changed: 32 hex digits. An emptied folder shows by it. */
  readonly incarnation: string
  /** The folder is new: nothing was ever voted or acknowledged from it. */
  readonly fresh: boolean
}

export type StoredIdentity = Pick<
  Identity,
  'clusterId' | 'name' | 'index' | 'bootId' | 'incarnation'
>

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
  const { self, joined } = config
  mkdirSync(self.data, { recursive: true, mode: 0o700 })
  const clusterId = joined?.clusterId ?? clusterIdOf(config, peerKey)
  const position = config.nodes.findIndex((node) => node.name === self.name) + 1
  const stored = storedIdentity(self.data)
  const fault = stored === undefined ? missing(config) : foreign(stored, self.name, clusterId)
  if (fault !== null) throw new ConfigRefused(identityPath(self.data), [fault])
  const previousBoot = stored?.bootId ?? 0
  const identity: StoredIdentity = {
    clusterId,
    name: self.name,
    index: stored?.index ?? position,
    bootId: Math.max(previousBoot + 1, nowMs),
    // A folder of a version that had none gets one now; the cluster learns it from the next announcement.
    incarnation: stored?.incarnation ?? newIncarnation(),
  }
  storeIdentity(self.data, identity)
  return { ...identity, previousBoot, fresh: stored === undefined }
}

/** Undefined: the folder belongs to nobody yet. */
export function storedIdentity(data: string): StoredIdentity | undefined {
  const text = readIfThere(identityPath(data))
  return text === undefined ? undefined : (JSON.parse(text) as StoredIdentity)
}

export function storeIdentity(data: string, identity: StoredIdentity): void {
  writeDurably(identityPath(data), `${JSON.stringify(identity)}\n`)
}

export function newIncarnation(): string {
  return randomBytes(16).toString('hex')
}

function identityPath(data: string): string {
  return join(data, 'identity.json')
}

/** A joiner has its identity before it is a member; without it, something took it away. */
function missing({ joined }: NodeConfig): { at: string; says: string; cure: string } | null {
  if (joined === null) return null
  const says = 'it is missing, while the folder says that the node has joined a cluster'
  const cure =
    'the folder is damaged: remove the member (flotilla nodes remove NAME --dead) and join with an empty folder'
  return { at: 'identity', says, cure }
}

function foreign(
  stored: StoredIdentity,
  name: string,
  clusterId: string,
): { at: string; says: string; cure: string } | null {
  if (stored.name !== name) {
    const says = `the folder belongs to node "${stored.name}"`
    return { at: 'identity', says, cure: 'give each node a data folder of its own' }
  }
  if (stored.clusterId === clusterId) return null
  return {
    at: 'identity',
    says: 'the folder belongs to a cluster that was founded with another secret, name, founders, partitions or ring',
    cure: 'start it with the file and the secret it was founded with, or give the new cluster an empty folder; a running cluster grows by flotilla token new and serve --join, not by its file',
  }
}
