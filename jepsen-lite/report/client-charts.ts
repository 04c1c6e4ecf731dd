import type { History } from '../operations.ts'
import { dots, drawChart, line, margin, n } from './chart.ts'
import type { TimeFrame } from './chart.ts'
import { linearScale, logScale } from './scale.ts'
import { latencyPoints } from './series.ts'
import type { Quantiles, Second } from './series.ts'

/** Dots in the latency chart. Above: ok operations are thinned out. */
const maxPoints = 12_000

const outcomes = [
  { text: 'ok', mark: 'ok' },
  { text: 'fail: certainly not done', mark: 'fail' },
  { text: 'unknown', mark: 'info' },
] as const

export function latencyChart(
  history: History,
  seconds: readonly Second[],
  frame: TimeFrame,
): string {
  const height = 250
  const points = latencyPoints(history, seconds, maxPoints)
  const y = latencyScale(
    points.map((point) => point.ms),
    height,
  )
  const body = outcomes.map(({ mark }) =>
    dots(
      points.filter((point) => point.outcome === mark).map(({ at, ms }) => [frame.x(at), y(ms)]),
      mark,
    ),
  )
  return drawChart(
    {
      title: 'Latency',
      says: 'Each dot is an operation, at its end; logarithmic.',
      height,
      y,
      yText: msText,
      legend: outcomes,
      body: body.join(''),
    },
    frame,
  )
}

const lines = [
  { name: 'max', mark: 'q4', text: 'max' },
  { name: 'p99', mark: 'q3', text: '99 %' },
  { name: 'p95', mark: 'q2', text: '95 %' },
  { name: 'p50', mark: 'q1', text: 'median' },
] as const satisfies readonly { name: keyof Quantiles; mark: string; text: string }[]

export function quantileChart(seconds: readonly Second[], frame: TimeFrame): string {
  const height = 200
  const y = latencyScale(
    seconds.flatMap(({ quantiles: q }) => (q ? [q.p50, q.max] : [])),
    height,
  )
  const body = lines.map(({ name, mark }) =>
    line(
      seconds.map(({ at, quantiles: q }) => [
        frame.x(Math.min(frame.end, at + 0.5)),
        q && y(q[name]),
      ]),
      mark,
    ),
  )
  return drawChart(
    {
      title: 'Latency quantiles',
      says: 'Of ok operations, per second; logarithmic.',
      height,
      y,
      yText: msText,
      legend: lines.toReversed(),
      body: body.join(''),
    },
    frame,
  )
}

export function throughputChart(seconds: readonly Second[], frame: TimeFrame): string {
  const height = 190
  const top = Math.max(1, ...seconds.map(({ ok, fail, info }) => ok + fail + info))
  const y = linearScale(0, top * 1.05, height - margin.bottom, margin.top, 4)
  // Drawn from the top of the stack down, each layer over the next.
  const layers = [
    { mark: 'info', height: (s: Second) => s.ok + s.fail + s.info },
    { mark: 'fail', height: (s: Second) => s.ok + s.fail },
    { mark: 'ok', height: (s: Second) => s.ok },
  ]
  const body = layers.map(({ mark, height: of }) =>
    area(seconds, (s) => y(of(s)), y(0), mark, frame),
  )
  return drawChart(
    {
      title: 'Throughput',
      says: 'Operations that ended, per second, by outcome.',
      height,
      y,
      yText: (value) => (value >= 10_000 ? `${value / 1000} k` : String(value)),
      legend: outcomes,
      body: body.join(''),
    },
    frame,
  )
}

export function availabilityChart(seconds: readonly Second[], frame: TimeFrame): string {
  const height = 130
  const y = linearScale(0, 100, height - margin.bottom, margin.top, 2)
  const share = (s: Second): number => (100 * s.ok) / Math.max(1, s.ok + s.fail + s.info)
  return drawChart(
    {
      title: 'Availability',
      says: 'Share of the operations that ended which were ok, per second; 0 when none ended.',
      height,
      y,
      yText: (value) => `${value} %`,
      legend: [{ text: 'ok', mark: 'ok' }],
      body: area(seconds, (s) => y(share(s)), y(0), 'ok', frame),
    },
    frame,
  )
}

/** Steps, one per second, filled down to the base line. */
function area(
  seconds: readonly Second[],
  height: (second: Second) => number,
  base: number,
  mark: string,
  { x, end }: TimeFrame,
): string {
  let path = `M${n(x(0))} ${n(base)}`
  for (const second of seconds)
    path += `V${n(height(second))}H${n(x(Math.min(end, second.at + 1)))}`
  return `<path class="area ${mark}" d="${path}V${n(base)}Z"/>`
}

function latencyScale(values: readonly number[], height: number): ReturnType<typeof logScale> {
  let [low, high] = [Infinity, 0]
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  // Below 0.1 ms there is nothing to see, and an empty chart still needs an axis.
  return logScale(
    Math.max(0.1, Math.min(low, 1)),
    Math.max(high, 10),
    height - margin.bottom,
    margin.top,
  )
}

function msText(ms: number): string {
  return ms >= 1000 ? `${ms / 1000} s` : `${Number(ms.toPrecision(6))} ms`
}
