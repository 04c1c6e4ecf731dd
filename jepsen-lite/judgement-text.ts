import type { Judgement } from './checker/run-checkers.ts'
import type { Verdict } from './checker/verdict.ts'

/** Anomalies and doubts written out per checker; the JSON and the report have more. */
const maxLines = 8

/** A judgement for a terminal, the verdict last, where the eye is. */
export function judgementText({ result, verdicts }: Judgement): string {
  const lines = verdicts.flatMap(verdictLines)
  return [...lines, '', `verdict: ${result}`].join('\n')
}

function verdictLines({ checker, result, anomalies, total, doubts }: Verdict): string[] {
  const shown = anomalies.slice(0, maxLines).map(({ kind, invariant, key, says, ops }) => {
    const where = key === undefined ? '' : ` (${key})`
    return `    ${invariant} ${kind}${where}: ${says}\n        operations ${ops.join(', ')}`
  })
  const rest = total - shown.length
  return [
    `${mark[result]} ${checker}${total > 0 ? `: ${total} anomalies` : ''}`,
    ...shown,
    ...(rest > 0 ? [`    and ${rest} more`] : []),
    ...doubts.slice(0, maxLines).map((doubt) => `    unknown: ${doubt}`),
    ...(doubts.length > maxLines ? [`    and ${doubts.length - maxLines} more doubts`] : []),
  ]
}

const mark = { valid: '✓', invalid: '✗', unknown: '?' } as const
