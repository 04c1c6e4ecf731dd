import { metaGroup } from '../ids/group-id.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { liveMembers } from '../meta/meta-state.ts'
import type { MetaState } from '../meta/meta-state.ts'
import type { MemberProgress, NodesReport } from './facts.ts'

/** What a node told of a group that it leads. */
export interface LedPartition {
  readonly group: GroupId
  readonly term: number
  readonly conf: {
    readonly voters: readonly NodeIndex[]
    readonly outgoing: readonly NodeIndex[]
    readonly learners: readonly NodeIndex[]
    readonly learnersNext: readonly NodeIndex[]
  }
}

/** By node: what it said lately that it leads. */
export type LedBy = ReadonlyMap<NodeIndex, { readonly leads: readonly LedPartition[] }>

/** What the table wants beside what the leaders of the partitions say. */
export function nodesReport(
  state: MetaState,
  told: LedBy,
  isUp: (node: NodeIndex) => boolean,
): NodesReport {
  const leaders = leadersOf(told)
  const nodes = liveMembers(state).map((member): MemberProgress => {
    const { index, name, address, clientAddress, zone } = member
    const wished = state.table.partitions.filter(({ replicas }) => replicas.includes(index))
    const all = [...leaders.values()]
    return {
      index,
      name,
      peer: address,
      client: clientAddress,
      zone,
      state: member.state,
      up: isUp(index),
      wished: {
        replicas: wished.length,
        leads: wished.filter(({ replicas }) => replicas[0] === index).length,
      },
      actual: {
        replicas: all.filter(({ led }) => counts(led, index)).length,
        leads: all.filter(({ node }) => node === index).length,
      },
      catchingUp: all.filter(({ led }) => led.conf.learners.includes(index)).length,
    }
  })
  const moving = state.table.partitions.filter(
    ({ replicas }, at) => !isThere(leaders.get(at + 1)?.led, replicas),
  ).length
  return { tableVersion: state.table.version, moving, nodes }
}

/** Of two that say that they lead a partition the one with the newer term does. */
function leadersOf(told: LedBy): Map<GroupId, { node: NodeIndex; led: LedPartition }> {
  const leaders = new Map<GroupId, { node: NodeIndex; led: LedPartition }>()
  for (const [node, { leads }] of told) {
    for (const led of leads) {
      if (led.group === metaGroup) continue
      if ((leaders.get(led.group)?.led.term ?? 0) < led.term) leaders.set(led.group, { node, led })
    }
  }
  return leaders
}

/** In the middle of a change both the old and the new members count. */
function counts({ conf }: LedPartition, node: NodeIndex): boolean {
  return conf.voters.includes(node) || conf.outgoing.includes(node)
}

function isThere(led: LedPartition | undefined, replicas: readonly NodeIndex[]): boolean {
  if (led === undefined) return false
  const { voters, outgoing, learners, learnersNext } = led.conf
  const isSettled = outgoing.length + learners.length + learnersNext.length === 0
  return (
    isSettled && voters.length === replicas.length && replicas.every((it) => voters.includes(it))
  )
}
