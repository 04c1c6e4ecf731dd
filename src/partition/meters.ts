import type { Counter, Gauge, Histogram, Metrics } from '../ports.ts'

/** Shared by all partitions of a node. */
export interface PartitionMeters {
  readonly batch: Histogram
  readonly opened: Counter
  readonly full: Counter
  readonly broken: Counter
  readonly letters: Gauge
  readonly swept: Counter
}

export function partitionMeters(metrics: Metrics): PartitionMeters {
  return {
    batch: metrics.histogram(
      'partition_batch_evaluations',
      'Evaluations that went into one Raft entry',
      [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    ),
    opened: metrics.counter('partition_entities_opened_total', 'Entities read from their rows'),
    full: metrics.counter(
      'partition_queue_full_total',
      'Evaluations refused because too many bytes were uncommitted',
    ),
    broken: metrics.counter(
      'partition_rules_broken_total',
      'Commands that failed because a rule broke; each is a bug to report',
    ),
    swept: metrics.counter(
      'partition_swept_rows_total',
      'Rows of deleted and trimmed messages that this node, as owner, had removed',
    ),
    letters: metrics.gauge('partition_outbox_letters', 'Facts on their way to other partitions'),
  }
}
