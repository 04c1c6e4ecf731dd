import type { FaultBand } from '../checker/fault-bands.ts'
import { linearScale } from './scale.ts'
import type { Scale } from './scale.ts'

/** Size of the drawing in its own units; the page scales it to its width. */
export const chartWidth = 960
export const margin = { left: 56, right: 12, top: 20, bottom: 24 } as const

/** The part that all charts of a page share: time, and the faults in force. */
export interface TimeFrame {
  readonly x: Scale
  /** Seconds. */
  readonly end: number
  readonly bands: readonly FaultBand[]
  /** The colour number of each fault's name. */
  readonly hue: (name: string) => number
}

export interface Chart {
  readonly title: string
  /** One sentence: what is drawn, in which unit. */
  readonly says: string
  readonly height: number
  readonly y: Scale
  readonly yText: (value: number) => string
  readonly legend: readonly LegendEntry[]
  /** SVG inside the frame. */
  readonly body: string
}

export interface LegendEntry {
  readonly text: string
  /** A CSS class with a colour. */
  readonly mark: string
}

export function timeFrame(endSeconds: number, bands: readonly FaultBand[]): TimeFrame {
  const end = Math.max(1, endSeconds)
  const names = [...new Set(bands.map((band) => band.name))]
  return {
    x: linearScale(0, end, margin.left, chartWidth - margin.right, 12),
    end,
    bands,
    hue: (name) => names.indexOf(name) % 6,
  }
}

/** The chart with axes, grid, fault bands and legend. */
export function drawChart(chart: Chart, frame: TimeFrame): string {
  const { y, yText, height } = chart
  const [left, right] = [margin.left, chartWidth - margin.right]
  const bottom = height - margin.bottom
  const grid = y.ticks.map(
    (tick) =>
      `<line class="grid" x1="${left}" x2="${right}" y1="${n(y(tick))}" y2="${n(y(tick))}"/>` +
      `<text class="tick" x="${left - 6}" y="${n(y(tick) + 3.5)}" text-anchor="end">${escape(yText(tick))}</text>`,
  )
  return figure(
    chart,
    `<svg class="chart" viewBox="0 0 ${chartWidth} ${height}" role="img" aria-label="${escape(chart.title)}">` +
      grid.join('') +
      chart.body +
      drawTimeAxis(frame, bottom) +
      drawBands(frame, margin.top, bottom) +
      `${cursorLine(bottom)}</svg>`,
  )
}

/** A titled block of the page around any drawing. */
export function figure(
  { title, says, legend }: Pick<Chart, 'title' | 'says' | 'legend'>,
  drawing: string,
): string {
  const marks = legend.map(
    ({ text, mark }) => `<span class="key"><i class="swatch ${mark}"></i>${escape(text)}</span>`,
  )
  return (
    `<figure><figcaption><h3>${escape(title)}</h3><p>${escape(says)}</p></figcaption>` +
    `<div class="legend">${marks.join('')}</div>${drawing}</figure>`
  )
}

/** The shaded faults between two heights, each named where there is room. */
export function drawBands({ bands, x, hue, end }: TimeFrame, top: number, bottom: number): string {
  let labelled = -Infinity
  return bands
    .map((band) => {
      const [from, to] = [x(band.from / 1e9), x(Math.min(end, band.to / 1e9))]
      const width = Math.max(1.5, to - from)
      const label = from - labelled > 6.2 * band.name.length
      if (label) labelled = from
      return (
        `<rect class="band h${hue(band.name)}" x="${n(from)}" y="${top}" width="${n(width)}" height="${bottom - top}"/>` +
        (label
          ? `<text class="band-name h${hue(band.name)}" x="${n(from + 1)}" y="${top - 5}">${escape(band.name)}</text>`
          : '')
      )
    })
    .join('')
}

/** Where the reader points; the page's script moves it. */
export function cursorLine(bottom: number): string {
  return `<line class="cursor" y1="${margin.top}" y2="${bottom}" x1="0" x2="0"/>`
}

export function drawTimeAxis({ x }: TimeFrame, bottom: number): string {
  const ticks = x.ticks.map(
    (tick) =>
      `<text class="tick" x="${n(x(tick))}" y="${bottom + 15}" text-anchor="middle">${tick} s</text>`,
  )
  return `<line class="axis" x1="${margin.left}" x2="${chartWidth - margin.right}" y1="${bottom}" y2="${bottom}"/>${ticks.join('')}`
}

/** Round dots as one path: a thousand of them cost one element. */
export function dots(points: Iterable<readonly [number, number]>, mark: string): string {
  let path = ''
  for (const [x, y] of points) path += `M${n(x)} ${n(y)}h0`
  return path === '' ? '' : `<path class="dots ${mark}" d="${path}"/>`
}

/** A line that is interrupted wherever a value is missing. */
export function line(
  points: Iterable<readonly [number, number | undefined]>,
  mark: string,
): string {
  let path = ''
  let down = false
  for (const [x, y] of points) {
    if (y !== undefined) path += `${down ? 'L' : 'M'}${n(x)} ${n(y)}`
    down = y !== undefined
  }
  return `<path class="line ${mark}" d="${path}"/>`
}

/** One decimal is a tenth of a pixel at most. */
export function n(value: number): string {
  return String(Math.round(value * 10) / 10)
}

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}
