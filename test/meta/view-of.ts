import type { MetaState } from '../../src/meta/meta-state.ts'
import type {
  LedGroup,
  LedMember,
  NodeReport,
  PlacementLimits,
  PlacementView,
} from '../../src/meta/placement.ts'
import { defaultPlacementLimits } from '../../src/meta/placement.ts'
import { seedConf } from '../../src/meta/seed.ts'
import { partitionsOf } from '../../src/ring/table.ts'

export type Conf = LedGroup['conf']

/** Voters, learners, and in a joint phase the outgoing ones. */
export function conf(
  voters: readonly number[],
  learners: readonly number[] = [],
  outgoing: readonly number[] = [],
): Conf {
  return { voters, outgoing, learners, learnersNext: [], autoLeave: outgoing.length > 0 }
}

export interface Change {
  /** Group by group, where it differs from the table's. */
  readonly confs?: Readonly<Record<number, Conf>>
  /** By group; otherwise the first voter. 0: nobody reports to lead it. */
  readonly leaders?: Readonly<Record<number, number>>
  readonly dead?: readonly number[]
  /** By group and node: what the leader knows; otherwise it has everything. */
  readonly lag?: Readonly<Record<string, Partial<LedMember>>>
  /** By group. */
  readonly led?: Readonly<Record<number, Partial<LedGroup>>>
  /** By node. */
  readonly reports?: Readonly<Record<number, Partial<NodeReport>>>
  readonly limits?: Partial<PlacementLimits>
}

const commit = 1_000

/** What the meta leader sees when all is at rest, but for `change`. */
export function viewOf(state: MetaState, change: Change = {}): PlacementView {
  const { dead = [], confs = {}, leaders = {} } = change
  const groups = [0, ...state.table.partitions.map((_, at) => at + 1)].map((group) => {
    const is = confs[group] ?? settledConf(state, group)
    return {
      leader: leaders[group] ?? is.voters.find((it) => !dead.includes(it)) ?? 0,
      led: led(group, is, change),
    }
  })
  const reports = new Map<number, NodeReport>()
  for (const { index } of state.members) {
    if (dead.includes(index)) continue
    const leads = groups.filter((it) => it.leader === index).map((it) => it.led)
    const inConf = groups.filter((it) => members(it.led.conf).includes(index))
    const holds = new Set([
      ...inConf.map((it) => it.led.group),
      ...partitionsOf(state.table, index),
    ])
    reports.set(index, {
      node: index,
      bootId: 1,
      tableVersion: state.table.version,
      holds: [...holds],
      leads,
      ...change.reports?.[index],
    })
  }
  return { state, reports, limits: { ...defaultPlacementLimits, ...change.limits } }
}

function led(group: number, is: Conf, { dead = [], lag = {}, led: other = {} }: Change): LedGroup {
  return {
    group,
    term: 3,
    conf: is,
    pending: false,
    sealed: true,
    commit,
    members: members(is).map((node) => ({
      node,
      match: dead.includes(node) ? 500 : commit,
      active: !dead.includes(node),
      learner: is.learners.includes(node),
      snapshot: false,
      ...lag[`${group}:${node}`],
    })),
    ...other[group],
  }
}

function settledConf(state: MetaState, group: number): Conf {
  if (group !== 0) return seedConf(state, group)
  const live = state.members.filter((it) => it.state !== 'removed').map((it) => it.index)
  const most = Math.min(live.length, 5)
  const count = most > 2 && most % 2 === 0 ? most - 1 : most
  return conf(live.slice(0, count), live.slice(count))
}

function members({ voters, outgoing, learners }: Conf): number[] {
  return [...new Set([...voters, ...outgoing, ...learners])]
}
