import type { RunSummary } from '../report/run-summary.ts'
import type { Attempt } from './cell.ts'

/** What `run --json` writes, as far as it is read here. */
export type RunOutput = Pick<RunSummary, 'seed' | 'judgement'> & { readonly folder: string }

/** What a run says about itself, as a row of the matrix. */
export function attemptOf(run: RunOutput, seconds: number): Attempt {
  const { result, verdicts } = run.judgement
  const counts = verdicts.find(({ checker }) => checker === 'coverage')?.counts ?? {}
  const sum = (outcome: string): number =>
    Object.entries(counts)
      .filter(([name]) => name.endsWith(` ${outcome}`))
      .reduce((total, [, count]) => total + count, 0)
  const faults = Object.entries(counts).flatMap(([name, count]) =>
    name.startsWith(faultPrefix) ? [[name.slice(faultPrefix.length), count] as const] : [],
  )
  const behind = result === 'valid' ? [] : verdicts.filter((verdict) => verdict.result === result)
  const [first] = behind
  const says = result === 'invalid' ? first?.anomalies[0]?.says : first?.doubts[0]
  return {
    result,
    seed: run.seed,
    seconds,
    ok: sum('ok'),
    fail: sum('fail'),
    unknown: sum('info'),
    faults: Object.fromEntries(faults),
    checkers: behind.map(({ checker }) => checker),
    says: says ?? '',
    folder: run.folder,
  }
}

const faultPrefix = 'fault '

/** A run that ended without a verdict proves nothing. */
export function attemptWithoutVerdict(seed: string, seconds: number, why: string): Attempt {
  const none = { ok: 0, fail: 0, unknown: 0, faults: {}, checkers: [], folder: '' }
  return { ...none, result: 'unknown', seed, seconds, says: `could not run: ${why}` }
}
