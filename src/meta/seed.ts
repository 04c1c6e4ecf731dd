import { assert } from '../assert.ts'
import { isPartitionCount, metaGroup } from '../ids/group-id.ts'
import type { GroupId } from '../ids/group-id.ts'
import { maxNodeIndex } from '../ids/node-index.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { assign } from '../ring/assignment.ts'
import type { RingMember } from '../ring/assignment.ts'
import { placed } from '../ring/table.ts'
import type { MemberState, MetaState } from './meta-state.ts'
import { isMemberName, isPeerAddress } from './names.ts'

/** What the configuration files say of the first start. After it the committed state rules. */
export interface Seed {
  readonly clusterId: string
  /** The member at position i gets index i + 1: the order is part of the cluster's identity. */
  readonly members: readonly SeedMember[]
  readonly partitions: number
  readonly replicationFactor: number
  readonly vnodes: number
}

export interface SeedMember {
  readonly name: string
  readonly address: string
  readonly clientAddress: string
  /** Empty: a zone of its own. */
  readonly zone: string
}

/** More voters would make each meta commit wait for more disks and survive little more. */
export const maxMetaVoters = 5

/**
 * How many of so many members vote in meta: an odd number from three on, since a fourth voter makes
 * each commit wait for one disk more and survives no more losses than three. Two are two: one copy of
 * who is a member would be none.
 */
export function metaVoterCount(members: number): number {
  const most = Math.min(members, maxMetaVoters)
  return most > 2 && most % 2 === 0 ? most - 1 : most
}

/** The version of the format that a new cluster starts with. */
export const firstFormatVersion = 1

/** What is wrong with a seed, for people; empty when it is fine. */
export function seedFaults(seed: Seed): string[] {
  const faults: string[] = []
  const { members, partitions, replicationFactor, vnodes } = seed
  if (seed.clusterId === '') faults.push('the cluster id is empty')
  if (members.length === 0) faults.push('there are no members')
  if (members.length > maxNodeIndex) faults.push(`there are more than ${maxNodeIndex} members`)
  if (!isPartitionCount(partitions)) {
    faults.push(`partitions is ${partitions}, must be a power of two up to 4096`)
  }
  if (!Number.isInteger(replicationFactor) || replicationFactor < 1) {
    faults.push(`replicationFactor is ${replicationFactor}, must be a whole number from 1`)
  }
  if (!Number.isInteger(vnodes) || vnodes < 1) {
    faults.push(`vnodes is ${vnodes}, must be a whole number from 1`)
  }
  for (const { name, address, clientAddress } of members) {
    if (!isMemberName(name)) faults.push(`${JSON.stringify(name)} is no name for a member`)
    for (const it of clientAddress === '' ? [address] : [address, clientAddress]) {
      if (!isPeerAddress(it)) faults.push(`${name}: ${JSON.stringify(it)} is not host:port`)
    }
  }
  faults.push(
    ...repeated(
      'name',
      members.map((it) => it.name),
    ),
  )
  faults.push(
    ...repeated(
      'address',
      members.map((it) => it.address),
    ),
  )
  return faults
}

/**
 * The state in which a cluster starts: the same on every node that has the same seed, so that all
 * groups exist before anything is committed. Asserts that the seed has no faults (META-1).
 */
export function seedState(seed: Seed): MetaState {
  const faults = seedFaults(seed)
  assert(faults.length === 0, 'META-1', { faults })
  const { clusterId, partitions, replicationFactor, vnodes } = seed
  const members = seed.members.map(({ name, address, clientAddress, zone }, at) => {
    const state: MemberState = 'active'
    const place = { index: at + 1, name, address, clientAddress, zone }
    return { ...place, state, bootId: 0, incarnation: '' }
  })
  const ring: RingMember[] = members.map(({ index, zone }) => ({ index, zone }))
  return {
    clusterId,
    formatVersion: firstFormatVersion,
    partitions,
    replicationFactor,
    vnodes,
    nextIndex: members.length + 1,
    members,
    tokens: [],
    table: assign({ members: ring, partitions, replicationFactor, vnodes }),
  }
}

/** The first members of a Raft group; has the shape of Raft's ConfState. */
export interface FirstConf {
  readonly voters: readonly NodeIndex[]
  readonly outgoing: readonly NodeIndex[]
  readonly learners: readonly NodeIndex[]
  readonly learnersNext: readonly NodeIndex[]
  readonly autoLeave: boolean
}

/**
 * Who votes in a group at the first start. Meta: the first metaVoterCount members, the others learn,
 * so that every node has the table. A partition: its replicas in the seed's table.
 */
export function seedConf(state: MetaState, group: GroupId): FirstConf {
  const all = state.members.map((member) => member.index)
  const count = metaVoterCount(all.length)
  const voters =
    group === metaGroup
      ? all.slice(0, count)
      : placed(state.table, group).replicas.toSorted((a, b) => a - b)
  const learners = group === metaGroup ? all.slice(count) : []
  return { voters, outgoing: [], learners, learnersNext: [], autoLeave: false }
}

function repeated(what: string, values: readonly string[]): string[] {
  const twice = values.filter((value, at) => values.indexOf(value) !== at)
  return [...new Set(twice)].map((value) => `two members have the ${what} ${value}`)
}
