import { metaGroup } from '../ids/group-id.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { leadersOf } from '../meta/group-scene.ts'
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
  const leaders = leadersOf([...told].map(([node, { leads }]) => ({ node, leads })))
  leaders.delete(metaGroup)
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
        replicas: all.filter(({ group }) => counts(group, index)).length,
        leads: all.filter(({ by }) => by.node === index).length,
      },
      catchingUp: all.filter(({ group }) => group.conf.learners.includes(index)).length,
    }
  })
  const moving = state.table.partitions.filter(
    ({ replicas }, at) => !isThere(leaders.get(at + 1)?.group, replicas),
  ).length
  return { tableVersion: state.table.version, moving, nodes }
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
