import { describe, expect, test } from 'vitest'
import type { Checker, CheckOptions } from '../../jepsen-lite/checker/checker.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { judge, kinds } from './story.ts'

export type Line = OpDraft & { time?: number }
export type Case = readonly [
  says: string,
  lines: readonly Line[],
  /** Kinds of the anomalies that must be found; none: the history is good. */
  found: readonly string[] | 'unknown',
  options?: Partial<CheckOptions>,
]

export function table(checker: Checker, cases: readonly Case[]): void {
  describe(checker.name, () => {
    test.for(cases)('%s', ([, lines, found, options]) => {
      const verdict = judge(checker, lines, options)
      if (found === 'unknown') expect(verdict.result).toBe('unknown')
      else {
        expect(kinds(verdict)).toEqual(found)
        expect(verdict.result).toBe(found.length > 0 ? 'invalid' : 'valid')
      }
    })
  })
}

let lives = 0

/** An operation that is over before the next line. */
export function call(
  f: string,
  type: OpDraft['type'],
  key: string,
  asked?: unknown,
  told?: unknown,
): [Line, Line] {
  const process = `c${lives++}`
  return [
    { process, type: 'invoke', f, key, value: asked },
    { process, type, f, key, value: told ?? asked },
  ]
}

/** Two operations of which the second begins and ends within the first. */
export function around([begin, end]: readonly [Line, Line], within: readonly Line[]): Line[] {
  return [begin, ...within, end]
}

export function seen(f: string, node: string, value: unknown, key?: string): Line {
  return { process: 'observer', type: 'ok', f, node, value, ...(key !== undefined && { key }) }
}
