import type { History, Operation } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { throughputBeforeFaults } from './coverage.ts'
import { faultBands } from './fault-bands.ts'
import { Findings } from './verdict.ts'

/**
 * A window is cut into slices; its share is that of the slices with at least one ok among those in
 * which anybody wanted anything. Counting operations would count mostly the impatience of clients
 * that are cut off and fail fast. Windows in which more than a minority was hit are exempt. A run that
 * was below its floor of throughput before any fault proves nothing here.
 */
export const availability: Checker = {
  name: 'availability',
  says: 'L6: while a majority is healthy, the share of time in which operations succeed stays above the floor.',
  check(history, options) {
    const findings = new Findings('availability')
    const windows = availabilityWindows(history, options)
    const judged = windows.filter((window) => !window.exempt && window.share !== undefined)
    findings.count('windows', judged.length)
    findings.count('longest-gap-ms', Math.round(longestGap(history) / 1e6))
    const lowest = Math.min(1, ...judged.map((window) => window.share ?? 1))
    findings.count('lowest-percent', Math.round(lowest * 100))
    if (options.minAvailability === 0) return findings.verdict()
    // A machine that is too slow for the load is no proof against the server.
    if (throughputBeforeFaults(history) < options.minThroughput) {
      if (lowest < options.minAvailability) findings.doubt('too slow to judge before any fault')
      return findings.verdict()
    }
    for (const { from, to, share = 1, ops } of judged)
      if (share < options.minAvailability)
        findings.anomaly({
          kind: 'unavailable',
          invariant: 'L6',
          says: `between ${seconds(from)} and ${seconds(to)} operations were ok only ${Math.round(share * 100)} % of the time`,
          ops,
        })
    return findings.verdict()
  },
}

/** What a client waits for; attaching and final reads are the harness's own business. */
const notCounted: ReadonlySet<string> = new Set(['attach', 'read-all'])

interface Window {
  readonly from: number
  readonly to: number
  /** Missing: nobody wanted anything. */
  readonly share: number | undefined
  readonly exempt: boolean
  readonly ops: readonly number[]
}

function availabilityWindows(history: History, options: CheckOptions): Window[] {
  const operations = history.operations.filter(({ invoke }) => !notCounted.has(invoke.f))
  const start = operations[0]?.invoke.time ?? 0
  const last = operations.at(-1)
  const end = last ? (last.complete?.time ?? last.invoke.time) : start
  const length = options.availabilityWindow
  const slices = sliced(operations, start, length / slicesPerWindow)
  const bands = history.derived(faultBands).filter((band) => band.scope !== 'minority')
  const windows: Window[] = []
  for (let i = 0; start + i * length < end; i++) {
    const [from, to] = [start + i * length, start + (i + 1) * length]
    const own = Array.from({ length: slicesPerWindow }, (_, k) =>
      slices.get(i * slicesPerWindow + k),
    )
    const wanted = own.filter((slice) => slice !== undefined)
    windows.push({
      from,
      to,
      share:
        wanted.length > 0 ? wanted.filter((slice) => slice.ok).length / wanted.length : undefined,
      // One window of grace behind a large fault: clients need time to find their way back.
      exempt: bands.some((band) => band.from < to && band.to + length > from),
      ops: wanted.flatMap((slice) => slice.ops),
    })
  }
  return windows
}

const slicesPerWindow = 5
/** Operations named per slice. */
const maxOpsPerSlice = 4

interface Slice {
  ok: boolean
  /** Operations that ended otherwise. */
  readonly ops: number[]
}

/** Only the slices in which an operation was open or ended. */
function sliced(
  operations: readonly Operation[],
  start: number,
  length: number,
): ReadonlyMap<number, Slice> {
  const slices = new Map<number, Slice>()
  const at = (time: number): Slice => {
    const i = Math.floor((time - start) / length)
    let slice = slices.get(i)
    if (!slice) slices.set(i, (slice = { ok: false, ops: [] }))
    return slice
  }
  for (const { invoke, complete, outcome } of operations) {
    if (!complete) continue
    const slice = at(complete.time)
    if (outcome === 'ok') slice.ok = true
    else if (slice.ops.length < maxOpsPerSlice) slice.ops.push(invoke.index)
    for (let time = invoke.time; time < complete.time; time += length) at(time)
  }
  return slices
}

/** The longest time in which no operation succeeded, ns. */
function longestGap(history: History): number {
  let [last, gap] = [history.operations[0]?.invoke.time ?? 0, 0]
  const times = history.operations
    .filter(({ invoke, outcome }) => outcome === 'ok' && !notCounted.has(invoke.f))
    .map(({ complete }) => complete?.time ?? 0)
    .sort((a, b) => a - b)
  for (const time of times) {
    gap = Math.max(gap, time - last)
    last = time
  }
  return gap
}

function seconds(time: number): string {
  return `${(time / 1e9).toFixed(1)} s`
}
