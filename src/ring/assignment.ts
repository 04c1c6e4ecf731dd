import { assert } from '../assert.ts'
import { isPartitionCount } from '../ids/group-id.ts'
import { isNodeIndex } from '../ids/node-index.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { balance } from './balance.ts'
import { fairShares, roundedDown, roundedUp, zoneLimit } from './fair-share.ts'
import { HashRing } from './hash-ring.ts'
import { samePlacement } from './table.ts'
import type { Table } from './table.ts'

export interface RingMember {
  readonly index: NodeIndex
  /** Nodes that may fail together. Without one a node is a zone of its own. */
  readonly zone?: string
  /** Share of load relative to the others, default 1. 0: holds nothing (it drains). */
  readonly weight?: number
}

export interface AssignInput {
  /** Any order; distinct indexes; at least one of weight above 0 (RING-6). */
  readonly members: readonly RingMember[]
  readonly partitions: number
  /** Replicas of a partition, from 1; fewer when there are fewer nodes. */
  readonly replicationFactor: number
  /** Points on the ring for a node of weight 1. */
  readonly vnodes: number
  /** The table in force. What it says stays wherever it may. */
  readonly previous?: Table
}

/**
 * Places every partition. A pure function of its input, the same for every order of members: all
 * nodes compute the same table from the committed state.
 *
 * Each partition has min(replicationFactor, nodes) distinct nodes, in distinct zones when there are
 * zones enough. Each node holds its fair share of replicas rounded up or down, and leads its fair
 * share of those it holds. From `previous` as few replicas move as these bounds allow. Returns
 * `previous` itself when nothing changes.
 */
export function assign(input: AssignInput): Table {
  const nodes = eligible(input)
  const { partitions, replicationFactor, vnodes, previous } = input
  assert(isPartitionCount(partitions), 'RING-7', { partitions })
  const wanted = replicationFactor
  assert(Number.isInteger(wanted) && wanted > 0, 'RING-7', { replicationFactor })
  const previousCount = previous?.partitions.length ?? partitions
  assert(previousCount === partitions, 'RING-3', { count: previousCount, newCount: partitions })

  const ranks = walkRanks(nodes, partitions, vnodes)
  const slots = Math.min(replicationFactor, nodes.length)
  const replicas = placeReplicas(nodes, { partitions, slots }, ranks, previous)
  const leaders = chooseLeaders(nodes, replicas, ranks, previous)
  const placement = replicas.map((places, p) => {
    const others = places.filter((place) => place !== leaders[p])
    others.sort((a, b) => ranks[p]![a]! - ranks[p]![b]!)
    return { replicas: [leaders[p]!, ...others].map((place) => nodes[place]!.index) }
  })
  const table: Table = { version: (previous?.version ?? 0) + 1, partitions: placement }
  return previous !== undefined && samePlacement(previous, table) ? previous : table
}

interface RingPlace {
  readonly index: NodeIndex
  readonly zone: string
  readonly weight: number
}

/** Members that may hold something, by ascending index: a place is a position in this list. */
function eligible({ members }: AssignInput): RingPlace[] {
  const seen = new Set(members.map((member) => member.index))
  assert(seen.size === members.length, 'RING-6', { indexes: [...seen] })
  const nodes: RingPlace[] = []
  for (const { index, zone, weight = 1 } of members) {
    assert(isNodeIndex(index) && Number.isFinite(weight) && weight >= 0, 'RING-6', {
      index,
      weight,
    })
    // A label starts with '=', a zone of one's own with '#': neither can be taken for the other.
    const ownZone = zone === undefined || zone === '' ? `#${index}` : `=${zone}`
    if (weight > 0) nodes.push({ index, zone: ownZone, weight })
  }
  assert(nodes.length > 0, 'RING-6', { members: members.length })
  return nodes.sort((a, b) => a.index - b.index)
}

/** By partition and place: how early the partition's walk meets that place. */
function walkRanks(nodes: readonly RingPlace[], partitions: number, vnodes: number): Uint16Array[] {
  const ring = new HashRing(nodes, vnodes)
  const placeOf = new Map(nodes.map((node, place) => [node.index, place]))
  return Array.from({ length: partitions }, (_, p) => {
    const ranks = new Uint16Array(nodes.length)
    ring.walk(`partition ${p + 1}`).forEach((index, rank) => {
      ranks[placeOf.get(index)!] = rank
    })
    return ranks
  })
}

function placeReplicas(
  nodes: readonly RingPlace[],
  size: { readonly partitions: number; readonly slots: number },
  ranks: readonly Uint16Array[],
  previous: Table | undefined,
): number[][] {
  const limit = zoneLimit(nodes, size.slots)
  const shares = fairShares(nodes, { ...size, limit })
  const inZone = (places: readonly number[], zone: string, leaving: number): number =>
    places.reduce((n, at) => n + (at !== leaving && nodes[at]!.zone === zone ? 1 : 0), 0)
  const held = Array.from({ length: size.partitions }, (_, p) => {
    const kept: number[] = []
    for (const index of previous?.partitions[p]?.replicas ?? []) {
      const place = nodes.findIndex((node) => node.index === index)
      const fits = place >= 0 && kept.length < size.slots
      if (fits && inZone(kept, nodes[place]!.zone, -1) < limit) kept.push(place)
    }
    return kept
  })
  balance({
    places: nodes.length,
    slots: size.slots,
    floor: shares.map(roundedDown),
    cap: shares.map(roundedUp),
    held,
    allows: (p, place, leaving) => inZone(held[p]!, nodes[place]!.zone, leaving) < limit,
    rank: (p, place) => ranks[p]![place]!,
  })
  return held
}

/**
 * One of each partition's replicas, so that a node leads load / slots of what it holds, rounded up or
 * down. That exists: every partition giving each of its replicas an equal part is a fractional one.
 */
function chooseLeaders(
  nodes: readonly RingPlace[],
  replicas: readonly (readonly number[])[],
  ranks: readonly Uint16Array[],
  previous: Table | undefined,
): number[] {
  const shares = nodes.map(() => 0)
  for (const places of replicas) for (const place of places) shares[place]! += 1 / places.length
  const held = replicas.map((places, p) => {
    const before = previous?.partitions[p]?.replicas[0]
    return places.filter((place) => nodes[place]!.index === before)
  })
  balance({
    places: nodes.length,
    slots: 1,
    floor: shares.map(roundedDown),
    cap: shares.map(roundedUp),
    held,
    allows: (p, place) => replicas[p]!.includes(place),
    rank: (p, place) => ranks[p]![place]!,
  })
  return held.map((leaders) => leaders[0]!)
}
