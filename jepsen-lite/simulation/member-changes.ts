import type { ConfChange, ConfChangeStep } from '../../src/raft/confchange.ts'
import {
  changed,
  decodeConfChange,
  isJoint,
  leaveJointChange,
  members,
} from '../../src/raft/confchange.ts'
import { describeConfChange } from '../../src/raft/describe.ts'
import type { ConfState, Index, RaftId } from '../../src/raft/entry.ts'
import type { ConfAt } from '../../src/store/log.ts'
import type { GroupLog } from '../../src/store/group-log.ts'
import type { Prng } from '../prng.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { World } from './world.ts'

const maxVoters = 7
const maxMachines = 9

type Step = ConfChangeStep['kind']

/** A change that somebody was asked for: it may still wait where nobody can see it. */
export interface AskedChange {
  readonly at: SimulatedNode
  readonly life: number
  readonly change: ConfChange
  /** Where it stands in the log; 0: not taken up yet, -1: refused. */
  index: Index
}

/** Changes of members, sensible and otherwise. A machine that was removed returns under a new id. */
export class MemberChanges {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  attempt(random: Prng): void {
    const { counts } = this.#world
    const all = [...this.#world.nodes.values()]
    const leader = random.chance(0.9) ? this.#world.leader() : random.pick(all)
    const conf = leader?.status()?.config
    if (leader === null || conf === undefined) return
    const change = this.#draw(conf, random)
    if (change === null) return
    this.#world.note(() => `${leader.id} is asked to change members: ${describeConfChange(change)}`)
    const asked: AskedChange = { at: leader, life: leader.life, change, index: 0 }
    this.#world.askedChanges.push(asked)
    leader.input((raft) => {
      const result = raft.proposeConfChange(change)
      const { error } = result
      // Refused, it counts as decided at once.
      asked.index = result.error === undefined ? result.index : -1
      counts.add(error === undefined ? 'members: proposed' : `members: ${error}`)
      const removesItself = change.steps.some(
        ({ kind, id }) => kind === 'remove' && id === leader.id,
      )
      if (error === undefined && removesItself)
        counts.add('members: removal of the leader proposed')
    })
  }

  #draw(conf: ConfState, random: Prng): ConfChange | null {
    if (isJoint(conf)) return conf.autoLeave && random.chance(0.8) ? null : leaveJointChange
    const transition = random.pick(['auto', 'auto', 'joint-implicit', 'joint-explicit'] as const)
    const steps = this.#steps(conf, random).filter((step): step is ConfChangeStep => step !== null)
    const change: ConfChange = { transition, steps, context: new Uint8Array(0) }
    const after = changed(conf, change).conf
    if (steps.length === 0 || after === undefined || after.voters.length > maxVoters) return null
    return change
  }

  #steps(conf: ConfState, random: Prng): (ConfChangeStep | null)[] {
    const { voters, learners } = conf
    const some = (ids: readonly RaftId[]): RaftId | null =>
      ids.length > 0 ? random.pick(ids) : null
    const newcomer = (): RaftId | null => this.#newcomer()
    const target = this.#size(random)
    switch (random.below(8)) {
      case 0:
        return [step('add-learner', newcomer())]
      case 1:
        return [step('add-voter', some(learners))]
      case 2:
        return [step('add-voter', voters.length < target ? newcomer() : null)]
      case 3:
        return [step('remove', voters.length > 1 ? some(voters) : some(learners))]
      case 4: // one comes, another goes
        return [step('add-voter', newcomer()), step('remove', some(voters))]
      case 5: // a voter becomes a learner
        return [step('add-learner', voters.length > 1 ? some(voters) : null)]
      case 6: // a whole new set
        return [
          ...voters.slice(1).map((id) => step('remove', id)),
          step('add-voter', newcomer()),
          step('add-voter', some(learners)),
        ]
      default: // whatever
        return voters.map((id) => step(random.pick(['add-voter', 'add-learner', 'remove']), id))
    }
  }

  #size(random: Prng): number {
    return random.pick([3, 3, 5, 7])
  }

  /** An empty machine. Null: there are none, and none of those in use can be spared. */
  #newcomer(): RaftId | null {
    const { nodes } = this.#world
    const unused = unusedMachines(this.#world)
    const blank = unused.find((node) => node.lastIndex === 0)
    if (blank !== undefined) return blank.id
    if (nodes.size >= maxMachines) {
      const old = unused[0]
      if (old === undefined) return null
      this.#world.counts.add('members: a removed machine returned under a new id')
      nodes.delete(old.id)
      old.discard()
    }
    return this.#world.addMachine().id
  }
}

