import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { liveMembers } from './meta-state.ts'
import type { MetaState } from './meta-state.ts'
import type { ConfStep, LedGroup, LedMember, NodeReport, PlacementLimits } from './node-report.ts'
import type { FirstConf } from './seed.ts'

/** What is known when something is decided. */
export interface PlacementView {
  readonly state: MetaState
  /** The fresh ones only: who is missing counts as dead. By node. */
  readonly reports: ReadonlyMap<NodeIndex, NodeReport>
  readonly limits: PlacementLimits
}

/** A group through the eyes of its leader. */
export interface Led {
  readonly by: NodeReport
  readonly group: LedGroup
}

/** The view, sorted: members' reports only, and each group's leader. */
export interface Scene extends PlacementView {
  readonly leaders: ReadonlyMap<GroupId, Led>
}

export function sceneOf(view: PlacementView): Scene {
  const reports = new Map<NodeIndex, NodeReport>()
  for (const { index } of liveMembers(view.state)) {
    const report = view.reports.get(index)
    if (report !== undefined) reports.set(index, report)
  }
  return { ...view, reports, leaders: leadersOf(reports.values()) }
}

/** Of several who claim to lead a group the highest term is right: a term has one leader. */
export function leadersOf<R extends Leading>(
  reports: Iterable<R>,
): Map<GroupId, { readonly by: R; readonly group: R['leads'][number] }> {
  const leaders = new Map<GroupId, { readonly by: R; readonly group: R['leads'][number] }>()
  for (const by of reports) {
    for (const group of by.leads) {
      const other = leaders.get(group.group)
      if (other === undefined || group.term > other.group.term) {
        leaders.set(group.group, { by, group })
      }
    }
  }
  return leaders
}

interface Leading {
  readonly leads: readonly Pick<LedGroup, 'group' | 'term'>[]
}

/** Everyone who is something in the group, each once. */
export function confMembers(conf: FirstConf): Set<NodeIndex> {
  return new Set([...conf.voters, ...conf.outgoing, ...conf.learners, ...conf.learnersNext])
}

export function isJoint(conf: FirstConf): boolean {
  return conf.outgoing.length > 0
}

/** Data is being copied, or two sets of voters decide together. */
export function isMoving(conf: FirstConf): boolean {
  return isJoint(conf) || conf.learners.length > 0
}

/** Alive for us and for the group's leader. One of the two alone may be a broken link. */
export function isUp(scene: Scene, led: Led, node: NodeIndex): boolean {
  if (node === led.by.node) return true
  return scene.reports.has(node) && memberOf(led, node)?.active === true
}

/** A majority of these could decide now. */
export function isHealthy(scene: Scene, led: Led, voters: readonly NodeIndex[]): boolean {
  const up = voters.filter((node) => isUp(scene, led, node)).length
  return up * 2 > voters.length
}

export function isCaughtUp(scene: Scene, led: Led, node: NodeIndex): boolean {
  if (node === led.by.node) return true
  const member = memberOf(led, node)
  if (member === undefined || member.snapshot || !isUp(scene, led, node)) return false
  return member.match > 0 && member.match + scene.limits.maxLagEntries >= led.group.commit
}

/** This leader is not to be asked for a change: one is under way, it goes, or its table is another. */
export function isBusy({ state }: Scene, { by, group }: Led): boolean {
  const { conf, pending } = group
  const isVoter = conf.voters.includes(by.node) || conf.outgoing.includes(by.node)
  return pending || !isVoter || by.tableVersion !== state.table.version
}

/** A majority of the voters holds all that is committed: without the leader nothing is lost. */
export function isCommitHeld(led: Led): boolean {
  const { commit, conf } = led.group
  const { voters } = conf
  const holding = voters.filter(
    (node) => node === led.by.node || (memberOf(led, node)?.match ?? 0) >= commit,
  )
  return holding.length * 2 > voters.length
}

export function steps(kind: ConfStep['kind'], nodes: Iterable<NodeIndex>): ConfStep[] {
  return [...nodes].map((id) => ({ kind, id }))
}

function memberOf({ group }: Led, node: NodeIndex): LedMember | undefined {
  return group.members.find((it) => it.node === node)
}
