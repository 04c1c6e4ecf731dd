import { clusterStates } from '../checker/cluster-states.ts'
import type { GroupState } from '../checker/cluster-states.ts'
import type { History } from '../operations.ts'
import {
  chartWidth,
  cursorLine,
  drawBands,
  drawTimeAxis,
  escape,
  figure,
  margin,
  n,
} from './chart.ts'
import type { LegendEntry, TimeFrame } from './chart.ts'

/** Groups with a lane per node: those whose leader changed most. Above the second: no owner row. */
const maxGroups = 4
const maxOwnerRows = 64
/** A node that was not seen for so long is drawn as a gap, ns. */
const silence = 2_500_000_000

/** Who owned which group when, and the role of each node in the liveliest groups. Empty without observations. */
export function clusterTimeline(history: History, frame: TimeFrame): string {
  const states = history.derived(clusterStates)
  if (states.length === 0) return ''
  const nodes = [...new Set(states.map((state) => state.node))].sort()
  const groups = new Map<string, GroupState[]>()
  for (const state of states) {
    const list = groups.get(state.group)
    if (list) list.push(state)
    else groups.set(state.group, [state])
  }
  const lively = [...groups].toSorted(([, a], [, b]) => reigns(b).length - reigns(a).length)
  return ownerRows(groups, nodes, frame) + roleLanes(lively.slice(0, maxGroups), nodes, frame)
}

/** A stretch of time in which a lane shows one thing, ns. */
interface Segment {
  readonly from: number
  to: number
  readonly mark: string
  readonly label: string
}

function ownerRows(
  groups: ReadonlyMap<string, readonly GroupState[]>,
  nodes: readonly string[],
  frame: TimeFrame,
): string {
  const names = [...groups.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const shown = names.slice(0, maxOwnerRows)
  const row = shown.length > 16 ? 7 : 13
  const bottom = margin.top + shown.length * row
  const body = shown.map((name, i) => {
    const top = margin.top + i * row
    const label = row > 10 || i % 4 === 0 ? laneLabel(name, top + row / 2) : ''
    const segments = reigns(groups.get(name) ?? []).map((reign) => ({
      ...reign,
      mark: `node${nodes.indexOf(reign.label) % 7}`,
      label: '',
    }))
    return label + drawSegments(segments, top, row - 1.5, frame)
  })
  const legend = nodes.map((node, i) => ({ text: node, mark: `node${i % 7}` }))
  const says =
    names.length > shown.length
      ? `The first ${shown.length} of ${names.length} groups.`
      : 'All groups.'
  return timeline(
    { title: 'Owners', says: `Who led each group. ${says}`, legend },
    body,
    bottom,
    frame,
  )
}

function roleLanes(
  groups: readonly (readonly [string, readonly GroupState[]])[],
  nodes: readonly string[],
  frame: TimeFrame,
): string {
  const row = 14
  let top: number = margin.top
  const body = groups.map(([name, states]) => {
    const lanes = nodes.map((node) => {
      const segments = roles(states.filter((state) => state.node === node))
      top += row
      return (
        laneLabel(`${name} ${node}`, top - row / 2) +
        drawSegments(segments, top - row, row - 2, frame)
      )
    })
    top += 7
    return lanes.join('')
  })
  const legend = ['leader', 'follower', 'candidate', 'learner'].map((text) => ({
    text,
    mark: `role-${text}`,
  }))
  const says =
    'Role of each node in the groups that changed most; the number is the term. Gaps: not reachable.'
  return timeline({ title: 'Roles', says, legend }, body, top, frame)
}

function timeline(
  caption: { title: string; says: string; legend: readonly LegendEntry[] },
  body: readonly string[],
  bottom: number,
  frame: TimeFrame,
): string {
  return figure(
    caption,
    `<svg class="chart" viewBox="0 0 ${chartWidth} ${bottom + margin.bottom}" role="img" aria-label="${escape(caption.title)}">` +
      // Under the lanes: a tint would make another node's colour of a node's colour.
      drawBands(frame, margin.top, bottom) +
      body.join('') +
      drawTimeAxis(frame, bottom) +
      `${cursorLine(bottom)}</svg>`,
  )
}

function reigns(states: readonly GroupState[]): Segment[] {
  const found: Segment[] = []
  let term = -1
  for (const state of states) {
    const last = found.at(-1)
    if (state.role !== 'leader' || state.term < term) continue
    term = state.term
    if (last && last.label === state.node && state.op.time - last.to < silence)
      last.to = state.op.time
    else {
      if (last && state.op.time - last.to < silence) last.to = state.op.time
      found.push({ from: state.op.time, to: state.op.time, mark: '', label: state.node })
    }
  }
  return found
}

function roles(states: readonly GroupState[]): Segment[] {
  const found: (Segment & { readonly term: number })[] = []
  for (const { op, role, term } of states) {
    const last = found.at(-1)
    const near = last && op.time - last.to < silence
    if (near) last.to = op.time
    if (near && last.mark === `role-${role}` && last.term === term) continue
    found.push({ from: op.time, to: op.time, mark: `role-${role}`, term, label: String(term) })
  }
  return found
}

function drawSegments(
  segments: readonly Segment[],
  top: number,
  height: number,
  { x }: TimeFrame,
): string {
  return segments
    .map(({ from, to, mark, label }) => {
      const [start, end] = [x(from / 1e9), x(to / 1e9)]
      const width = Math.max(1, end - start)
      const text =
        label !== '' && width > 8 + 6 * label.length
          ? `<text class="lane-text ${mark}" x="${n(start + 3)}" y="${n(top + height / 2 + 3.5)}">${escape(label)}</text>`
          : ''
      return `<rect class="segment ${mark}" x="${n(start)}" y="${n(top)}" width="${n(width)}" height="${n(height)}" rx="1.5"/>${text}`
    })
    .join('')
}

function laneLabel(text: string, y: number): string {
  return `<text class="tick" x="${margin.left - 6}" y="${n(y + 3)}" text-anchor="end">${escape(text)}</text>`
}