function step(kind: Step, id: RaftId | null): ConfChangeStep | null {
  return id === null ? null : { kind, id }
}

/** Machines that no member counts on, whatever a crash leaves of what it knows, and that nobody is about to add. */
function unusedMachines(world: World): SimulatedNode[] {
  const used = new Set<RaftId>()
  for (const conf of confsInPlay(world, knownAfterCrash)) {
    for (const id of members(conf)) used.add(id)
  }
  return [...world.nodes.values()].filter(({ id }) => !used.has(id))
}

/**
 * Every set of members that one of today's members acts by or may come to act by. `known`: up to
 * where a member knows for sure what is committed; beyond that it may know any part of its log.
 */
export function confsInPlay(world: World, known: (node: SimulatedNode) => Index): ConfState[] {
  const { confs: history } = world.checker.clients
  const { conf: latest, index: since } = history[history.length - 1] as ConfAt
  const confs: ConfState[] = [latest]
  world.askedChanges = world.askedChanges.filter((asked) => isOpen(asked, world))
  for (const { change } of world.askedChanges) {
    const after = changed(latest, change).conf
    if (after !== undefined) confs.push(after)
  }
  for (const id of members(latest)) {
    const node = world.nodes.get(id)
    if (node === undefined) continue
    confs.push(...heldConfs(node, history, known(node)))
    confs.push(...pendingConfs(node, latest, since))
  }
  return confs
}

/** Where a member stands that does not crash: it applies what it knows before it asks for votes. */
export function knownNow({ disk, store }: SimulatedNode): Index {
  return Math.max(store.live.applied, committedOn(disk.live))
}

/**
 * Where a member stands after the worst crash. The state may be an old one, and so may the commit
 * index: of both only what is synced is sure. Whatever the log says is applied again at the start.
 */
export function knownAfterCrash({ disk, store }: SimulatedNode): Index {
  return Math.max(store.durable, committedOn(disk.synced))
}

function committedOn(log: GroupLog): Index {
  return Math.max(log.initialState().hardState.commit, log.marker.index)
}

/** The members as of `known`, and as of each later change in the log of `node`. None: it knows of none. */
function heldConfs({ disk }: SimulatedNode, history: readonly ConfAt[], known: Index): ConfState[] {
  const last = Math.max(disk.live.lastIndex(), disk.synced.lastIndex())
  const start = history.findLastIndex(({ index }) => index <= known)
  if (start < 0) return []
  const held = history.filter(({ index }, i) => i === start || (i > start && index <= last))
  return held.map(({ conf }) => conf)
}

function isOpen({ at, life, index }: AskedChange, world: World): boolean {
  if (index === 0) return at.life === life
  return index > world.checker.logs.lastCommitted
}

/** What the changes in the log that are not applied anywhere, above `since`, would make of `conf`. */
function pendingConfs({ disk }: SimulatedNode, conf: ConfState, since: Index): ConfState[] {
  const found: ConfState[] = []
  for (const log of [disk.live, disk.synced]) {
    const from = Math.max(since + 1, log.firstIndex(), log.heldFrom)
    if (from > log.lastIndex()) continue
    for (const entry of log.entries(from, log.lastIndex() + 1, Infinity)) {
      const change = entry.kind === 'conf-change' ? decodeConfChange(entry.data) : null
      const after = change === null ? undefined : changed(conf, change).conf
      if (after !== undefined) found.push(after)
    }
  }
  return found
}
