import { checkers } from '../checker/registry.ts'
import { faultBands } from '../checker/fault-bands.ts'
import type { History } from '../operations.ts'
import { anomalyList } from './anomaly-list.ts'
import { chartWidth, escape, margin, timeFrame } from './chart.ts'
import type { TimeFrame } from './chart.ts'
import { availabilityChart, latencyChart, quantileChart, throughputChart } from './client-charts.ts'
import { clusterTimeline } from './cluster-timeline.ts'
import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'
import { machineCharts } from './machine-charts.ts'
import type { NodeLogs } from './node-logs.ts'
import type { RunSummary } from './run-summary.ts'
import { perSecond } from './series.ts'
import type { Second } from './series.ts'
import { checkerTable, factTable, faultTable } from './tables.ts'
import { tiles } from './tiles.ts'
import { topicCharts } from './topic-charts.ts'

/** The whole report as one HTML text: it opens without a network and without the rest of the run. */
export function reportPage(run: RunSummary, history: History, logs: NodeLogs = new Map()): string {
  const frame = timeFrame(history.end / 1e9, history.derived(faultBands))
  const seconds = perSecond(history)
  const { result, verdicts } = run.judgement
  const says = new Map(checkers.map((checker) => [checker.name, checker.says]))
  const topics = topicCharts(history, frame)
  const cluster = clusterTimeline(history, frame)
  const machines = machineCharts(history, frame)
  const title = `${run.name}: ${result}`
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width,initial-scale=1">' +
    `<title>${escape(title)}</title><style>${pageStyle}</style></head><body><main>` +
    header(run) +
    `<div class="tiles">${tiles(history)}</div>` +
    section('Anomalies', anomalyList(verdicts, history, logs)) +
    section('Checkers', `<div class="card">${checkerTable(verdicts, says)}</div>`) +
    section(
      'What clients saw',
      latencyChart(history, seconds, frame) +
        quantileChart(seconds, frame) +
        throughputChart(seconds, frame) +
        availabilityChart(seconds, frame),
    ) +
    (topics === '' ? '' : section('Topics', topics)) +
    (cluster === '' ? '' : section('Cluster', cluster)) +
    (machines === '' ? '' : section('Machines', machines)) +
    section('Faults', `<div class="card">${faultTable(history, frame)}</div>`) +
    section(
      'The run',
      `<div class="columns">${about('Versions', run.versions)}${about('Configuration', run.config)}</div>`,
    ) +
    `</main><div id="tip"></div>${figures(seconds, frame)}<script>${pageScript}</script></body></html>\n`
  )
}

function header({ name, seed, startedAt, versions, judgement }: RunSummary): string {
  const commit = versions['commit'] === undefined ? '' : ` · commit ${versions['commit']}`
  return (
    `<header><span class="verdict ${judgement.result}">${judgement.result}</span><div><h1>${escape(name)}</h1>` +
    `<p>${escape(startedAt)} · seed ${escape(seed)}${escape(commit)}</p></div>` +
    '<button id="theme" type="button">light / dark</button></header>'
  )
}

function section(title: string, body: string): string {
  return `<section><h2>${escape(title)}</h2>${body}</section>`
}

function about(title: string, facts: Readonly<Record<string, unknown>>): string {
  return `<div class="card"><h3>${title}</h3>${factTable(facts)}</div>`
}

/** What the cursor tells, as data for the page's script. */
function figures(seconds: readonly Second[], { bands, end }: TimeFrame): string {
  const round = (value: number): number => Number(value.toPrecision(4))
  const rows = seconds.map(({ ok, fail, info, quantiles: q }) => [
    ok,
    fail,
    info,
    ...(q ? [round(q.p50), round(q.p99), round(q.max)] : [null]),
  ])
  const faults = bands.map(({ name, from, to, targets }) => [
    name,
    from / 1e9,
    Math.min(end, to / 1e9),
    targets.join(', '),
  ])
  const data = { rows, faults, end, left: margin.left, right: margin.right, width: chartWidth }
  // A script element ends at the first "</", whatever stands around it.
  const text = JSON.stringify(data).replaceAll('<', '\\u003c')
  return `<script type="application/json" id="figures">${text}</script>`
}
