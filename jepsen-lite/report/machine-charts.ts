import { fields } from '../checker/topic-log.ts'
import type { History } from '../operations.ts'
import { drawChart, line, margin } from './chart.ts'
import type { TimeFrame } from './chart.ts'
import { linearScale, logScale } from './scale.ts'

interface Sample {
  readonly node: string
  /** Seconds. */
  readonly at: number
  readonly value: number
}

/** A node that was not heard of for so long has a gap in its line, s. */
const silence = 6
/** Clocks that differ by less cannot be told apart from outside, s. */
const tellable = 2
const height = 150

/** Clocks, syncs and event loops of the nodes over time; only what was seen, and clocks only if any was wrong. */
export function machineCharts(history: History, frame: TimeFrame): string {
  const clocks = samples(history, 'clockSeconds')
  const largest = Math.max(0, ...clocks.map(({ value }) => Math.abs(value)))
  return (
    (largest < tellable ? '' : clockChart(clocks, largest, frame)) +
    msChart(samples(history, 'syncMs'), frame, {
      title: 'Syncs',
      says: 'Mean time of a sync of the disk since the last look, per node; logarithmic.',
    }) +
    msChart(samples(history, 'loopMs'), frame, {
      title: 'Event loops',
      says: 'Lag of each node’s event loop, 99 % quantile; logarithmic.',
    })
  )
}

function samples(history: History, field: string): Sample[] {
  return history.facts.flatMap((op) => {
    const value = op.f === 'machine' ? fields(op)[field] : undefined
    return typeof value === 'number' ? [{ node: op.node ?? '?', at: op.time / 1e9, value }] : []
  })
}

function clockChart(clocks: readonly Sample[], largest: number, frame: TimeFrame): string {
  const y = linearScale(-largest, largest, height - margin.bottom, margin.top, 4)
  return drawChart(
    {
      title: 'Clocks',
      says: 'How far each node’s clock was ahead of ours; to a second.',
      height,
      y,
      yText: (value) => `${value} s`,
      ...drawn(clocks, y, frame),
    },
    frame,
  )
}

function msChart(
  all: readonly Sample[],
  frame: TimeFrame,
  words: { readonly title: string; readonly says: string },
): string {
  if (all.length === 0) return ''
  const top = Math.max(10, ...all.map(({ value }) => value))
  const y = logScale(0.1, top, height - margin.bottom, margin.top)
  const yText = (ms: number): string => (ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`)
  return drawChart({ ...words, height, y, yText, ...drawn(all, y, frame) }, frame)
}

function drawn(
  all: readonly Sample[],
  y: (value: number) => number,
  frame: TimeFrame,
): { legend: { text: string; mark: string }[]; body: string } {
  const nodes = [...new Set(all.map(({ node }) => node))].toSorted()
  const mark = (i: number): string => `node${i % 7}`
  const body = nodes.map((node, i) => {
    const points: [number, number | undefined][] = []
    let last = -Infinity
    for (const { at, value } of all.filter((sample) => sample.node === node)) {
      if (at - last > silence) points.push([frame.x(at), undefined])
      points.push([frame.x(at), y(value)])
      last = at
    }
    return line(points, mark(i))
  })
  return { legend: nodes.map((text, i) => ({ text, mark: mark(i) })), body: body.join('') }
}
