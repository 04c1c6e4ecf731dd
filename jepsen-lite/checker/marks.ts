import { indexesOf } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import type { Checker } from './checker.ts'
import { placedPublishes } from './known-seqs.ts'
import { BadValue, fields, topicLogs } from './topic-log.ts'
import type { TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Operations `mark` (invocation {user, what: read | recv, seq}) and `marks` ({user}), whose answers
 * both tell {seq, read, recv}: the end of the topic and how far that user is. A mark that was not
 * taken is no fault, for nothing acknowledges it; one that was seen must never go away. `final: true`
 * stands for the time when everything has come to rest.
 */
export const marks: Checker = {
  name: 'marks',
  says: 'W8: read ≤ recv ≤ seq, none of them ever goes back, and unread = messages − read in the end.',
  check(history) {
    const findings = new Findings('marks')
    const logs = history.derived(topicLogs)
    for (const [topic, users] of sightsByUser(history)) {
      const log = logs.get(topic)
      for (const [user, sights] of users) {
        findings.count('observations', sights.length)
        const place = { topic, user, findings }
        for (const sight of sights) checkOrder(sight, place)
        checkForward(sights, place)
        checkSources(sights, sourcesOf(history, log, place), place)
        if (log) checkFinal(sights, log, place)
      }
    }
    return findings.verdict()
  },
}

interface Sight {
  readonly operation: Operation
  readonly invoked: number
  readonly returned: number
  readonly seq: number
  readonly read: number
  readonly recv: number
  readonly final: boolean
}

interface Place {
  readonly topic: string
  readonly user: string
  readonly findings: Findings
}

function report(
  { topic, findings }: Place,
  kind: string,
  says: string,
  operations: readonly Operation[],
): void {
  findings.anomaly({ kind, invariant: 'W8', key: topic, says, ops: operations.flatMap(indexesOf) })
}

function sightsByUser(history: History): ReadonlyMap<string, ReadonlyMap<string, Sight[]>> {
  const topics = new Map<string, Map<string, Sight[]>>()
  for (const operation of [...history.named('mark'), ...history.named('marks')]) {
    const { invoke, complete, outcome } = operation
    if (outcome !== 'ok' || !complete) continue
    const { user } = fields(invoke)
    const { seq, read, recv, final } = fields(complete)
    if (typeof user !== 'string') throw new BadValue(invoke, 'needs value.user')
    if (typeof seq !== 'number' || typeof read !== 'number' || typeof recv !== 'number')
      throw new BadValue(complete, 'needs seq, read and recv')
    const users = topics.get(invoke.key ?? '?') ?? new Map<string, Sight[]>()
    topics.set(invoke.key ?? '?', users)
    const sights = users.get(user) ?? []
    users.set(user, sights)
    const times = { invoked: invoke.index, returned: complete.index }
    sights.push({ operation, ...times, seq, read, recv, final: final === true })
  }
  return topics
}

function checkOrder({ operation, seq, read, recv }: Sight, place: Place): void {
  if (0 <= read && read <= recv && recv <= seq) return
  const says = `${place.user} has read ${read}, recv ${recv}, of ${seq} messages`
  report(place, 'marks-out-of-order', says, [operation])
}

/** What was told before an operation began is still there when it answers. */
function checkForward(sights: readonly Sight[], place: Place): void {
  const told = sights.toSorted((a, b) => a.returned - b.returned)
  const asked = sights.toSorted((a, b) => a.invoked - b.invoked)
  for (const what of ['seq', 'read', 'recv'] as const) {
    let next = 0
    let highest: Sight | undefined
    for (const sight of asked) {
      for (let one = told[next]; one && one.returned < sight.invoked; one = told[++next])
        if (!highest || one[what] > highest[what]) highest = one
      if (!highest || sight[what] >= highest[what]) continue
      const says = `${what} of ${place.user} was ${highest[what]} and then ${sight[what]}`
      report(place, `${what}-went-back`, says, [highest.operation, sight.operation])
    }
  }
}

/** Something that raises a mark of the user: asked by index `from`, answered by `done`. */
interface Source {
  readonly operation: Operation
  readonly what: 'read' | 'recv'
  readonly seq: number
  readonly from: number
  /** Certain from then on; Infinity: it may never have counted. */
  readonly done: number
}

/** His own marks, and his own messages: whoever sends has read what he sent. */
function sourcesOf(history: History, log: TopicLog | undefined, { topic, user }: Place): Source[] {
  const own = history.named('mark').flatMap((operation): Source[] => {
    const { user: who, what, seq } = fields(operation.invoke)
    if (operation.invoke.key !== topic || who !== user || typeof seq !== 'number') return []
    const kind = what === 'recv' ? 'recv' : 'read'
    return [{ operation, what: kind, seq, from: operation.invoke.index, done: Infinity }]
  })
  const sent = (log ? placedPublishes(log) : []).flatMap(({ publish, seq }): Source[] => {
    const { operation } = publish
    if (fields(operation.invoke)['member'] !== user) return []
    const done = operation.outcome === 'ok' ? (operation.complete?.index ?? Infinity) : Infinity
    return [{ operation, what: 'read', seq, from: operation.invoke.index, done }]
  })
  return [...own, ...sent]
}

function checkSources(sights: readonly Sight[], sources: readonly Source[], place: Place): void {
  const byStart = sources.toSorted((a, b) => a.from - b.from)
  const byEnd = sources.filter(({ done }) => done < Infinity).toSorted((a, b) => a.done - b.done)
  let [next, most] = [0, { read: 0, recv: 0 }]
  for (const sight of sights.toSorted((a, b) => a.returned - b.returned)) {
    for (let one = byStart[next]; one && one.from < sight.returned; one = byStart[++next]) {
      most = {
        read: one.what === 'read' ? Math.max(most.read, one.seq) : most.read,
        recv: Math.max(most.recv, one.seq),
      }
    }
    for (const what of ['read', 'recv'] as const)
      if (sight[what] > most[what])
        report(
          place,
          'mark-of-nobody',
          `${what} of ${place.user} is ${sight[what]}, but nobody set it beyond ${most[what]}`,
          [sight.operation],
        )
  }
  let least: Source | undefined
  next = 0
  for (const sight of sights.toSorted((a, b) => a.invoked - b.invoked)) {
    for (let one = byEnd[next]; one && one.done < sight.invoked; one = byEnd[++next])
      if (!least || one.seq > least.seq) least = one
    if (!least || sight.read >= least.seq) continue
    const says = `${place.user} sent seq ${least.seq}, and later had read only ${sight.read}`
    report(place, 'own-message-unread', says, [least.operation, sight.operation])
  }
}

function checkFinal(sights: readonly Sight[], log: TopicLog, place: Place): void {
  const settled = sights.filter(({ final }) => final)
  const [first] = settled
  const messages = log.finals.at(-1)?.messages
  if (!first || !messages) return
  for (const sight of settled) {
    const unread = messages.filter(({ seq }) => seq > sight.read).length
    if (sight.seq - sight.read !== unread)
      report(
        place,
        'unread-wrong',
        `${place.user} counts ${sight.seq - sight.read} unread messages, where ${unread} of ${messages.length} are`,
        [sight.operation],
      )
    if (sight.read !== first.read || sight.recv !== first.recv)
      report(
        place,
        'marks-differ',
        `${place.user} has read ${first.read}, recv ${first.recv} on ${first.operation.invoke.node}, but ${sight.read}, ${sight.recv} on ${sight.operation.invoke.node}`,
        [first.operation, sight.operation],
      )
  }
}
