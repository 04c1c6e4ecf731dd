import type { Result } from '../checker/verdict.ts'

/** One workload under one family of faults. */
export interface PlannedCell {
  readonly workload: string
  readonly family: string
  /** Of the family, those whose turn it is; empty: the cell is not run. */
  readonly nemeses: readonly string[]
  /** Why it is not run. */
  readonly why?: string
}

/** What one run of a cell came to. */
export interface Attempt {
  readonly result: Result
  readonly seed: string
  /** From the start of the cluster to the verdict. */
  readonly seconds: number
  /** Operations of clients by their outcome. */
  readonly ok: number
  readonly fail: number
  readonly unknown: number
  /** How often each fault was in force. */
  readonly faults: Readonly<Record<string, number>>
  /** Checkers that said what the result is, unless it is valid. */
  readonly checkers: readonly string[]
  /** The first anomaly, the first doubt, or why there was no verdict. */
  readonly says: string
  /** Of the run; empty: it did not get so far. */
  readonly folder: string
}

export interface Cell extends PlannedCell {
  /** The oldest first; the newest counts. */
  readonly attempts: readonly Attempt[]
}

/** What the campaign was begun with; a resumed one goes on with it. */
export interface MatrixOptions {
  readonly seed: string
  /** Seconds with faults, of a cell. */
  readonly time: number
  readonly nodes: number
  /** Operations per second wished for, and due before the first fault. */
  readonly rate: number
  readonly minThroughput: number
}

/** A campaign; `matrix.json` in its folder. */
export interface Matrix {
  /** ISO time, for people. */
  readonly startedAt: string
  readonly options: MatrixOptions
  /** In the order in which they are run. */
  readonly cells: readonly Cell[]
}

/** An unknown run is often one on a machine that was busy; so many in a row are no accident. */
const attemptsUntilUnknown = 2

/** Missing: it was not run yet. */
export function resultOf({ attempts }: Cell): Result | undefined {
  return attempts.at(-1)?.result
}

export function isRunnable({ nemeses }: PlannedCell): boolean {
  return nemeses.length > 0
}

/** Whether the cell waits for its first run, or, with `again`, for one that is better. */
export function isDue(cell: Cell, again: boolean): boolean {
  if (!isRunnable(cell)) return false
  const result = resultOf(cell)
  return result === undefined || (again && result !== 'valid')
}

/** Whether the cell is unknown and was not yet run once more. `before`: its attempts when this campaign went on. */
export function isDoubted(cell: Cell, before: number): boolean {
  if (resultOf(cell) !== 'unknown') return false
  const now = cell.attempts.length - before
  return now === 0 ? cell.attempts.length < attemptsUntilUnknown : now < attemptsUntilUnknown
}

/** An attempt has a seed of its own: the same one would find nothing to hit once more. */
export function seedOf(seed: string, { workload, family, attempts }: Cell): string {
  const again = attempts.length === 0 ? '' : `-${attempts.length + 1}`
  return `${seed}-${workload}-${family}${again}`
}
