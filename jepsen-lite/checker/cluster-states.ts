import type { History } from '../operations.ts'
import type { Op } from '../op.ts'
import { fields } from './topic-log.ts'

/** What the observer saw of one group on one node; see `cluster-state` in README.md. */
export interface GroupState {
  readonly op: Op
  readonly node: string
  readonly group: string
  readonly term: number
  /** leader, follower, candidate, learner, ... */
  readonly role: string
  readonly commit: number | undefined
  readonly applied: number | undefined
  /** A joint configuration is in force. */
  readonly joint: boolean
  /** Names of the nodes that vote, sorted, as this node knows; missing: not told. */
  readonly voters: readonly string[] | undefined
  /** The node saw no such group in between: what is there now is another replica. */
  readonly anew: boolean
  /** Within one boot: changes when the group left the node and came back; missing: not told. */
  readonly opened: number | undefined
  /** Changes when the process restarted; counters in memory may then begin anew. */
  readonly boot: string
  /** Changes when a fault took away, or set back, what the node had stored: it cannot know what it knew. */
  readonly data: unknown
  /** Seen after the final heal, when everything had time to settle. */
  readonly final: boolean
}

/** All of them in order of time. Use `history.derived(clusterStates)`. */
export function clusterStates(history: History): readonly GroupState[] {
  const held = new Map<string, ReadonlySet<string>>()
  return history.facts.flatMap((op) => {
    if (op.f !== 'cluster-state') return []
    const node = op.node ?? '?'
    const states = statesOf(op, held.get(node) ?? new Set())
    held.set(node, new Set(states.map((state) => state.group)))
    return states
  })
}

function statesOf(op: Op, before: ReadonlySet<string>): GroupState[] {
  const { groups, boot, data, final } = fields(op)
  if (!Array.isArray(groups)) return []
  return groups.map((row: unknown) => {
    const state = (row ?? {}) as Record<string, unknown>
    const { voters } = state
    return {
      op,
      node: op.node ?? '?',
      group: String(state['group']),
      term: numberOf(state['term']) ?? 0,
      role: String(state['role']),
      commit: numberOf(state['commit']),
      applied: numberOf(state['applied']),
      joint: state['joint'] === true,
      voters: Array.isArray(voters) ? voters.map(String).toSorted() : undefined,
      anew: !before.has(String(state['group'])),
      opened: numberOf(state['opened']),
      boot: typeof boot === 'string' ? boot : JSON.stringify(boot ?? ''),
      data,
      final: final === true,
    }
  })
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
