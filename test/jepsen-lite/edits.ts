import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Checker } from '../../jepsen-lite/checker/checker.ts'
import { defaultCheckOptions } from '../../jepsen-lite/checker/checker.ts'
import { runCheckers } from '../../jepsen-lite/checker/run-checkers.ts'
import type { Judgement } from '../../jepsen-lite/checker/run-checkers.ts'
import { History } from '../../jepsen-lite/operations.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { story } from './story.ts'

/** One change of a legal history that makes it illegal; undefined: this history has no place for it. */
export type Edit = (lines: readonly OpDraft[], prng: Prng) => OpDraft[] | undefined

/** Random legal executions are accepted, and with any one of the edits rejected. */
export function property(
  checkers: readonly Checker[],
  execution: (seed: number) => readonly OpDraft[],
  edits: Readonly<Record<string, Edit>>,
): void {
  const judged = (lines: readonly OpDraft[]): Judgement =>
    runCheckers(checkers, new History(story(lines)), { ...defaultCheckOptions, deliveryGrace: 0 })

  test('a random legal execution is accepted', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (seed) => {
        const { result, verdicts } = judged(execution(seed))
        expect(verdicts.flatMap((verdict) => verdict.anomalies)).toEqual([])
        expect(result).toBe('valid')
      }),
      { numRuns: 80, seed: 7 },
    )
  })

  test.for(Object.entries(edits))('the same with one edit is rejected: %s', ([, edit]) => {
    let edited = 0
    fc.assert(
      fc.property(fc.nat(1_000_000), (seed) => {
        const lines = edit(execution(seed), new Prng(seed))
        if (!lines) return
        edited++
        expect(judged(lines).result).toBe('invalid')
      }),
      { numRuns: 30, seed: 7 },
    )
    expect(edited).toBeGreaterThan(10)
  })
}

/** Changes one of the lines that `fits`, chosen at random. */
export function changing(
  fits: (line: OpDraft, at: number, lines: readonly OpDraft[]) => boolean,
  change: (lines: OpDraft[], at: number) => OpDraft[] | undefined,
): Edit {
  return (lines, prng) => {
    const places = lines.flatMap((line, i) => (fits(line, i, lines) ? [i] : []))
    return places.length > 0 ? change([...lines], prng.pick(places)) : undefined
  }
}

/** The line's value with these fields instead. */
export function valued(line: OpDraft | undefined, fields: object): OpDraft {
  if (!line) throw new Error('no such line')
  return { ...line, value: { ...(line.value as object), ...fields } }
}

export function field(line: OpDraft | undefined, name: string): unknown {
  return (line?.value as Record<string, unknown> | undefined)?.[name]
}
