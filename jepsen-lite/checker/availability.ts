import { endTime } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { throughputBeforeFaults } from './coverage.ts'
import { faultBands } from './fault-bands.ts'
import { isLarge, keyGaps } from './key-gaps.ts'
import { Findings } from './verdict.ts'

/**
 * A window is cut into slices; its share is that of the slices with at least one ok among those in
 * which anybody wanted anything. Counting operations would count mostly the impatience of clients
 * that are cut off and fail fast. Windows in which more than a minority was hit are exempt; those of faults
 * that hit clients alone are not. That is the cluster as a whole. A single key, for one dead partition
 * among many does not show there, must not go unserved for long. A run that was below its floor of throughput before any
 * fault proves nothing here.
 */
export const availability: Checker = {
  name: 'availability',
  says: 'L6: while a majority is healthy, operations succeed most of the time, and no key is without service for long.',
  check(history, options) {
    const findings = new Findings('availability')
    const windows = availabilityWindows(history, options)
    const judged = windows.filter((window) => !window.exempt && window.share !== undefined)
    findings.count('windows', judged.length)
    findings.count('longest-gap-ms', Math.round(longestGap(history) / 1e6))
    const lowest = Math.min(1, ...judged.map((window) => window.share ?? 1))
    findings.count('lowest-percent', Math.round(lowest * 100))
    const gaps = keyGaps(history, options.availabilityWindow, isCounted).filter(
      ({ ops }) => ops.length >= fewestRefusals,
    )
    const longest = Math.max(0, ...gaps.map(({ from, to }) => to - from))
    findings.count('longest-key-gap-ms', Math.round(longest / 1e6))
    countOutcomes(history, findings)
    if (options.minAvailability === 0) return findings.verdict()
    // A machine that is too slow for the load is no proof against the server.
    if (throughputBeforeFaults(history) < options.minThroughput) {
      if (lowest < options.minAvailability || longest > options.maxKeyGap)
        findings.doubt('too slow to judge before any fault')
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
    for (const { key, from, to, ops } of gaps)
      if (to - from > options.maxKeyGap)
        findings.anomaly({
          kind: 'key-unavailable',
          invariant: 'L6',
          key,
          says: `between ${seconds(from)} and ${seconds(to)} none of ${ops.length} operations on ${key} was ok at nodes that no fault had hit`,
          ops,
        })
    return findings.verdict()
  },
}

/** Not what a client waits for: attaching, final reads and changes of members are the harness's own business. */
const notCounted: ReadonlySet<string> = new Set([
  'attach',
  'read-all',
  'join',
  'drain',
  'activate',
  'remove',
  'settle',
])
/** One or two that were not served may have gone to a node that had just died. */
const fewestRefusals = 5

export function isCounted({ invoke }: Operation): boolean {
  return !notCounted.has(invoke.f)
}

/** How operations ended under each fault: whoever has too much must refuse, not fall silent. */
function countOutcomes(history: History, findings: Findings): void {
  for (const { name, from, to } of history.derived(faultBands)) {
    for (const operation of history.operations) {
      const end = endTime(operation)
      if (end >= from && end < to) findings.count(`${name} ${operation.outcome}`)
    }
  }
}

interface Window {
  readonly from: number
  readonly to: number
  /** Missing: nobody wanted anything. */
  readonly share: number | undefined
  readonly exempt: boolean
  readonly ops: readonly number[]
}

function availabilityWindows(history: History, options: CheckOptions): Window[] {
  const operations = history.operations.filter(isCounted)
  const start = operations[0]?.invoke.time ?? 0
  const last = operations.at(-1)
  const end = last ? endTime(last) : start
  const length = options.availabilityWindow
  const slices = sliced(operations, start, length / slicesPerWindow)
  const bands = history.derived(faultBands).filter(isLarge)
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
    .filter((operation) => operation.outcome === 'ok' && isCounted(operation))
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
