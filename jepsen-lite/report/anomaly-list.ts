import { faultBands } from '../checker/fault-bands.ts'
import type { Anomaly, Verdict } from '../checker/verdict.ts'
import type { History } from '../operations.ts'
import type { Op } from '../op.ts'
import { clusterStates } from '../checker/cluster-states.ts'
import { escape } from './chart.ts'
import { linesAround } from './node-logs.ts'
import type { NodeLogs } from './node-logs.ts'

/** Anomalies written out in full, per kind and in all. Above: only counted. */
const maxPerKind = 4
const maxWritten = 32
const maxValueText = 240
/** Lines of a node's log at one anomaly, and how long one may be. Only the first anomaly of a kind has them. */
const maxLogLines = 50
const maxLineText = 400
/** Groups told about at one anomaly: those whose leader changed around it come first. */
const maxGroupsTold = 8

/** Every anomaly with the operations behind it and the faults in force. */
export function anomalyList(
  verdicts: readonly Verdict[],
  history: History,
  logs: NodeLogs,
): string {
  const byIndex = new Map<number, Op>()
  const wanted = new Set(verdicts.flatMap(({ anomalies }) => anomalies.flatMap(({ ops }) => ops)))
  for (const op of history.ops) if (wanted.has(op.index)) byIndex.set(op.index, op)
  const all = verdicts.flatMap(({ checker, anomalies }) => {
    const perKind = new Map<string, number>()
    return anomalies.flatMap((anomaly) => {
      const count = (perKind.get(anomaly.kind) ?? 0) + 1
      perKind.set(anomaly.kind, count)
      return count <= maxPerKind ? [{ checker, anomaly, first: count === 1 }] : []
    })
  })
  const total = verdicts.reduce((sum, verdict) => sum + verdict.total, 0)
  if (total === 0) return '<p class="quiet">None.</p>'
  const cards = all
    .slice(0, maxWritten)
    .map(({ checker, anomaly, first }) =>
      card(checker, anomaly, { byIndex, history, logs, open: first }),
    )
  const rest = total - cards.length
  return cards.join('') + (rest > 0 ? `<p class="more">${rest} more are only counted.</p>` : '')
}

interface CardContext {
  readonly byIndex: ReadonlyMap<number, Op>
  readonly history: History
  readonly logs: NodeLogs
  readonly open: boolean
}

function card(checker: string, anomaly: Anomaly, context: CardContext): string {
  const { byIndex, history, logs, open } = context
  const ops = anomaly.ops.flatMap((index) => byIndex.get(index) ?? [])
  const faults = faultsAround(ops, history)
  return (
    `<details class="anomaly"${open ? ' open' : ''}><summary><b>${escape(anomaly.kind)}</b>` +
    `<span class="tag">${escape(anomaly.invariant)}</span><span class="tag">${escape(checker)}</span>` +
    (anomaly.key === undefined ? '' : `<span class="tag">${escape(anomaly.key)}</span>`) +
    `<span class="brief">${escape(anomaly.says)}</span></summary><p>${escape(anomaly.says)}.</p>` +
    (faults === '' ? '' : `<p class="quiet">In force at the time: ${escape(faults)}.</p>`) +
    operationTable(ops) +
    (open && ops.length > 0 ? groupsAround(ops, history) + logsAround(ops, logs) : '') +
    '</details>'
  )
}

function faultsAround(ops: readonly Op[], history: History): string {
  const times = ops.map((op) => op.time)
  const [from, to] = [Math.min(...times), Math.max(...times)]
  return history
    .derived(faultBands)
    .filter((band) => band.from <= to && band.to >= from)
    .map((band) => `${band.name} on ${band.targets.join(', ') || 'nobody'}`)
    .slice(0, 6)
    .join('; ')
}

/** What each group was at on each node when it was last seen before the anomaly's end: role, term, commit, applied. */
function groupsAround(ops: readonly Op[], history: History): string {
  const to = Math.max(...ops.map(({ time }) => time))
  const from = Math.min(...ops.map(({ time }) => time)) - leaderChangeNs
  const last = new Map<string, Map<string, string>>()
  const leaders = new Map<string, Set<string>>()
  for (const state of history.derived(clusterStates)) {
    if (state.op.time > to) break
    const { group, node, role, term, commit, applied } = state
    const nodes = last.get(group) ?? new Map<string, string>()
    last.set(group, nodes.set(node, `${node} ${role} ${term}/${commit ?? '?'}/${applied ?? '?'}`))
    if (role === 'leader' && state.op.time >= from)
      leaders.set(group, (leaders.get(group) ?? new Set()).add(`${node}@${term}`))
  }
  if (last.size === 0) return ''
  const changes = (group: string): number => leaders.get(group)?.size ?? 0
  const groups = [...last].toSorted(([a], [b]) => changes(b) - changes(a)).slice(0, maxGroupsTold)
  const rows = groups.map(
    ([group, nodes]) =>
      `<tr><td>${escape(group)}</td><td>${changes(group)}</td><td>${escape([...nodes.values()].join(' · '))}</td></tr>`,
  )
  return (
    '<div class="scroll"><table><thead><tr><th>group</th><th>leaders seen around it</th>' +
    `<th>last seen: role term/commit/applied</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
  )
}

const leaderChangeNs = 5_000_000_000

function logsAround(ops: readonly Op[], logs: NodeLogs): string {
  const times = ops.map(({ time }) => time)
  const stretch = { from: Math.min(...times), to: Math.max(...times) }
  return [...logs]
    .map(([node, lines]) => {
      const near = linesAround(lines, stretch, maxLogLines)
      if (near.length === 0) return ''
      const text = near
        .map(({ time, text: line }) => `${(time / 1e9).toFixed(3)} ${line.slice(0, maxLineText)}`)
        .join('\n')
      return `<details class="log"><summary>log of ${escape(node)}: ${near.length} lines</summary><pre>${escape(text)}</pre></details>`
    })
    .join('')
}

function operationTable(ops: readonly Op[]): string {
  if (ops.length === 0) return ''
  const rows = ops.map(
    (op) =>
      `<tr class="op-${op.type}"><td>${op.index}</td><td>${(op.time / 1e9).toFixed(3)} s</td>` +
      `<td>${escape(String(op.process))}</td><td>${op.type}</td><td>${escape(op.f)}</td>` +
      `<td>${escape(op.key ?? '')}</td><td class="value">${escape(valueText(op))}</td>` +
      `<td>${escape([op.node, op.error].filter(Boolean).join(': '))}</td></tr>`,
  )
  return (
    '<div class="scroll"><table><thead><tr><th>index</th><th>time</th><th>process</th><th>type</th>' +
    `<th>f</th><th>key</th><th>value</th><th>node, error</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
  )
}

function valueText({ value }: Op): string {
  if (value === undefined) return ''
  const text = JSON.stringify(value)
  return text.length > maxValueText
    ? `${text.slice(0, maxValueText)} … (${text.length} characters)`
    : text
}
