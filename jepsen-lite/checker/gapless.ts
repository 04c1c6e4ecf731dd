import type { Checker } from './checker.ts'
import { topicLogs } from './topic-log.ts'
import type { FinalRead } from './topic-log.ts'
import { Findings } from './verdict.ts'

export const gapless: Checker = {
  name: 'gapless',
  says: 'I4: the committed seqs of a topic are 1..n without holes, in order.',
  check(history) {
    const findings = new Findings('gapless')
    for (const log of history.derived(topicLogs).values()) {
      if (log.publishes.length > 0 && log.finals.length === 0)
        findings.doubt(`topic ${log.topic} has publishes but no finished read-all`)
      for (const final of log.finals) checkFinal(log.topic, final, findings)
    }
    return findings.verdict()
  },
}

function checkFinal(topic: string, final: FinalRead, findings: Findings): void {
  const at = final.operation.complete?.index ?? final.operation.invoke.index
  let expected = 1
  for (const { seq, id } of final.messages) {
    findings.count('messages')
    if (seq > expected)
      findings.anomaly({
        kind: 'gap',
        invariant: 'I4',
        key: topic,
        says: `${final.node} has no seq ${expected === seq - 1 ? expected : `${expected}..${seq - 1}`} before ${seq} (${id})`,
        ops: [at],
      })
    else if (seq < expected)
      findings.anomaly({
        kind: 'step-back',
        invariant: 'I4',
        key: topic,
        says: `${final.node} lists seq ${seq} (${id}) after ${expected - 1}`,
        ops: [at],
      })
    expected = Math.max(expected, seq + 1)
  }
}
