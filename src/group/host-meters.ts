import type { Counter, Gauge, Metrics } from '../ports.ts'

export interface HostMeters {
  readonly groups: Gauge
  readonly led: Gauge
  readonly muted: Gauge
  readonly elections: Counter
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
