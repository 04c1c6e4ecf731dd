import type { Result } from './checker/verdict.ts'

/** What the command tells the shell. Unknown is not a pass. */
export const exitCodes = { valid: 0, invalid: 1, unknown: 2, couldNotRun: 3 } as const

export function exitCodeOf(result: Result): number {
  return exitCodes[result]
}
