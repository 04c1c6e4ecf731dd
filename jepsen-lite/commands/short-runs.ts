/** What `run --all-short` does, one after the other: the combinations that CI can afford. */
export interface ShortRun {
  readonly workload: string
  readonly nemesis: string
  readonly nodes: number
  /** Seconds with faults. */
  readonly time: number
}

export const shortRuns: readonly ShortRun[] = [
  { workload: 'publish', nemesis: 'lost-majority', nodes: 5, time: 25 },
  { workload: 'retry', nemesis: 'kill', nodes: 3, time: 20 },
  { workload: 'publish', nemesis: 'isolate,one-way', nodes: 5, time: 25 },
  { workload: 'register', nemesis: 'pause,kill', nodes: 3, time: 20 },
  { workload: 'register', nemesis: 'partition', nodes: 5, time: 20 },
]
