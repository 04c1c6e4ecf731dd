import { metaGroup } from '../ids/group-id.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { partitionsOf } from '../ring/table.ts'
import { confMembers, isUp, sceneOf } from './group-scene.ts'
import type { Led, PlacementView, Scene } from './group-scene.ts'
import type { Member, MemberState } from './meta-state.ts'

/** How far one member is from where the table wants it, for people. Counts are partitions. */
export interface MemberProgress {
  readonly node: NodeIndex
  readonly state: MemberState
  /** Its report is fresh. */
  readonly isUp: boolean
  readonly wishedReplicas: number
  /** Partitions in which it votes. */
  readonly replicas: number
  readonly wishedLeads: number
  readonly leads: number
  /** Wished, and it does not vote in them yet. */
  readonly toGet: number
  /** Of those: it is being brought up to date. */
  readonly catchingUp: number
  /** Not wished, and it is still a member or has the data. */
  readonly toGive: number
}

export interface PlacementProgress {
  /** All that are not removed, by ascending index. */
  readonly members: readonly MemberProgress[]
  /** Partitions whose leader does not report: nothing is known of who holds them. */
  readonly unknown: number
  /** Every partition is where the table wants it, and so is its leader. */
  readonly isSettled: boolean
}

/** Nothing is decided here. */
const noLimits = { maxMoves: 0, maxMovesPerNode: 0, maxLagEntries: 0 }

/** What the reports say of how far reality is from the table. Any node may ask, not only meta's leader. */
export function progress(view: Pick<PlacementView, 'state' | 'reports'>): PlacementProgress {
  const scene = sceneOf({ ...view, limits: noLimits })
  const all = view.state.table.partitions.map((_, at) => scene.leaders.get(at + 1))
  const leds = all.filter((led) => led !== undefined)
  const members = view.state.members
    .filter((member) => member.state !== 'removed')
    .map((member) => ofMember(scene, leds, member))
  const unknown = all.length - leds.length
  const isSettled =
    unknown === 0 &&
    members.every((it) => it.toGet === 0 && it.toGive === 0 && it.leads === it.wishedLeads)
  return { members, unknown, isSettled }
}

/**
 * Groups that could not decide any more with `node` gone for good: meta or partitions of whose voters
 * no living majority would be left, or of which nothing is known. Ask before removing by force: what
 * such a group holds may be lost. Ascending.
 */
export function endangeredBy(
  view: Pick<PlacementView, 'state' | 'reports'>,
  node: NodeIndex,
): GroupId[] {
  const scene = sceneOf({ ...view, limits: noLimits })
  const groups = [metaGroup, ...view.state.table.partitions.map((_, at) => at + 1)]
  return groups.filter((group) => {
    const led = scene.leaders.get(group)
    if (led === undefined) return true
    const { voters, outgoing } = led.group.conf
    return [voters, outgoing].some((half) => {
      const left = half.filter((it) => it !== node && isUp(scene, led, it))
      return half.includes(node) && left.length * 2 <= half.length
    })
  })
}

function ofMember(scene: Scene, leds: readonly Led[], { index, state }: Member): MemberProgress {
  const { table } = scene.state
  const report = scene.reports.get(index)
  const wished = new Set(partitionsOf(table, index))
  const votes = new Set<number>()
  const extra = new Set((report?.holds ?? []).filter((it) => it !== metaGroup && !wished.has(it)))
  let catchingUp = 0
  for (const { group } of leds) {
    if (group.conf.voters.includes(index)) votes.add(group.group)
    if (wished.has(group.group)) catchingUp += group.conf.learners.includes(index) ? 1 : 0
    else if (confMembers(group.conf).has(index)) extra.add(group.group)
  }
  const known = new Set(leds.map((led) => led.group.group))
  return {
    node: index,
    state,
    isUp: report !== undefined,
    wishedReplicas: wished.size,
    replicas: votes.size,
    wishedLeads: table.partitions.filter(({ replicas }) => replicas[0] === index).length,
    leads: leds.filter((led) => led.by.node === index).length,
    toGet: [...wished].filter((it) => known.has(it) && !votes.has(it)).length,
    catchingUp,
    toGive: extra.size,
  }
}
