import { indexesOf } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import type { Checker } from './checker.ts'
import { absences } from './absences.ts'
import type { Absence } from './absences.ts'
import { streams } from './streams.ts'
import type { Stream } from './streams.ts'
import { fields, topicLogs } from './topic-log.ts'
import type { TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Operations attach, leave, expel, ban, admit with value.member; history and publish that name their
 * member; see README.md. Somebody is out from the answer to what put him out until somebody asks to
 * let him in again, and then sees nothing that was sent meanwhile, reads nothing and says nothing.
 * Whoever came in sees everything that is sent after the answer.
 */
export const access: Checker = {
  name: 'access',
  says: 'P5: whoever was put out sees and says nothing; whoever came in sees all that is sent then.',
  check(history) {
    const findings = new Findings('access')
    const logs = history.derived(topicLogs)
    const out = absences(history)
    for (const [topic, log] of logs) {
      const absent = out.get(topic)
      if (absent) checkSightings(log, absent, findings)
      for (const stream of streams(log)) checkArrival(log, stream, findings)
    }
    checkDeeds(history, out, findings)
    return findings.verdict()
  },
}

type AbsencesOf = ReadonlyMap<string, readonly Absence[]>

function checkSightings(log: TopicLog, out: AbsencesOf, findings: Findings): void {
  for (const { op, seq, id } of log.deliveries) {
    const member = fields(op)['member']
    if (typeof member !== 'string') continue
    findings.count('deliveries')
    const sent = log.byId.get(id)?.[0]?.operation
    const absence = (out.get(member) ?? []).find(
      ({ from, to }) => sent && from < sent.invoke.index && from < op.index && op.index < to,
    )
    if (!absence || !sent) continue
    findings.anomaly({
      kind: 'seen-though-out',
      invariant: 'P5',
      key: log.topic,
      says: `${member} got ${id} (seq ${seq}), which was sent after he had been put out`,
      ops: [...indexesOf(absence.by), ...indexesOf(sent), op.index],
    })
  }
}

const deeds: Readonly<Record<string, string>> = {
  history: 'read-though-out',
  publish: 'sent-though-out',
}

/** What began and succeeded while its member was out. */
function checkDeeds(
  history: History,
  out: ReadonlyMap<string, AbsencesOf>,
  findings: Findings,
): void {
  const within = ({ invoke, complete }: Operation, { from, to }: Absence): boolean =>
    from < invoke.index && (complete?.index ?? Infinity) < to
  for (const f of ['history', 'publish', 'attach'])
    for (const operation of history.named(f)) {
      const { invoke, outcome } = operation
      const member = fields(invoke)['member']
      if (outcome !== 'ok' || typeof member !== 'string') continue
      findings.count('deeds')
      const absence = (out.get(invoke.key ?? '?')?.get(member) ?? []).find(
        (one) => within(operation, one) && (f !== 'attach' || one.banned),
      )
      if (!absence) continue
      findings.anomaly({
        kind: deeds[f] ?? 'let-in-though-banned',
        invariant: 'P5',
        key: invoke.key ?? '?',
        says: `${f} of ${member} was ok, though he had been put out and nobody had let him in again`,
        ops: [...indexesOf(absence.by), ...indexesOf(operation)],
      })
    }
}

/** Without a cursor: the first delivery must not lie behind something that was sent after the answer. */
function checkArrival(log: TopicLog, { attach, deliveries }: Stream, findings: Findings): void {
  const came = attach?.operation.complete?.index
  const [first] = deliveries
  if (came === undefined || attach?.cursor !== undefined || !first) return
  findings.count('arrivals')
  const missed = log.publishes.find(
    ({ operation, seq }) => seq !== undefined && seq < first.seq && operation.invoke.index > came,
  )
  if (!missed || attach?.operation.outcome !== 'ok') return
  findings.anomaly({
    kind: 'missed-after-coming-in',
    invariant: 'P5',
    key: log.topic,
    says: `${attach.subscriber} came in, then ${missed.id} was sent, but the first thing he got was seq ${first.seq}`,
    ops: [...indexesOf(attach.operation), ...indexesOf(missed.operation), first.op.index],
  })
}
