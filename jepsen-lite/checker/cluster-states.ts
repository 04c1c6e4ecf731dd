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
  /** Changes when the process restarted; counters in memory may then begin anew. */
  readonly boot: string
  /** Seen after the final heal, when everything had time to settle. */
  readonly final: boolean
}

/** All of them in order of time. Use `history.derived(clusterStates)`. */
export function clusterStates(history: History): readonly GroupState[] {
  return history.facts.filter((op) => op.f === 'cluster-state').flatMap(statesOf)
}

function statesOf(op: Op): GroupState[] {
  const { groups, boot, final } = fields(op)
  if (!Array.isArray(groups)) return []
  return groups.map((row: unknown) => {
    const state = (row ?? {}) as Record<string, unknown>
    return {
      op,
      node: op.node ?? '?',
      group: String(state['group']),
      term: numberOf(state['term']) ?? 0,
      role: String(state['role']),
      commit: numberOf(state['commit']),
      applied: numberOf(state['applied']),
      joint: state['joint'] === true,
      boot: typeof boot === 'string' ? boot : JSON.stringify(boot ?? ''),
      final: final === true,
    }
  })
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
