import type { Random } from '../../../src/ports.ts'
import type { ConfChange, ConfChangeStep } from '../../../src/raft/confchange.ts'
import type { RaftId } from '../../../src/raft/entry.ts'
import type { Group } from './group.ts'
import { text } from './group.ts'
import type { Member } from './member.ts'

/** How often each kind of step is taken, relative to the others. 0 switches it off for a run. */
export type Weights = Record<Action, number>
type Action = keyof typeof actions

const transitions = ['auto', 'joint-implicit', 'joint-explicit'] as const
const stepKinds = ['add-voter', 'add-learner', 'remove'] as const

/** What one random step may be. Everything it decides comes from `random`. */
const actions = {
  deliver: (group: Group, random: Random): void => {
    for (let i = random.below(6); i >= 0; i--) {
      const m = takeMessage(group, random)
      if (m !== undefined) group.deliver(m)
    }
  },
  drop: (group: Group, random: Random): void => {
    takeMessage(group, random)
  },
  repeat: (group: Group, random: Random): void => {
    const m = group.network[random.below(Math.max(1, group.network.length))]
    if (m !== undefined) group.deliver(m)
  },
  take: (group: Group, random: Random): void => {
    group.take(pick(group.members, random))
  },
  store: (group: Group, random: Random): void => {
    group.store(pick(group.members, random))
  },
  apply: (group: Group, random: Random): void => {
    group.apply(pick(group.members, random), 1 + random.below(4))
  },
  work: (group: Group, random: Random): void => {
    for (let i = random.below(4); i >= 0; i--) group.work(pick(group.members, random))
  },
  tick: (group: Group, random: Random): void => {
    group.tick(pick(group.members, random), 1 + random.below(3))
  },
  propose: (group: Group, random: Random): void => {
    const member = pick(group.members, random)
    for (let i = random.below(4); i >= 0; i--) member.raft.propose(text(`v${random.below(1_000)}`))
    group.observe(member)
  },
  change: (group: Group, random: Random): void => {
    const member = group.leader() ?? pick(group.members, random)
    member.raft.proposeConfChange(randomChange(group, random))
    group.observe(member)
  },
  read: (group: Group, random: Random): void => {
    const member = pick(group.members, random)
    nextContext++
    group.checker.asked(nextContext, group.members)
    member.raft.readIndex(nextContext)
    group.observe(member)
  },
  transfer: (group: Group, random: Random): void => {
    const member = pick(group.members, random)
    member.raft.transferLeader(pick(group.members, random).id)
    group.observe(member)
  },
  crash: (group: Group, random: Random): void => {
    const member = pick(group.members, random)
    group.restart(member, random.below(member.disk.pendingCount + 1))
  },
  compact: (group: Group, random: Random): void => {
    compact(pick(group.members, random), random)
  },
  cool: (group: Group, random: Random): void => {
    const { disk } = pick(group.members, random)
    disk.coldTo = disk.coldTo === 0 ? random.below(disk.lastIndex() + 1) : 0
  },
  linkLost: (group: Group, random: Random): void => {
    const member = pick(group.members, random)
    member.raft.linkLost(pick(group.members, random).id)
    group.observe(member)
  },
  report: (group: Group, random: Random): void => {
    const member = pick(group.members, random)
    const about = pick(group.members, random).id
    if (random.below(2) === 0) member.raft.reportUnreachable(about)
    else member.raft.reportSnapshot(about, random.below(2) === 0)
    group.observe(member)
  },
  campaign: (group: Group, random: Random): void => {
    const member = pick(group.members, random)
    member.raft.campaign()
    group.observe(member)
  },
  partition: (group: Group, random: Random): void => {
    group.heal()
    const side = random.below(1 << group.members.length)
    if (random.below(3) > 0) split(group, (member) => (side >> (member.id - 1)) % 2 === 1)
  },
} as const

let nextContext = 0

export const usualWeights: Weights = {
  deliver: 200,
  drop: 4,
  repeat: 6,
  take: 60,
  store: 40,
  apply: 30,
  work: 60,
  tick: 25,
  propose: 15,
  change: 3,
  read: 25,
  transfer: 2,
  crash: 2,
  compact: 2,
  cool: 2,
  linkLost: 2,
  report: 2,
  campaign: 1,
  partition: 1,
}

/** In a given run some faults are off and others frequent, so that each reaches further (swarm testing). */
export function swarm(random: Random): Weights {
  const weights = { ...usualWeights }
  for (const action of varied) weights[action] *= factors[random.below(factors.length)] as number
  weights.tick *= 1 + random.below(5)
  return weights
}

const factors = [0, 1, 1, 4, 16]
const varied = [
  'drop',
  'repeat',
  'change',
  'read',
  'crash',
  'compact',
  'cool',
  'partition',
  'campaign',
  'linkLost',
] as const

export function chaos(group: Group, random: Random, steps: number, weights: Weights): void {
  const names = Object.keys(actions) as Action[]
  const total = names.reduce((sum, name) => sum + weights[name], 0)
  for (let i = 0; i < steps; i++) {
    let draw = random.below(total)
    const name = names.find((one) => (draw -= weights[one]) < 0)
    if (name !== undefined) actions[name](group, random)
  }
}

function pick(members: readonly Member[], random: Random): Member {
  return members[random.below(members.length)] as Member
}

function split(group: Group, isLeft: (member: Member) => boolean): void {
  for (const a of group.members) {
    for (const b of group.members) if (isLeft(a) !== isLeft(b)) group.cut.add(`${a.id}→${b.id}`)
  }
}

/** Mostly near the front: links reorder, but not without limit. */
function takeMessage(group: Group, random: Random): Group['network'][number] | undefined {
  const reach = random.below(4) === 0 ? group.network.length : Math.min(3, group.network.length)
  if (reach === 0) return undefined
  return group.network.splice(random.below(reach), 1)[0]
}

function randomChange(group: Group, random: Random): ConfChange {
  const steps: ConfChangeStep[] = []
  for (let i = random.below(4); i > 0; i--) {
    const kind = stepKinds[random.below(3)] as ConfChangeStep['kind']
    const id: RaftId = pick(group.members, random).id
    steps.push({ kind, id })
  }
  const transition = transitions[random.below(3)] as ConfChange['transition']
  return { transition, steps, context: new Uint8Array(0) }
}

function compact(member: Member, random: Random): void {
  if (member.applied <= member.disk.firstIndex() || member.held.length > 0) return
  member.snapshotNow(random.below(3))
}
