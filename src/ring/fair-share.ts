/** A node as a place for load. */
export interface Place {
  /** Nodes that may fail together share a zone. */
  readonly zone: string
  /** Above 0. */
  readonly weight: number
}

/**
 * How many replicas of one partition a zone may hold: the least k for which all zones together can
 * hold `slots`. 1 when there are zones enough, so that the replicas stand in distinct zones.
 */
export function zoneLimit(places: readonly Place[], slots: number): number {
  const sizes = [...groupByZone(places).values()].map((members) => members.length)
  let limit = 1
  while (sizes.reduce((sum, size) => sum + Math.min(size, limit), 0) < slots) limit++
  return limit
}

/**
 * Each place's fair share of `partitions` × `slots` replicas, a fraction: in proportion to weight,
 * but no node above one replica of each partition and no zone above `limit` of each. What a full
 * node or zone cannot take is shared by the rest ("water filling"). Zones go before evenness: a
 * lone node in its zone takes a replica of everything, because that is what the zone is for.
 *
 * A table that gives each place its share rounded up or down exists: the fractions themselves are
 * one (share / partitions of each partition), and flows with whole bounds have whole solutions.
 */
export function fairShares(
  places: readonly Place[],
  size: { readonly partitions: number; readonly slots: number; readonly limit: number },
): number[] {
  const shares = places.map(() => 0)
  const zones = [...groupByZone(places).values()].map((members) => ({
    members,
    room: Math.min(size.limit, members.length) * size.partitions,
  }))
  let open = zones
  let left = size.partitions * size.slots
  for (;;) {
    const level = waterLevel(
      open.flatMap((zone) => zone.members.map((at) => places[at]!.weight)),
      left,
      size.partitions,
    )
    const isFull = ({ members, room }: (typeof zones)[number]): boolean =>
      members.reduce((sum, at) => sum + take(at, level), 0) > room + rounding
    const full = open.filter(isFull)
    const settled = full.length > 0 ? full : open
    for (const zone of settled) {
      const weights = zone.members.map((at) => places[at]!.weight)
      const own = full.length > 0 ? waterLevel(weights, zone.room, size.partitions) : level
      for (const at of zone.members) shares[at] = take(at, own)
      left -= zone.room
    }
    if (full.length === 0) return shares
    open = open.filter((zone) => !full.includes(zone))
  }

  function take(at: number, level: number): number {
    return Math.min(places[at]!.weight * level, size.partitions)
  }
}

/** Shares are sums of quotients: what differs by less is equal. */
const rounding = 1e-6

export function roundedDown(share: number): number {
  return Math.floor(share + rounding)
}

export function roundedUp(share: number): number {
  return Math.ceil(share - rounding)
}

/**
 * The level at which Σ min(weight × level, most) = amount, which is at most `most` of each. The
 * weights are summed from the lightest up: taking the heavy off a total would lose the light ones.
 */
function waterLevel(weights: readonly number[], amount: number, most: number): number {
  const lightestFirst = weights.toSorted((a, b) => a - b)
  let sum = 0
  const sums = lightestFirst.map((weight) => (sum += weight))
  let last = weights.length - 1
  let left = amount
  for (; last > 0; last--) {
    if (lightestFirst[last]! * (left / sums[last]!) <= most + rounding) break
    left -= most
  }
  return left / sums[last]!
}

function groupByZone(places: readonly Place[]): Map<string, number[]> {
  const zones = new Map<string, number[]>()
  places.forEach(({ zone }, at) => {
    const members = zones.get(zone)
    if (members === undefined) zones.set(zone, [at])
    else members.push(at)
  })
  return zones
}
