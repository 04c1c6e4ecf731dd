import { existsSync, readFileSync } from 'node:fs'
import type { OpDraft } from '../op.ts'

/** Lines taken from one log. Above: the first ones are enough. */
const maxLines = 20

const patterns: readonly (readonly [string, RegExp])[] = [
  ['uncaught exception', /uncaught ?exception|node:internal\/process\/.*\n?.*throw/i],
  ['unhandled rejection', /unhandled ?(promise)? ?rejection/i],
  ['broken invariant', /invariant [A-Z]+-\d+ is broken/],
  ['fatal', /"level":60/],
]

/** What a node's log and its ends say against it, as facts of the history. */
export function logProblems(node: string, path: string, surprises: readonly string[]): OpDraft[] {
  const seen = { process: 'observer', type: 'ok', node } as const
  if (!existsSync(path)) return [{ ...seen, f: 'log-missing' }]
  const facts: OpDraft[] = surprises.map((line) => ({
    ...seen,
    f: 'log',
    value: { pattern: 'unexpected end', line },
  }))
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const found = patterns.find(([, pattern]) => pattern.test(line))
    if (found && facts.length < maxLines)
      facts.push({ ...seen, f: 'log', value: { pattern: found[0], line: line.slice(0, 500) } })
  }
  return facts
}
