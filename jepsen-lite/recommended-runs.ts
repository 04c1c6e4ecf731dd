/** A workload and the faults that find most with it, as `list` shows them. */
export interface RecommendedRun {
  readonly workload: string
  /** Names, as `--nemesis` takes them. */
  readonly nemeses: readonly string[]
  readonly says: string
}

/** One after the other they look at every promise to clients; a minute each says something, an hour more. */
export const recommendedRuns: readonly RecommendedRun[] = [
  {
    workload: 'publish',
    nemeses: ['partition', 'kill', 'pause'],
    says: 'loss, holes, order, deaf subscribers: where to begin.',
  },
  {
    workload: 'retry',
    nemeses: ['kill-owner', 'restart-storm'],
    says: 'what is sent again and stored twice.',
  },
  {
    workload: 'history',
    nemeses: ['partition', 'kill-owner'],
    says: 'pages that are stale, torn or not whole, at any node.',
  },
  {
    workload: 'append',
    nemeses: ['partition', 'kill-owner'],
    says: 'two lists where there should be one; every answer vouches for all before it.',
  },
  {
    workload: 'register',
    nemeses: ['pause', 'kill-owner'],
    says: 'stale reads, writes that come and go.',
  },
  {
    workload: 'marks',
    nemeses: ['pause', 'partition'],
    says: 'what was read and is unread again.',
  },
  {
    workload: 'membership',
    nemeses: ['kill', 'isolate'],
    says: 'messages to those who were put out, and none to those who are in.',
  },
]
