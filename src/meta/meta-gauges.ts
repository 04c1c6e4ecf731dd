import type { Counter, Gauge, Metrics } from '../ports.ts'
import { liveMembers } from './meta-state.ts'
import type { MetaState } from './meta-state.ts'

/** The metrics of group 0's state. */
export class MetaGauges {
  readonly waiting: Gauge
  readonly refused: Counter
  readonly #tableVersion: Gauge
  readonly #members: Gauge
  readonly #tokens: Gauge

  constructor(metrics: Metrics) {
    this.waiting = metrics.gauge('meta_waiting_commands', 'meta commands proposed, not yet applied')
    this.refused = metrics.counter(
      'meta_refused_commands_total',
      'committed commands that changed nothing',
    )
    this.#tableVersion = metrics.gauge('meta_table_version', 'version of the partition table')
    this.#members = metrics.gauge('meta_members', 'members that are not removed')
    this.#tokens = metrics.gauge('meta_join_tokens', 'join tokens kept, expired ones included')
  }

  show(state: MetaState | null): void {
    this.#tableVersion.set(state?.table.version ?? 0)
    this.#members.set(state === null ? 0 : liveMembers(state).length)
    this.#tokens.set(state?.tokens.length ?? 0)
  }
}
