import type { History, Operation } from '../operations.ts'
import { isCounted } from './availability.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { throughputBeforeFaults } from './coverage.ts'
import { faultBands } from './fault-bands.ts'
import type { FaultBand } from './fault-bands.ts'
import { fields } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * A fault that knows who still hears whom says so at its start: `serves`, topic → nodes that hear
 * every replica which may lead the topic's partition. What is asked there must be answered, whatever
 * happens to other groups. The time is cut into slices; of those in which anybody asked for a topic
 * at such a node, the share with an ok must stay above the floor. Elections have some time first.
 */
export const served: Checker = {
  name: 'served',
  says: 'L6: a topic whose partition has a majority is served where that majority is heard, whatever is cut elsewhere.',
  check(history, options) {
    const findings = new Findings('served')
    for (const band of history.derived(faultBands)) {
      const serves = servesOf(history, band)
      for (const [topic, nodes] of serves) judge(history, options, { band, topic, nodes, findings })
    }
    return findings.verdict()
  },
}

/** Elections are over by then, ns. */
const grace = 5e9
const sliceNs = 1e9
/** With fewer slices in which anybody asked, a share says nothing. */
const fewestSlices = 3

interface Case {
  readonly band: FaultBand
  readonly topic: string
  readonly nodes: ReadonlySet<string>
  readonly findings: Findings
}

function servesOf(history: History, band: FaultBand): [string, ReadonlySet<string>][] {
  const start = history.facts.find((op) => op.index === band.index)
  const { serves } = start ? fields(start) : {}
  if (typeof serves !== 'object' || serves === null) return []
  return Object.entries(serves).map(([topic, nodes]) => [
    topic,
    new Set(Array.isArray(nodes) ? nodes.map(String) : []),
  ])
}

function judge(history: History, options: CheckOptions, one: Case): void {
  const { band, topic, nodes, findings } = one
  const [from, to] = [band.from + grace, Math.min(band.to, history.end)]
  const slices = new Map<number, boolean>()
  const failed: number[] = []
  for (const operation of history.operations) {
    if (!isAbout(operation, topic, nodes)) continue
    const { invoke, complete, outcome } = operation
    const end = complete?.time ?? history.end
    if (invoke.time < from || end > to) continue
    for (let at = slice(invoke.time); at < slice(end); at++) slices.set(at, slices.get(at) ?? false)
    slices.set(slice(end), outcome === 'ok' || slices.get(slice(end)) === true)
    if (outcome !== 'ok') failed.push(invoke.index)
  }
  if (slices.size < fewestSlices) return
  findings.count('topics')
  findings.count('slices', slices.size)
  const share = [...slices.values()].filter(Boolean).length / slices.size
  if (share >= options.minAvailability) return
  const says = `during ${band.name}, ${[...nodes].join(', ')} heard a majority of its partition and served it only ${Math.round(share * 100)} % of the time`
  // A machine that is too slow for the load is no proof against the server.
  if (throughputBeforeFaults(history) < options.minThroughput) findings.doubt(`${topic}: ${says}`)
  else findings.anomaly({ kind: 'not-served', invariant: 'L6', key: topic, says, ops: failed })
}

function slice(time: number): number {
  return Math.floor(time / sliceNs)
}

function isAbout(operation: Operation, topic: string, nodes: ReadonlySet<string>): boolean {
  const { key, node } = operation.invoke
  return key === topic && isCounted(operation) && node !== undefined && nodes.has(node)
}
