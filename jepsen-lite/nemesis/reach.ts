import type { GroupRoles, World } from '../world/world.ts'
import { majorityOf } from '../world/world.ts'

/** Two nodes that do not hear each other, in neither direction. */
export type Pair = readonly [string, string]

/** Who still hears whom while some pairs are cut, and what each group can do with that. */
export class Reach {
  readonly #nodes: readonly string[]
  readonly #cut: ReadonlySet<string>

  constructor(nodes: readonly string[], cut: readonly Pair[]) {
    this.#nodes = nodes
    this.#cut = new Set(cut.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]))
  }

  /** Of `voters`, those that hear more than half of them, themselves included. */
  canLead(voters: readonly string[]): string[] {
    const heard = (node: string): number => voters.filter((it) => this.#linked(node, it)).length
    return voters.filter((node) => heard(node) >= majorityOf(voters.length))
  }

  /** Nodes that hear whoever may lead, and so must serve; none when nobody may. */
  servedAt(voters: readonly string[]): string[] {
    const leaders = this.canLead(voters)
    if (leaders.length === 0) return []
    return this.#nodes.filter((node) => leaders.every((it) => this.#linked(node, it)))
  }

  #linked(a: string, b: string): boolean {
    return !this.#cut.has(`${a} ${b}`)
  }
}

/** What the groups come to under a cut. */
export interface Forecast {
  /** Groups of which nobody may lead. */
  readonly lost: readonly string[]
  /** Partition → nodes that must serve it; those of which there is none are left out. */
  readonly kept: Readonly<Record<string, readonly string[]>>
}

/** Group `meta` can be lost and is never among the kept ones: clients ask nothing of it. */
export function forecast(
  groups: ReadonlyMap<string, Pick<GroupRoles, 'voters'>>,
  reach: Reach,
): Forecast {
  const lost: string[] = []
  const kept: Record<string, readonly string[]> = {}
  for (const [group, { voters }] of groups) {
    if (voters.length > 0 && reach.canLead(voters).length === 0) lost.push(group)
    const nodes = reach.servedAt(voters)
    if (group !== 'meta' && nodes.length > 0) kept[group] = nodes
  }
  return { lost: lost.toSorted(), kept }
}

/** What is not as the cut allows: a group that leads without a majority, or has one and no leader. */
export async function surprise(
  world: World,
  voters: ReadonlyMap<string, Pick<GroupRoles, 'voters'>>,
  reach: Reach,
): Promise<{ readonly node: string; readonly says: string } | undefined> {
  const { groups } = await world.roles()
  for (const [group, { leader, voters: now }] of groups) {
    const then = voters.get(group)?.voters ?? []
    // A move that was on its way makes it another group.
    if (then.length === 0 || then.toSorted().join() !== now.toSorted().join()) continue
    const able = reach.canLead(then)
    const [first = ''] = able
    if (leader === undefined && able.length > 0)
      return { node: first, says: `${able.join(', ')} may lead ${group}, and nobody does` }
    if (leader !== undefined && !able.includes(leader))
      return { node: leader, says: `${leader} leads ${group} and does not hear a majority of it` }
  }
  return undefined
}
