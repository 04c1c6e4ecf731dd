import type { SeqRange } from './command.ts'

/** Half-open. Lists of them are ascending, not overlapping and not touching. */
export type Span = readonly [low: number, high: number]

/** Ids that one delete request may name in more than one range. Above: malformed (5.8). */
export const maxDeletedIds = 1_024

/** Sorts and joins spans that overlap or touch; empty ones vanish. */
export function joinSpans(spans: readonly Span[]): Span[] {
  const sorted = spans.filter(([low, high]) => high > low).sort((a, b) => a[0] - b[0])
  const joined: [number, number][] = []
  let last: [number, number] | undefined
  for (const [low, high] of sorted) {
    if (last !== undefined && low <= last[1]) last[1] = Math.max(last[1], high)
    else joined.push((last = [low, high]))
  }
  return joined
}

/** The parts of `spans` inside [low, high). */
export function clipSpans(spans: readonly Span[], low: number, high: number): Span[] {
  const clipped: Span[] = []
  for (const span of spans) {
    const from = Math.max(span[0], low)
    const to = Math.min(span[1], high)
    if (from < to) clipped.push([from, to])
  }
  return clipped
}

export function countIds(spans: readonly Span[]): number {
  let count = 0
  for (const [low, high] of spans) count += high - low
  return count
}

/** What a delete request means in a topic with messages up to `seq`; null: malformed. */
export function deleteSpans(ranges: readonly SeqRange[] | undefined, seq: number): Span[] | null {
  if (ranges === undefined || ranges.length === 0) return null
  const spans: Span[] = []
  for (const { low, hi } of ranges) {
    if (!Number.isSafeInteger(low) || low < 1 || low > seq) return null
    if (hi === undefined || hi === 0) spans.push([low, low + 1])
    else if (!Number.isSafeInteger(hi) || hi <= low) return null
    else spans.push([low, Math.min(hi, seq + 1)])
  }
  const joined = joinSpans(spans)
  return joined.length > 1 && countIds(joined) > maxDeletedIds ? null : joined
}

/** Spans as clients write them: single numbers have no `hi`. */
export function wireRanges(spans: readonly Span[]): { low: number; hi?: number }[] {
  return spans.map(([low, hi]) => (hi === low + 1 ? { low } : { low, hi }))
}
