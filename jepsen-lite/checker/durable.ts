import { indexesOf, returnTime } from '../operations.ts'
import type { Checker } from './checker.ts'
import { topicLogs } from './topic-log.ts'
import type { Publish, TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Acked ⊆ final. A message of unknown outcome may be there (recovered) or not. What is gone is
 * split per sender: lost before everything of his that is left (prefix), behind it (suffix), or
 * between (middle), which no crash explains. A message that one node has and another has not,
 * after the final reads waited for convergence, is a divergence.
 */
export const durable: Checker = {
  name: 'durable',
  says: 'I3: every acknowledged message is in the final history of its topic, on every node.',
  check(history) {
    const findings = new Findings('durable')
    for (const log of history.derived(topicLogs).values()) checkTopic(log, findings)
    return findings.verdict()
  },
}

function checkTopic(log: TopicLog, findings: Findings): void {
  if (log.publishes.length === 0) return
  if (log.finals.length === 0) {
    findings.doubt(`topic ${log.topic} has publishes but no finished read-all`)
    return
  }
  const held = log.finals.map((final) => new Set(final.messages.map((message) => message.id)))
  const anywhere = new Set(held.flatMap((ids) => [...ids]))
  checkAgreement(log, held, findings)
  const lost: Publish[] = []
  const kept: Publish[] = []
  for (const [id, attempts] of log.byId) {
    const acked = attempts.find((attempt) => attempt.operation.outcome === 'ok')
    if (acked === undefined) {
      countUnacked(attempts, anywhere.has(id), findings)
      continue
    }
    findings.count('acked')
    const due = log.finals.filter(
      (final) => returnTime(acked.operation) <= final.operation.invoke.time,
    )
    const missing = due.filter((final) => !held[log.finals.indexOf(final)]?.has(id))
    if (anywhere.has(id) || due.length === 0) kept.push(acked)
    if (missing.length === 0) continue
    if (anywhere.has(id)) reportDivergence(log.topic, acked, missing, findings)
    else lost.push(acked)
  }
  reportLost(log.topic, lost, kept, findings)
}

function countUnacked(attempts: readonly Publish[], found: boolean, findings: Findings): void {
  if (attempts.every((attempt) => attempt.operation.outcome === 'fail')) findings.count('refused')
  else findings.count(found ? 'recovered' : 'unknown-absent')
}

/** What one finished final read saw, acknowledged or not, a later one of another node sees as well. */
function checkAgreement(
  log: TopicLog,
  held: readonly ReadonlySet<string>[],
  findings: Findings,
): void {
  log.finals.forEach((later, i) => {
    for (const earlier of log.finals) {
      if (returnTime(earlier.operation) > later.operation.invoke.time) continue
      for (const { id, seq } of earlier.messages) {
        if (
          held[i]?.has(id) ||
          log.byId.get(id)?.some(({ operation }) => operation.outcome === 'ok')
        )
          continue
        findings.anomaly({
          kind: 'diverged',
          invariant: 'I3',
          key: log.topic,
          says: `message ${id} (seq ${seq}, never acknowledged) was read on ${earlier.node} and afterwards not on ${later.node}`,
          ops: [...indexesOf(earlier.operation), ...indexesOf(later.operation)],
        })
      }
    }
  })
}

function reportDivergence(
  topic: string,
  acked: Publish,
  missing: TopicLog['finals'],
  findings: Findings,
): void {
  findings.anomaly({
    kind: 'diverged',
    invariant: 'I3',
    key: topic,
    says: `message ${acked.id} (seq ${acked.seq}) is missing on ${missing.map((final) => final.node).join(', ')} and present elsewhere`,
    ops: [
      ...indexesOf(acked.operation),
      ...missing.flatMap((final) => final.operation.complete?.index ?? []),
    ],
  })
}

function reportLost(
  topic: string,
  lost: readonly Publish[],
  kept: readonly Publish[],
  findings: Findings,
): void {
  const spans = new Map<string, { first: number; last: number }>()
  for (const { sender, n } of kept) {
    const span = spans.get(sender)
    if (span) {
      span.first = Math.min(span.first, n)
      span.last = Math.max(span.last, n)
    } else spans.set(sender, { first: n, last: n })
  }
  const parts = {
    middle: [] as Publish[],
    suffix: [] as Publish[],
    prefix: [] as Publish[],
    all: [] as Publish[],
  }
  for (const publish of lost) {
    const span = spans.get(publish.sender)
    if (!span) parts.all.push(publish)
    else if (publish.n < span.first) parts.prefix.push(publish)
    else if (publish.n > span.last) parts.suffix.push(publish)
    else parts.middle.push(publish)
  }
  for (const [part, publishes] of Object.entries(parts))
    for (const publish of publishes)
      findings.anomaly({
        kind: `lost-${part}`,
        invariant: 'I3',
        key: topic,
        says: `message ${publish.id} of ${publish.sender} was acknowledged at seq ${publish.seq} and is in no final read`,
        ops: indexesOf(publish.operation),
      })
}
