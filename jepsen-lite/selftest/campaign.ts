import { plantedBugs } from '../../src/fault-points.ts'
import { CouldNotRun } from '../could-not-run.ts'
import type { Case } from './cases.ts'
import type { Found } from './hunt.ts'

/** What became of one planted bug. */
export interface Hunted {
  readonly bug: string
  readonly says: string
  readonly workload: string
  readonly nemeses: readonly string[]
  /** Checkers that found it, in the run that did; empty: it survived. */
  readonly caughtBy: readonly string[]
  readonly invariant: string | undefined
  readonly example: string | undefined
  readonly runs: number
  readonly seconds: number
  /** Checkers that accused the same run without the bug; empty: it is clean. */
  readonly control: readonly string[]
  readonly folders: readonly string[]
}

export interface Bounds {
  readonly seed: number
  /** Of a bug, without its control. */
  readonly maxRuns: number
  readonly maxSeconds: number
}

/** Runs that do not even begin, on a busy machine. Above: the campaign ends. */
const maxFalseStarts = 2

export type RunCase = (
  one: Case,
  how: { readonly seed: string; readonly isPlanted: boolean },
) => Promise<Found>

/** Runs seed after seed with the bug until a checker that should see it does; then that seed without the bug. */
export async function hunt(one: Case, bounds: Bounds, run: RunCase): Promise<Hunted> {
  const began = performance.now()
  const elapsed = (): number => Math.round((performance.now() - began) / 1000)
  let caught: Found | undefined
  let runs = 0
  const folders: string[] = []
  while (caught === undefined && runs < bounds.maxRuns && elapsed() < bounds.maxSeconds) {
    const found = await insistently(() =>
      run(one, { seed: String(bounds.seed + runs), isPlanted: true }),
    )
    runs++
    folders.push(found.folder)
    if (found.invalid.some((checker) => one.catchers.includes(checker))) caught = found
  }
  const seconds = elapsed()
  const seed = String(bounds.seed + Math.max(0, runs - 1))
  const control = await insistently(() => run(one, { seed, isPlanted: false }))
  folders.push(control.folder)
  return {
    bug: one.bug,
    says: plantedBugs[one.bug],
    workload: one.workload,
    nemeses: one.nemeses,
    caughtBy: caught?.invalid ?? [],
    invariant: caught?.anomaly?.invariant,
    example: caught?.anomaly?.says,
    runs,
    seconds,
    control: control.invalid,
    folders,
  }
}

/** A port that somebody else took first is no reason to give up a campaign. */
async function insistently(attempt: () => Promise<Found>): Promise<Found> {
  for (let left = maxFalseStarts; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof CouldNotRun) || left === 0) throw error
    }
  }
}

export function isGood({ caughtBy, control }: Hunted): boolean {
  return caughtBy.length > 0 && control.length === 0
}

/** As docs/testing.md has it; a row is printed as soon as its hunt is over. */
export const tableHead = [
  '| Bug | Planted | Run | Caught by | Runs | Seconds | Without it |',
  '|---|---|---|---|---|---|---|',
].join('\n')

export function rowOf(hunted: Hunted): string {
  const { bug, says, workload, nemeses, caughtBy, invariant, runs, seconds } = hunted
  const found = caughtBy.length === 0 ? 'SURVIVED' : `${invariant} ${caughtBy.join(', ')}`
  const control = hunted.control.length === 0 ? 'clean' : `ACCUSED by ${hunted.control.join(', ')}`
  const how = `${workload} + ${nemeses.join(', ')}`
  return `| ${bug} | ${says} | ${how} | ${found} | ${runs} | ${seconds} | ${control} |`
}
