import { indexesOf, returnTime } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import type { Checker } from './checker.ts'
import { BadValue, fields, messageOf, topicLogs } from './topic-log.ts'
import type { Message, TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Operations `history`: value on ok {level: strong | stale, last, messages: [{seq, id}]}. A strong
 * read sees what anybody was told before it began, so a process also sees its own writes and never
 * goes back. A stale one may see less, but only what the log really holds.
 */
export const monotonicReads: Checker = {
  name: 'monotonic-reads',
  says: 'I12: strong reads see all that was acknowledged before them; stale ones a part of the log.',
  check(history) {
    const findings = new Findings('monotonic-reads')
    const logs = history.derived(topicLogs)
    for (const [topic, reads] of readsByTopic(history)) {
      findings.count('reads', reads.length)
      checkStrong(topic, reads, logs.get(topic), findings)
      const final = logs.get(topic)?.finals.at(-1)?.messages
      if (final) checkAgainstLog(topic, reads, final, findings)
    }
    return findings.verdict()
  },
}

interface Read {
  readonly operation: Operation
  readonly strong: boolean
  /** The highest seq of the topic that the read knew of. */
  readonly last: number
  readonly messages: readonly Message[]
}

function readsByTopic(history: History): ReadonlyMap<string, Read[]> {
  const byTopic = new Map<string, Read[]>()
  for (const operation of history.named('history')) {
    const { complete, outcome, invoke } = operation
    if (outcome !== 'ok' || !complete) continue
    const value = fields(complete)
    if (typeof value['last'] !== 'number') throw new BadValue(complete, 'needs value.last, a seq')
    const rows = Array.isArray(value['messages']) ? value['messages'] : []
    const read: Read = {
      operation,
      strong: (value['level'] ?? 'strong') === 'strong',
      last: value['last'],
      messages: rows.map((row) => messageOf(complete, row as Record<string, unknown>)),
    }
    const topic = invoke.key ?? '?'
    const reads = byTopic.get(topic)
    if (reads) reads.push(read)
    else byTopic.set(topic, [read])
  }
  return byTopic
}

interface Told {
  readonly at: number
  readonly seq: number
  readonly operation: Operation
}

function checkStrong(
  topic: string,
  reads: readonly Read[],
  log: TopicLog | undefined,
  findings: Findings,
): void {
  const told: Told[] = []
  for (const { operation, seq } of log?.publishes ?? [])
    if (seq !== undefined) told.push({ at: returnTime(operation), seq, operation })
  for (const { operation, strong, last } of reads)
    if (strong) told.push({ at: returnTime(operation), seq: last, operation })
  told.sort((a, b) => a.at - b.at)
  const strong = reads.filter((read) => read.strong)
  strong.sort((a, b) => a.operation.invoke.time - b.operation.invoke.time)
  let next = 0
  let highest: Told | undefined
  for (const { operation, last } of strong) {
    for (; next < told.length; next++) {
      const one = told[next]
      if (!one || one.at >= operation.invoke.time) break
      if (!highest || one.seq > highest.seq) highest = one
    }
    if (!highest || last >= highest.seq) continue
    findings.anomaly({
      kind: highest.operation.invoke.f === 'publish' ? 'stale-read' : 'read-went-back',
      invariant: 'I12',
      key: topic,
      says: `a strong read knew of seq ${last} only, when seq ${highest.seq} had been told before it began`,
      ops: [...indexesOf(highest.operation), ...indexesOf(operation)],
    })
  }
}

function checkAgainstLog(
  topic: string,
  reads: readonly Read[],
  final: readonly Message[],
  findings: Findings,
): void {
  const idAt = new Map(final.map((message) => [message.seq, message.id]))
  const end = Math.max(0, ...idAt.keys())
  for (const { operation, last, messages } of reads) {
    if (last > end)
      findings.anomaly({
        kind: 'read-of-the-future',
        invariant: 'I12',
        key: topic,
        says: `a read knew of seq ${last}, but the topic ends at ${end}`,
        ops: indexesOf(operation),
      })
    const wrong = messages.find((message) => idAt.get(message.seq) !== message.id)
    if (wrong)
      findings.anomaly({
        kind: 'read-differs',
        invariant: 'I12',
        key: topic,
        says: `a read saw ${wrong.id} at seq ${wrong.seq}, where the topic has ${idAt.get(wrong.seq) ?? 'nothing'}`,
        ops: indexesOf(operation),
      })
  }
}
