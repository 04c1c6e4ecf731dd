import { assert, sometimes } from '../assert.ts'

/**
 * Places stand for nodes and are numbered from 0, partitions too. `held` says what each partition
 * holds so far; it is edited until each partition has `slots` places and each place's load is within
 * floor..cap. What is already held stays wherever it can.
 */
export interface Balance {
  readonly places: number
  readonly slots: number
  readonly floor: readonly number[]
  readonly cap: readonly number[]
  readonly held: number[][]
  /** Whether the partition may take a place that it does not hold, once `leaving` (or -1) is gone. */
  allows(partition: number, place: number, leaving: number): boolean
  /** How early the partition's walk meets the place: lower is better. */
  rank(partition: number, place: number): number
}

/**
 * Bounded load (Mirrokni 2016) with whole bounds and few moves. Three passes, each of shortest
 * augmenting paths, so that load moves through other nodes only when it cannot move directly: fill
 * missing replicas, raise places that are below their floor, shed what is above the cap. Bounds
 * that some table satisfies are always reached: asserted (RING-4).
 */
export function balance(input: Balance): void {
  const state = new Loads(input)
  input.held.forEach((_, partition) => {
    while (input.held[partition]!.length < input.slots) fill(state, partition)
  })
  for (let place = 0; place < input.places; place++) {
    while (state.load(place) < input.floor[place]!) raise(state, place)
  }
  for (let place = 0; place < input.places; place++) {
    while (state.load(place) > input.cap[place]!) shed(state, place)
  }
}

/** Gives the partition one more place: the first on its walk that has room. */
function fill(state: Loads, partition: number): void {
  const { floor, cap } = state.input
  const open = state.openTo(partition)
  const place =
    open.find((it) => state.load(it) < floor[it]!) ?? open.find((it) => state.load(it) < cap[it]!)
  if (place !== undefined) return state.add(partition, place)
  sometimes(true, 'ring: a partition found room only by displacing another')
  const path = state.shortestPath(open, (it) => state.load(it) < cap[it]!)
  state.shift(path)
  state.add(partition, path[0]!)
}

/** Moves one replica to `place`, away from where there is most above its due. */
function raise(state: Loads, place: number): void {
  const { floor, cap } = state.input
  const above = state.places().filter((it) => state.load(it) > floor[it]!)
  above.sort((a, b) => state.load(b) - floor[b]! - (state.load(a) - floor[a]!) || a - b)
  const overfull = above.filter((it) => state.load(it) > cap[it]!)
  const direct = overfull.find((it) => state.canShift(it, place, false))
  state.shift(
    direct === undefined ? state.shortestPath(above, (it) => it === place) : [direct, place],
  )
}

function shed(state: Loads, place: number): void {
  const { cap } = state.input
  state.shift(state.shortestPath([place], (it) => state.load(it) < cap[it]!))
}

/** Added to the rank of a replica that has to stay if it can: above every rank. */
const settled = 65_536

class Loads {
  readonly input: Balance
  /** By place: the partitions on it. */
  readonly #on: Set<number>[]
  /** By partition: the places it had at first. */
  readonly #before: readonly (readonly number[])[]

  constructor(input: Balance) {
    this.input = input
    this.#before = input.held.map((places) => [...places])
    this.#on = Array.from({ length: input.places }, () => new Set<number>())
    input.held.forEach((places, partition) => {
      for (const place of places) this.#on[place]!.add(partition)
    })
  }

  places(): number[] {
    return this.#on.map((_, place) => place)
  }

  load(place: number): number {
    return this.#on[place]!.size
  }

  /** Places that the partition may take as it stands, best first. */
  openTo(partition: number): number[] {
    return this.places()
      .filter((place) => this.#mayTake(partition, place, -1))
      .sort((a, b) => this.input.rank(partition, a) - this.input.rank(partition, b))
  }

  canShift(from: number, to: number, freshOnly: boolean): boolean {
    for (const partition of this.#on[from]!) {
      if (freshOnly && !this.#isFresh(partition, from)) continue
      if (this.#mayTake(partition, to, from)) return true
    }
    return false
  }

  /**
   * Fewest hops from one of `sources` to a place that `isEnd` accepts; a hop is a partition that can
   * leave one place for the next. Replicas that were placed in this run move first: they cost nothing.
   */
  shortestPath(sources: readonly number[], isEnd: (place: number) => boolean): number[] {
    const path = this.#search(sources, isEnd, true) ?? this.#search(sources, isEnd, false)
    const { floor, cap } = this.input
    const loads = this.#on.map((it) => it.size)
    assert(path !== null, 'RING-4', { sources, loads, floor, cap })
    return path
  }

  /**
   * Breadth first. Shortness also makes the hops independent: if one partition could take part
   * twice in conflict with itself, a shorter path would exist.
   */
  #search(
    sources: readonly number[],
    isEnd: (place: number) => boolean,
    freshOnly: boolean,
  ): number[] | null {
    const cameFrom = new Map<number, number>(sources.map((source) => [source, -1]))
    const queue = [...sources]
    for (const place of queue) {
      for (let next = 0; next < this.input.places; next++) {
        if (cameFrom.has(next) || !this.canShift(place, next, freshOnly)) continue
        cameFrom.set(next, place)
        if (isEnd(next)) return pathTo(next, cameFrom)
        queue.push(next)
      }
    }
    return null
  }

  /** Along the path each place hands one partition to the next. */
  shift(path: readonly number[]): void {
    for (let i = path.length - 1; i > 0; i--) this.#hop(path[i - 1]!, path[i]!)
  }

  add(partition: number, place: number): void {
    this.input.held[partition]!.push(place)
    this.#on[place]!.add(partition)
  }

  /** A fresh replica if there is one, then that whose walk meets `to` earliest, then the lowest. */
  #hop(from: number, to: number): void {
    let best = -1
    let bestRank = Number.POSITIVE_INFINITY
    for (const partition of this.#on[from]!) {
      const rank = this.input.rank(partition, to) + (this.#isFresh(partition, from) ? 0 : settled)
      const isBetter = rank < bestRank || (rank === bestRank && partition < best)
      if (isBetter && this.#mayTake(partition, to, from)) {
        best = partition
        bestRank = rank
      }
    }
    assert(best >= 0, 'RING-5', { from, to })
    const held = this.input.held[best]!
    held[held.indexOf(from)] = to
    this.#on[from]!.delete(best)
    this.#on[to]!.add(best)
  }

  /** Placed in this run: `from` is not where the partition was before. */
  #isFresh(partition: number, from: number): boolean {
    return !this.#before[partition]!.includes(from)
  }

  #mayTake(partition: number, place: number, leaving: number): boolean {
    return !this.#on[place]!.has(partition) && this.input.allows(partition, place, leaving)
  }
}

/** Every place on the way back is a key of `cameFrom`; a source came from -1. */
function pathTo(end: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const path: number[] = []
  for (let at = end; at >= 0; at = cameFrom.get(at)!) path.push(at)
  return path.reverse()
}
