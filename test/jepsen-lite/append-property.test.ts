import { chain } from '../../jepsen-lite/checker/chain.ts'
import { emptyDigest, extended } from '../../jepsen-lite/list-digest.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { changing, field, property, valued } from './edits.ts'
import { SimulatedTopic } from './simulated-topic.ts'

interface Row {
  readonly seq: number
  readonly id: string
}

/** A legal run in which each writer looks back, and says with each message what he had seen. */
function execution(seed: number): readonly OpDraft[] {
  const lines = new SimulatedTopic(seed, 150).lines
  const rows = (lines.at(-1)?.value ?? []) as readonly Row[]
  const digests = rows.reduce((so, { id }) => [...so, extended(so.at(-1) ?? '', id)], [emptyDigest])
  let acked = 0
  return lines.flatMap((line, i) => {
    if (line.f !== 'publish') return [line]
    if (line.type === 'invoke')
      return [valued(line, { seen: { seq: acked, digest: digests[acked] } })]
    const seq = field(line, 'seq')
    if (line.type !== 'ok' || typeof seq !== 'number') return [line]
    acked = Math.max(acked, seq)
    const at = { process: `look ${i}`, f: 'look-back', key: 't' }
    const value = { before: seq, digest: digests[seq - 1] }
    return [line, { ...at, type: 'invoke' as const }, { ...at, type: 'ok' as const, value }]
  })
}

const isLookBack = (line: OpDraft): boolean => line.f === 'look-back' && line.type === 'ok'
const isSaid = (line: OpDraft): boolean => line.f === 'publish' && line.type === 'invoke'

property([chain], execution, {
  'a look back over one message less': changing(
    (line) => isLookBack(line) && Number(field(line, 'before')) > 1,
    (lines, at) =>
      lines.with(at, valued(lines[at], { before: Number(field(lines[at], 'before')) - 1 })),
  ),
  'a look back over another list': changing(isLookBack, (lines, at) =>
    lines.with(
      at,
      valued(lines[at], { digest: extended(String(field(lines[at], 'digest')), 'x') }),
    ),
  ),
  'a writer who saw another list': changing(isSaid, (lines, at) => {
    const { seq } = field(lines[at], 'seen') as { seq: number }
    return lines.with(at, valued(lines[at], { seen: { seq, digest: 'beef' } }))
  }),
  'two messages changed places afterwards': (lines) => {
    const reads = lines.flatMap((line, i) =>
      line.f === 'read-all' && line.type === 'ok' ? [i] : [],
    )
    const rows = lines[reads[0] ?? -1]?.value as Row[] | undefined
    const [a, b] = rows ?? []
    const looks = lines.filter(isLookBack).some((line) => Number(field(line, 'before')) > 1)
    if (!a || !b || !looks) return undefined
    const swapped = [{ seq: 1, id: b.id }, { seq: 2, id: a.id }, ...(rows ?? []).slice(2)]
    return lines.map((line, i) => (reads.includes(i) ? { ...line, value: swapped } : line))
  },
})
