import { faultBands } from '../checker/fault-bands.ts'
import type { Anomaly, Verdict } from '../checker/verdict.ts'
import type { History } from '../operations.ts'
import type { Op } from '../op.ts'
import { escape } from './chart.ts'

/** Anomalies written out in full, per kind and in all. Above: only counted. */
const maxPerKind = 4
const maxWritten = 32
const maxValueText = 240

/** Every anomaly with the operations behind it and the faults in force. */
export function anomalyList(verdicts: readonly Verdict[], history: History): string {
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
    .map(({ checker, anomaly, first }) => card(checker, anomaly, { byIndex, history, open: first }))
  const rest = total - cards.length
  return cards.join('') + (rest > 0 ? `<p class="more">${rest} more are only counted.</p>` : '')
}

interface CardContext {
  readonly byIndex: ReadonlyMap<number, Op>
  readonly history: History
  readonly open: boolean
}

function card(checker: string, anomaly: Anomaly, { byIndex, history, open }: CardContext): string {
  const ops = anomaly.ops.flatMap((index) => byIndex.get(index) ?? [])
  const faults = faultsAround(ops, history)
  return (
    `<details class="anomaly"${open ? ' open' : ''}><summary><b>${escape(anomaly.kind)}</b>` +
    `<span class="tag">${escape(anomaly.invariant)}</span><span class="tag">${escape(checker)}</span>` +
    (anomaly.key === undefined ? '' : `<span class="tag">${escape(anomaly.key)}</span>`) +
    `<span class="brief">${escape(anomaly.says)}</span></summary><p>${escape(anomaly.says)}.</p>` +
    (faults === '' ? '' : `<p class="quiet">In force at the time: ${escape(faults)}.</p>`) +
    operationTable(ops) +
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
