import { faultBands } from '../checker/fault-bands.ts'
import type { FaultBand } from '../checker/fault-bands.ts'
import type { Verdict } from '../checker/verdict.ts'
import type { History } from '../operations.ts'
import { escape } from './chart.ts'
import type { TimeFrame } from './chart.ts'

/** Faults listed. Above: counted. */
const maxFaults = 60

/** One row per checker; those that need reading come first, those with nothing to judge share a line. */
export function checkerTable(
  verdicts: readonly Verdict[],
  says: ReadonlyMap<string, string>,
): string {
  const rank = { invalid: 0, unknown: 1, valid: 2 }
  const rows = verdicts
    .filter((verdict) => !isIdle(verdict))
    .toSorted((a, b) => rank[a.result] - rank[b.result])
    .map((verdict) => checkerRow(verdict, says.get(verdict.checker) ?? ''))
  const idle = verdicts.filter(isIdle).map(({ checker }) => escape(checker))
  const rest =
    idle.length > 0
      ? `<tr><td><span class="pill idle">idle</span></td><td colspan="4" class="quiet">nothing to judge for ${idle.join(', ')}</td></tr>`
      : ''
  return (
    '<div class="scroll"><table><thead><tr><th></th><th>checker</th><th>what must hold</th>' +
    `<th>anomalies</th><th>counts</th></tr></thead><tbody>${rows.join('')}${rest}</tbody></table></div>`
  )
}

function checkerRow({ checker, result, total, counts, doubts }: Verdict, says: string): string {
  const figures = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
  const doubt = doubts.slice(0, 4).map((text) => `<div class="doubt">${escape(text)}</div>`)
  const more = doubts.length > 4 ? `<div class="doubt">and ${doubts.length - 4} more</div>` : ''
  return (
    `<tr><td><span class="pill ${result}">${result}</span></td><td><b>${escape(checker)}</b></td>` +
    `<td class="says">${escape(says)}${doubt.join('')}${more}</td>` +
    `<td class="number">${total || ''}</td><td class="quiet">${escape(figures.slice(0, 12).join(' · '))}</td></tr>`
  )
}

/** It found nothing wrong because there was nothing to look at. */
function isIdle({ result, counts }: Verdict): boolean {
  return result === 'valid' && Object.values(counts).every((count) => count === 0)
}

export function faultTable(history: History, frame: TimeFrame): string {
  const bands = history.derived(faultBands)
  if (bands.length === 0) return '<p class="quiet">None.</p>'
  const rows = bands.slice(0, maxFaults).map((band) => faultRow(band, frame))
  const rest = bands.length - rows.length
  return (
    '<div class="scroll"><table><thead><tr><th></th><th>fault</th><th>targets</th><th>from</th><th>for</th>' +
    `<th>effects</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>` +
    (rest > 0 ? `<p class="more">${rest} more.</p>` : '')
  )
}

function faultRow(band: FaultBand, { hue, end }: TimeFrame): string {
  const { name, targets, scope, from, to, effects } = band
  const length =
    to === Infinity
      ? `to the end (${(end - from / 1e9).toFixed(1)} s)`
      : `${((to - from) / 1e9).toFixed(1)} s`
  const seen =
    effects.length > 0 ? escape(effects.join(', ')) : '<span class="doubt">none seen</span>'
  return (
    `<tr><td><i class="swatch h${hue(name)}"></i></td><td><b>${escape(name)}</b></td>` +
    `<td>${escape(targets.join(', '))} <span class="quiet">${escape(scope)}</span></td>` +
    `<td class="number">${(from / 1e9).toFixed(1)} s</td><td class="number">${length}</td><td>${seen}</td></tr>`
  )
}

/** Names and values side by side: versions, configuration. */
export function factTable(facts: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(facts).map(
    ([name, value]) =>
      `<tr><td>${escape(name)}</td><td class="value">${escape(typeof value === 'string' ? value : JSON.stringify(value))}</td></tr>`,
  )
  return `<table class="facts"><tbody>${rows.join('')}</tbody></table>`
}
