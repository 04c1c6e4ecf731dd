import type { Counter, Gauge, Metrics } from '../ports.ts'
import type { CampaignCause } from '../raft/config.ts'

export interface HostMeters {
  readonly groups: Gauge
  readonly led: Gauge
  readonly muted: Gauge
  readonly elections: Counter
  /** Of `elections`, those with this cause. */
  readonly electionsBy: Readonly<Record<CampaignCause, Counter>>
  readonly strays: Counter
  readonly turn: { observe(value: number): void }
}

export function hostMeters(metrics: Metrics): HostMeters {
  return {
    groups: metrics.gauge('groups', 'Groups that this node has a replica of'),
    led: metrics.gauge('groups_led', 'Groups that this node leads'),
    muted: metrics.gauge(
      'groups_muted',
      'Groups that do not vote because this node lost records of them, or had given them up',
    ),
    elections: metrics.counter('group_elections_total', 'Times that this node stood for election'),
    electionsBy: {
      timeout: metrics.counter(
        'group_elections_by_timeout_total',
        'Of these, because no leader was heard for an election timeout',
      ),
      'lost-link': metrics.counter(
        'group_elections_by_lost_link_total',
        'Of these, because the connection to the leader broke',
      ),
      transfer: metrics.counter(
        'group_elections_by_transfer_total',
        'Of these, because the leader handed over',
      ),
      asked: metrics.counter(
        'group_elections_asked_total',
        'Of these, because this node asked for it',
      ),
    },
    strays: metrics.counter(
      'group_stray_messages_total',
      'Raft messages for a group that is not here',
    ),
    turn: metrics.histogram(
      'group_turn_groups',
      'Groups worked on in one turn',
      [1, 4, 16, 64, 256],
    ),
  }
}
