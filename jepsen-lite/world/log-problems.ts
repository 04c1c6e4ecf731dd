import { existsSync, readFileSync } from 'node:fs'
import type { OpDraft } from '../op.ts'

/** Lines taken from one log. Above: the first ones are enough. */
const maxLines = 20

const patterns: readonly (readonly [string, RegExp])[] = [
  ['uncaught exception', /uncaught ?exception|node:internal\/process\/.*\n?.*throw/i],
  ['unhandled rejection', /unhandled ?(promise)? ?rejection/i],
  ['broken invariant', /invariant [A-Z]+-\d+ is broken/],
  ['fatal', /"fatal":true|"level":(60|"fatal")/],
]

/** A stretch of a log, bytes, in which the node was made to stop by itself: such lines are what it should write. */
export interface Allowed {
  readonly from: number
  readonly to: number
  readonly words: RegExp
}

/** What a node's log and its ends say against it, as facts of the history. */
export function logProblems(
  node: string,
  path: string,
  surprises: readonly string[],
  allowed: readonly Allowed[] = [],
): OpDraft[] {
  const seen = { process: 'observer', type: 'ok', node } as const
  if (!existsSync(path)) return [{ ...seen, f: 'log-missing' }]
  const facts: OpDraft[] = surprises.map((line) => ({
    ...seen,
    f: 'log',
    value: { pattern: 'unexpected end', line },
  }))
  let at = 0
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const found = patterns.find(([, pattern]) => pattern.test(line))
    const excused = allowed.some(({ from, to, words }) => from <= at && at < to && words.test(line))
    if (found && !excused && facts.length < maxLines)
      facts.push({ ...seen, f: 'log', value: { pattern: found[0], line: line.slice(0, 500) } })
    at += Buffer.byteLength(line) + 1
  }
  return facts
}
