import { isJoint, leaveJointChange, members } from '../../src/raft/confchange.ts'
import type { ConfState, RaftId } from '../../src/raft/entry.ts'
import { majority } from '../../src/raft/quorum.ts'
import type { Prng } from '../prng.ts'
import { confsInPlay, knownNow } from './member-changes.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { Invariant } from './violation.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

/** Election timeouts of the slowest member in which something must have got ahead. */
export const maxIdleTimeouts = 40

/**
 * Events in which all must be done: so many to begin with, for each entry that a member of the core
 * has to get or to apply, and for each election timeout that passes (ticks and heartbeats). Time alone would not see members that keep each other busy with
 * messages about nothing, since that may take no time at all; a fixed number would accuse whoever
 * has much to catch up with.
 */
export const healingEvents = { base: 20_000, perEntry: 100, perTimeout: 5_000 }

/**
 * The second phase: faults end within a randomly drawn core that holds a majority of every set of
 * members in play, and everyone else is gone for ever. The core must come to lead, finish what is
 * half done, take a write and a read, and end in one state (L1–L4).
 */
export class Convergence {
  readonly #world: World
  readonly #core: readonly SimulatedNode[]
  #hasWritten = false
  #acknowledgedBefore = 0
  #readsBefore = 0

  constructor(world: World, random: Prng) {
    this.#world = world
    this.#core = drawCore(world, random)
  }

  /** Runs until all is well; throws a violation if that takes too long. */
  run(step: (until: number) => boolean): void {
    const { queue, plan, electionMs } = this.#world
    this.#heal()
    const slowest = 2 * electionMs * plan.tickSpread
    let deadline = queue.now + maxIdleTimeouts * slowest
    let reached = -Infinity
    let lastEvent = queue.taken + healingEvents.base + healingEvents.perEntry * this.#backlog()
    let missing: Invariant | null = 'L1 leader'
    while (missing !== null && queue.now < deadline && queue.taken < lastEvent) {
      const until = queue.now + electionMs / 2
      lastEvent += healingEvents.perTimeout / 2
      while (queue.taken < lastEvent && step(until));
      queue.now = Math.max(queue.now, until)
      missing = this.#missing()
      const now = this.#progress()
      if (now > reached) deadline = queue.now + maxIdleTimeouts * slowest
      reached = Math.max(reached, now)
    }
    if (missing === null) return
    throw new Violation(missing, { isBusy: queue.taken >= lastEvent, ...this.#describe() })
  }

  /** Entries of the longest log that members have not applied, all together. */
  #backlog(): number {
    const longest = Math.max(...this.#core.map(({ lastIndex }) => lastIndex))
    return this.#core.reduce((sum, { store }) => sum + longest - store.live.applied, 0)
  }

  /** Grows as long as anybody applies, or catches up with the longest log. */
  #progress(): number {
    const longest = Math.max(...this.#core.map(({ lastIndex }) => lastIndex))
    const behind = this.#core.reduce((sum, { lastIndex }) => sum + longest - lastIndex, 0)
    const applied = this.#core.reduce((sum, { store }) => sum + store.live.applied, 0)
    return applied - behind
  }

  #heal(): void {
    const { network, nodes, counts, clients } = this.#world
    this.#world.isHealed = true
    network.heal(new Set(this.#core.map(({ id }) => id)))
    if (this.#core.length < nodes.size) counts.add('healing: without some of the members')
    this.#world.note(() => `HEALED ${this.#core.map(({ id }) => id).join(' ')}`)
    for (const node of this.#core) {
      if (node.isStalled) node.resume()
      node.disk.slowness = 1
      node.disk.hang(false)
      if (!node.isUp) node.start()
    }
    this.#acknowledgedBefore = clients.acknowledged
    this.#readsBefore = clients.readsAnswered
  }

  /** What is still to come; null: nothing. Also gives whoever leads the next push. */
  #missing(): Invariant | null {
    const { clients } = this.#world
    const leader = this.#world.leader(this.#core)
    const status = leader?.status() ?? null
    if (leader === null || status === null) return 'L1 leader'
    if (!this.#settleMembers(leader, status.config)) return 'L2 members'
    if (clients.acknowledged === this.#acknowledgedBefore) {
      // Of several, one is enough: the rest may have gone to a leader that was deposed.
      if (!this.#hasWritten || this.#world.random.chance(0.2)) clients.propose(leader)
      this.#hasWritten = true
      return 'L4 fresh write'
    }
    if (clients.readsAnswered === this.#readsBefore) {
      clients.read(leader)
      return 'L4 fresh write'
    }
    return this.#isEqual(leader, status.commit) ? null : 'L3 converged'
  }

  /** The operator's part: an explicit joint phase is ended, a removed leader without step-down replaced. */
  #settleMembers(leader: SimulatedNode, conf: ConfState): boolean {
    if (isJoint(conf)) {
      if (!conf.autoLeave) leader.input((raft) => void raft.proposeConfChange(leaveJointChange))
      return false
    }
    if (conf.voters.includes(leader.id)) return true
    const heir = this.#core.find(({ id }) => conf.voters.includes(id))
    if (heir !== undefined) leader.input((raft) => raft.transferLeader(heir.id))
    return false
  }

  #isEqual(leader: SimulatedNode, commit: number): boolean {
    const conf = leader.store.live.conf
    const ids = members(conf)
    return this.#core
      .filter(({ id }) => ids.includes(id))
      .every(({ store, lastIndex }) => store.live.applied === commit && lastIndex === commit)
  }

  #describe(): object {
    return {
      core: this.#core.map(({ id }) => id),
      statuses: this.#core.map((node) => {
        const status = node.status()
        if (status === null) return { id: node.id, down: true }
        const { id, role, term, commit, applied, config, progress } = status
        const last = node.lastIndex
        const head = node.disk.live.marker.index
        return { id, role, term, commit, applied, head, last, config, progress }
      }),
    }
  }
}

/** Drawn one by one until every set of members in play has its majorities, then thinned out. */
export function drawCore(world: World, random: Prng): SimulatedNode[] {
  const confs = confsInPlay(world, knownNow)
  const exists = (id: RaftId): boolean => world.nodes.has(id)
  // A majority that lost its machines for good is one that nobody can need any more.
  const possible = confs.filter((conf) => hasMajorities(conf, exists))
  let core = random.shuffled([...world.nodes.values()])
  for (const node of random.shuffled(core)) {
    const rest = core.filter((other) => other !== node)
    const ids = new Set(rest.map(({ id }) => id))
    if (possible.every((conf) => hasMajorities(conf, (id) => ids.has(id)))) core = rest
    if (random.chance(0.2)) break
  }
  return core
}

function hasMajorities({ voters, outgoing }: ConfState, isIn: (id: RaftId) => boolean): boolean {
  return [voters, outgoing].every(
    (half) => half.length === 0 || half.filter(isIn).length >= majority(half.length),
  )
}
