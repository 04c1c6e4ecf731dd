import { emptyDigest, extended } from '../list-digest.ts'
import { indexesOf } from '../operations.ts'
import type { Operation } from '../operations.ts'
import type { Checker } from './checker.ts'
import { placedPublishes } from './known-seqs.ts'
import { BadValue, fields, topicLogs } from './topic-log.ts'
import type { TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Operations `look-back`: value on ok {before, digest}: the digest of the list below seq `before`,
 * as its writer read it then. Publishes may carry `seen`: {seq, digest}, what their writer knew.
 * Each stands for all messages before it, so that agreement with one list is agreement of all reads
 * with each other: linearizability without a search (as ScyllaDB’s Raft tests do).
 */
export const chain: Checker = {
  name: 'chain',
  says: 'I1, I12: the list below every message, as its writer read it, is the one that stays.',
  check(history) {
    const findings = new Findings('chain')
    const logs = history.derived(topicLogs)
    const lists = new Map([...logs].map(([topic, log]) => [topic, listOf(log)]))
    for (const operation of history.named('look-back')) {
      const { complete, outcome, invoke } = operation
      if (outcome !== 'ok' || !complete) continue
      const { before, digest } = fields(complete)
      if (typeof before !== 'number' || typeof digest !== 'string')
        throw new BadValue(complete, 'needs before (a seq) and digest')
      const list = lists.get(invoke.key ?? '?') ?? noList
      checkDigest({ operation, seq: before - 1, digest, list, reader: 'a look back' }, findings)
    }
    for (const [topic, log] of logs) checkSeen(log, lists.get(topic) ?? noList, findings)
    return findings.verdict()
  },
}

/** Digests of a topic's list by its length, as far as it is known without holes. */
type DigestAt = readonly string[]
const noList: DigestAt = [emptyDigest]

/** From the longest final read; without one, from what acknowledgements and deliveries told. */
function listOf(log: TopicLog): DigestAt {
  const longest = log.finals.toSorted((a, b) => b.messages.length - a.messages.length)[0]
  const known = longest?.messages ?? [
    ...placedPublishes(log).map(({ publish, seq }) => ({ id: publish.id, seq })),
    ...log.deliveries,
  ]
  const idAt = new Map(known.map(({ seq, id }) => [seq, id]))
  const digests = [emptyDigest]
  for (let seq = 1; ; seq++) {
    const id = idAt.get(seq)
    if (id === undefined) return digests
    digests.push(extended(digests[seq - 1] ?? '', id))
  }
}

interface Claim {
  readonly operation: Operation
  /** Length of the list that the digest stands for. */
  readonly seq: number
  readonly digest: string
  readonly list: DigestAt
  readonly reader: string
}

function checkDigest({ operation, seq, digest, list, reader }: Claim, findings: Findings): void {
  const topic = operation.invoke.key ?? '?'
  const right = list[seq]
  findings.count('digests')
  if (right === undefined)
    findings.doubt(`topic ${topic}: what lies at seq ${list.length} is not known, ${seq} was read`)
  else if (right !== digest)
    findings.anomaly({
      kind: 'another-list',
      invariant: 'I12',
      key: topic,
      says: `${reader} found another list of ${seq} messages (${digest}) than the one that stayed (${right})`,
      ops: indexesOf(operation),
    })
}

function checkSeen(log: TopicLog, list: DigestAt, findings: Findings): void {
  const seqs = new Map(placedPublishes(log).map(({ publish, seq }) => [publish.id, seq]))
  for (const { id, operation } of log.publishes) {
    const seen = fields(operation.invoke)['seen'] as { seq?: unknown; digest?: unknown } | undefined
    if (typeof seen?.seq !== 'number' || typeof seen.digest !== 'string') continue
    const { seq, digest } = { seq: seen.seq, digest: seen.digest }
    checkDigest({ operation, seq, digest, list, reader: `the writer of ${id}` }, findings)
    const own = seqs.get(id)
    if (own === undefined || own > seq) continue
    findings.anomaly({
      kind: 'before-what-it-saw',
      invariant: 'I1',
      key: log.topic,
      says: `${id} has seq ${own}, but its writer had seen the list up to ${seq}`,
      ops: indexesOf(operation),
    })
  }
}
