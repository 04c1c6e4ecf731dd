import type { History } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { worst } from './verdict.ts'
import type { Result, Verdict } from './verdict.ts'

/** The verdicts of all checkers, and the worst of them. */
export interface Judgement {
  readonly result: Result
  readonly verdicts: readonly Verdict[]
}

export function runCheckers(
  checkers: readonly Checker[],
  history: History,
  options: CheckOptions,
): Judgement {
  const verdicts = checkers.map((checker) => checker.check(history, options))
  return { result: worst(verdicts.map((verdict) => verdict.result)), verdicts }
}
