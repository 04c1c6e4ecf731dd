import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

/** A line of a node's log, with its place on the run's clock. */
export interface LogLine {
  /** ns since the history began; as far as the node's clock was right. */
  readonly time: number
  readonly text: string
}

/** Node → its lines, in the order in which it wrote them. */
export type NodeLogs = ReadonlyMap<string, readonly LogLine[]>

/** Above: the end of the file is taken. Bytes per node. */
const maxBytes = 32 * 1024 * 1024

/**
 * The logs of a run. `historyFrom`: when its clock stood at 0, ms of the wall clock; the nodes write
 * wall times. Lines without a time belong to the one before.
 */
export function readNodeLogs(folder: string, historyFrom: number | undefined): NodeLogs {
  const logs = new Map<string, LogLine[]>()
  if (historyFrom === undefined || !existsSync(folder)) return logs
  for (const file of readdirSync(folder).toSorted()) {
    if (!file.endsWith('.log')) continue
    let time = 0
    const lines = readFileSync(join(folder, file)).subarray(-maxBytes).toString('utf8').split('\n')
    logs.set(
      basename(file, '.log'),
      lines.flatMap((text) => {
        if (text.trim() === '') return []
        time = timeOf(text, historyFrom) ?? time
        return [{ time, text }]
      }),
    )
  }
  return logs
}

/** Up to `most` lines of one node around a stretch of the run, the nearest to its end. ns */
export function linesAround(
  lines: readonly LogLine[],
  { from, to }: { readonly from: number; readonly to: number },
  most: number,
): readonly LogLine[] {
  const near = lines.filter(({ time }) => time >= from - beforeNs && time <= to + afterNs)
  if (near.length <= most) return near
  const distance = ({ time }: LogLine): number => Math.abs(time - to)
  const chosen = new Set(near.toSorted((a, b) => distance(a) - distance(b)).slice(0, most))
  return near.filter((line) => chosen.has(line))
}

/** What led to an anomaly comes before it; what it led to, shortly after. */
const beforeNs = 3_000_000_000
const afterNs = 1_000_000_000

function timeOf(line: string, historyFrom: number): number | undefined {
  const text = /"time":"([^"]+)"/.exec(line)?.[1]
  const ms = text === undefined ? NaN : Date.parse(text)
  return Number.isNaN(ms) ? undefined : (ms - historyFrom) * 1e6
}
