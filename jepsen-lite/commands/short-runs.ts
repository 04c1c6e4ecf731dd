/** What `run --all-short` does, one after the other: the combinations that CI can afford, four minutes in all. */
export interface ShortRun {
  readonly workload: string
  readonly nemesis: string
  readonly nodes: number
  /** Seconds with faults. */
  readonly time: number
  /** Wished for, and due before the first fault; operations per second. */
  readonly rate: number
  readonly 'min-throughput': number
  readonly lanes: number
}

/** More lanes than a machine has cores: a floor of throughput must not become one of latency. */
const pace = { nodes: 3, rate: 1_200, lanes: 40, 'min-throughput': 500 } as const

export const shortRuns: readonly ShortRun[] = [
  { ...pace, workload: 'publish', nemesis: 'lost-majority', time: 30 },
  { ...pace, workload: 'register', nemesis: 'kill-owner', time: 25 },
  { ...pace, workload: 'publish', nemesis: 'partition', time: 25 },
  { ...pace, workload: 'register', nemesis: 'pause', time: 25 },
]
