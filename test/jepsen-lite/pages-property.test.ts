import { pages } from '../../jepsen-lite/checker/pages.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { changing, field, property, valued } from './edits.ts'

interface Row {
  readonly seq: number
  readonly id: string
}

/** Reads of random pages of a topic that grows meanwhile. */
function execution(seed: number): readonly OpDraft[] {
  const prng = new Prng(seed)
  let last = 0
  return Array.from({ length: 20 }, (_, i) => {
    last += prng.below(6)
    const since = 1 + prng.below(last + 2)
    const before = prng.chance(0.5) ? since + 1 + prng.below(8) : Infinity
    const limit = 1 + prng.below(8)
    const end = Math.min(before - 1, last + prng.below(2))
    const from = Math.max(since, end - limit + 1)
    const messages = Array.from({ length: Math.max(0, end - from + 1) }, (_row, k) => ({
      seq: from + k,
      id: `a.${from + k}`,
    }))
    const asked = { since, limit, ...(before !== Infinity && { before }) }
    const at = { process: `r${i}`, f: 'history', key: 't' }
    return [
      { ...at, type: 'invoke' as const, value: asked },
      { ...at, type: 'ok' as const, value: { ...asked, level: 'strong', last, messages } },
    ]
  }).flat()
}

const rowsOf = (line: OpDraft | undefined): readonly Row[] =>
  (field(line, 'messages') as Row[] | undefined) ?? []

/** Changes a page that has rows, none of them beyond what had to be there. */
function inPage(change: (rows: Row[]) => Row[]): ReturnType<typeof changing> {
  return changing(
    (line) =>
      line.type === 'ok' &&
      rowsOf(line).length > 0 &&
      (rowsOf(line).at(-1)?.seq ?? 0) <= Number(field(line, 'last')),
    (lines, at) => lines.with(at, valued(lines[at], { messages: change([...rowsOf(lines[at])]) })),
  )
}

property([pages], execution, {
  'drop the first': inPage((rows) => rows.slice(1)),
  'drop the last': inPage((rows) => rows.slice(0, -1)),
  'drop them all': inPage(() => []),
  'the last one twice': inPage((rows) => [...rows, ...rows.slice(-1)]),
  'renumber the last': inPage((rows) =>
    rows.map((row, i) => (i === rows.length - 1 ? { ...row, seq: row.seq - 1 } : row)),
  ),
  'one from before': inPage((rows) => [{ seq: (rows[0]?.seq ?? 1) - 1, id: 'x' }, ...rows]),
})
