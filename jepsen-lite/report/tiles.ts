import { faultBands } from '../checker/fault-bands.ts'
import type { History } from '../operations.ts'
import { escape } from './chart.ts'
import { clientOperations, quantiles } from './series.ts'

/** The handful of figures on top of the page. */
export function tiles(history: History): string {
  const operations = clientOperations(history)
  const count = { ok: 0, fail: 0, info: 0 }
  const latencies: number[] = []
  for (const { outcome, invoke, complete } of operations) {
    count[outcome]++
    if (outcome === 'ok' && complete) latencies.push((complete.time - invoke.time) / 1e6)
  }
  const q = quantiles(latencies)
  const span = spanSeconds(history)
  const bands = history.derived(faultBands)
  const all = operations.length
  return [
    tile(
      'operations',
      compact(all),
      `${compact(count.ok)} ok · ${compact(count.fail)} fail · ${compact(count.info)} unknown`,
    ),
    tile(
      'ok per second',
      compact(Math.round(count.ok / Math.max(1e-9, span))),
      `over ${span.toFixed(1)} s`,
    ),
    tile(
      'availability',
      all > 0 ? `${percent(count.ok / all)} %` : '–',
      `${percent(secondsWithOk(history))} % of seconds with an ok`,
    ),
    tile(
      'latency, median',
      q ? `${q.p50.toPrecision(3)} ms` : '–',
      q ? `99 %: ${ms(q.p99)} · max: ${ms(q.max)}` : 'no ok operation',
    ),
    tile(
      'longest silence',
      ms(
        longestSilence(
          operations.flatMap(({ outcome, complete }) =>
            outcome === 'ok' && complete ? [complete.time] : [],
          ),
        ),
      ),
      'without an ok operation',
    ),
    tile(
      'faults',
      String(bands.length),
      `${new Set(bands.map((band) => band.name)).size} kinds · ${bands.filter((band) => band.effects.length > 0).length} with an effect`,
    ),
  ].join('')
}

function tile(name: string, value: string, note: string): string {
  return `<div class="tile"><span>${escape(name)}</span><b>${escape(value)}</b><small>${escape(note)}</small></div>`
}

function spanSeconds(history: History): number {
  const first = history.operations[0]?.invoke.time ?? 0
  return Math.max(0, history.end - first) / 1e9
}

function secondsWithOk(history: History): number {
  const seconds = new Set<number>()
  const from = Math.floor((history.operations[0]?.invoke.time ?? 0) / 1e9)
  let to = from
  for (const { outcome, complete } of clientOperations(history)) {
    if (!complete) continue
    to = Math.max(to, Math.floor(complete.time / 1e9))
    if (outcome === 'ok') seconds.add(Math.floor(complete.time / 1e9))
  }
  return seconds.size / (to - from + 1)
}

function longestSilence(times: readonly number[]): number {
  const sorted = Float64Array.from(times).sort()
  let longest = 0
  for (let i = 1; i < sorted.length; i++)
    longest = Math.max(longest, (sorted[i] ?? 0) - (sorted[i - 1] ?? 0))
  return longest / 1e6
}

function percent(share: number): string {
  return (Math.floor(share * 1000) / 10).toString()
}

function ms(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toPrecision(3)} ms`
}

function compact(value: number): string {
  return value.toLocaleString('en')
}
