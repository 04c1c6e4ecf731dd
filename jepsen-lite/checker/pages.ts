import { indexesOf } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import type { Checker } from './checker.ts'
import { fields, messageOf } from './topic-log.ts'
import type { Message } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Operations `history` that say what they asked for: value on ok {since, before?, limit, last,
 * messages}. What a page must hold follows from that alone, because seqs have no holes: the newest
 * `limit` of since..before, up to `last` at least. Messages that came after `last` was read may be
 * there as well.
 */
export const pages: Checker = {
  name: 'pages',
  says: 'I4: a page of history holds every message that was asked for, in order, and no other.',
  check(history) {
    const findings = new Findings('pages')
    for (const page of pagesOf(history)) {
      findings.count('pages')
      const wrong = fault(page)
      if (wrong === undefined) continue
      findings.anomaly({
        ...wrong,
        invariant: 'I4',
        key: page.operation.invoke.key ?? '?',
        ops: indexesOf(page.operation),
      })
    }
    return findings.verdict()
  },
}

interface Page {
  readonly operation: Operation
  readonly since: number
  /** Exclusive; Infinity: to the end. */
  readonly before: number
  readonly limit: number
  readonly last: number
  readonly messages: readonly Message[]
}

function pagesOf(history: History): Page[] {
  return history.named('history').flatMap((operation) => {
    const { complete, outcome } = operation
    if (outcome !== 'ok' || !complete) return []
    const { since, before, limit, last, messages } = fields(complete)
    if (typeof since !== 'number' || typeof limit !== 'number' || typeof last !== 'number')
      return []
    const rows = Array.isArray(messages) ? messages : []
    return {
      operation,
      since: Math.max(1, since),
      before: typeof before === 'number' ? before : Infinity,
      limit,
      last,
      messages: rows.map((row) => messageOf(complete, row as Record<string, unknown>)),
    }
  })
}

function fault({
  since,
  before,
  limit,
  last,
  messages,
}: Page): { kind: string; says: string } | undefined {
  const range = `${since}..${before === Infinity ? '' : before - 1}`
  const stray = messages.find(({ seq }) => seq < since || seq >= before)
  if (stray) return { kind: 'not-asked-for', says: `a page of ${range} has seq ${stray.seq}` }
  const hole = messages.find(({ seq }, i) => i > 0 && seq !== (messages[i - 1]?.seq ?? 0) + 1)
  if (hole)
    return { kind: 'page-with-hole', says: `a page of ${range} has a hole before ${hole.seq}` }
  const due = Math.min(before - 1, last)
  const top = messages.at(-1)?.seq ?? since - 1
  if (top < due)
    return {
      kind: 'page-too-short',
      says: `a page of ${range} ends at ${top}, when the topic was known to reach ${last}`,
    }
  if (messages.length > limit)
    return {
      kind: 'page-too-long',
      says: `a page of ${range} has ${messages.length} messages, not ${limit}`,
    }
  const from = messages[0]?.seq ?? top + 1
  if (from > since && messages.length < limit)
    return {
      kind: 'page-not-full',
      says: `a page of ${range} begins at ${from}, though ${limit} messages were asked for and ${messages.length} came`,
    }
  return undefined
}
