import type { Judgement } from '../checker/run-checkers.ts'

/** What a run says about itself; `run.json` in its folder. */
export interface RunSummary {
  readonly name: string
  readonly seed: string
  /** ISO time of the start, for people; nothing is computed from it. */
  readonly startedAt: string
  /** When the clock of the history stood at 0, ms of the wall clock: leads from an anomaly to the lines of the logs. */
  readonly historyFrom?: number
  /** `harness`, `server`, `node`, `commit`, ... */
  readonly versions: Readonly<Record<string, string>>
  /** The options of the run. */
  readonly config: Readonly<Record<string, unknown>>
  readonly judgement: Judgement
}
