import { join, resolve } from 'node:path'
import { ConfigRefused, optionFaults } from './cluster-file.ts'
import type { Complaint, NodeSeed, Profile } from './cluster-file.ts'
import { resolveOptions } from './config.ts'
import type { FirstMember, NodeConfig, Overrides } from './config.ts'
import { optionContradictions } from './contradictions.ts'
import { readIfThere, writeDurably } from './durable-file.ts'
import type { Options } from './options.ts'
import { isAddress } from './address.ts'

/**
 * What the data folder of a node that joined says about it: all that `serve --data` needs. Written
 * last of what a join writes, so a folder that has it is complete.
 */
export interface Membership {
  readonly format: 1
  readonly clusterId: string
  readonly index: number
  readonly cluster: {
    readonly name: string
    readonly profile: Profile
    readonly partitions: number
    readonly replicationFactor: number
    readonly virtualNodes: number
  }
  readonly self: Addresses & { readonly name: string; readonly zone: string }
  /** As they were at the join; those to dial when nothing newer is known. */
  readonly members: readonly FirstMember[]
  /** May be edited: counts at the next start, below environment and command line. */
  readonly options: Partial<Options>
}

export interface Addresses {
  readonly peer: string
  readonly client: string
  readonly admin: string
}

export const membershipFile = 'membership.json'
export const secretFile = 'secret'

/** Undefined: nobody has joined a cluster from this folder. Throws ConfigRefused when it cannot be read. */
export function readMembership(data: string): Membership | undefined {
  const path = join(data, membershipFile)
  const text = readIfThere(path)
  if (text === undefined) return undefined
  const refuse = (says: string): never => {
    const cure = `correct it, or take ${membershipFile} from a backup of this folder`
    throw new ConfigRefused(path, [{ at: 'the file', says, cure }])
  }
  let value: Membership
  try {
    value = JSON.parse(text) as Membership
  } catch (error) {
    return refuse(`not JSON (${error instanceof Error ? error.message : String(error)})`)
  }
  const isWhole =
    value?.format === 1 &&
    Number.isInteger(value.index) &&
    typeof value.clusterId === 'string' &&
    typeof value.self?.name === 'string' &&
    typeof value.cluster?.name === 'string' &&
    Array.isArray(value.members)
  return isWhole ? value : refuse('it is not what a join writes')
}

export function writeMembership(data: string, membership: Membership): void {
  writeDurably(join(data, membershipFile), `${JSON.stringify(membership, null, 2)}\n`)
}

/**
 * The configuration of a node that has joined. Other `addresses` than before are remembered; the
 * cluster hears of them when the node has started. Throws ConfigRefused.
 */
export function memberConfig(
  data: string,
  addresses: Partial<Addresses>,
  overrides: Overrides,
): NodeConfig {
  const folder = resolve(data)
  const known = readMembership(folder)
  const path = join(folder, membershipFile)
  if (known === undefined) {
    const says = 'there is no such file: no node has joined a cluster from this folder'
    const cure =
      'join with --join HOST:PORT --token T; a founder starts with --config FILE --node NAME'
    throw new ConfigRefused(path, [{ at: 'the file', says, cure }])
  }
  const ownOptions = known.options ?? {}
  const complaints: Complaint[] = optionFaults(ownOptions)
  const { options } = resolveOptions(ownOptions, overrides, complaints)
  complaints.push(...optionContradictions(options), ...addressFaults(addresses))
  if (complaints.length > 0) throw new ConfigRefused(path, complaints)
  const self = { ...known.self, ...addresses }
  const isMoved = (['peer', 'client', 'admin'] as const).some((it) => self[it] !== known.self[it])
  if (isMoved) writeMembership(folder, { ...known, self })
  const { index, clusterId, cluster, members } = known
  const { zone, ...places } = self
  const seed: NodeSeed = { ...places, data: folder, ...(zone === '' ? {} : { zone }) }
  return {
    cluster: { ...cluster, secret: { kind: 'file', path: join(folder, secretFile) } },
    nodes: [seed],
    self: seed,
    options,
    joined: { index, clusterId, firstMembers: members },
  }
}

export function addressFaults(addresses: Partial<Addresses>): Complaint[] {
  return Object.entries(addresses)
    .filter(([, address]) => !isAddress(address as string))
    .map(([door, address]) => ({
      at: `--${door}`,
      says: `${JSON.stringify(address)} is not host:port`,
      cure: 'use a host name or address and a port from 1 to 65535',
    }))
}
