import type { History, Operation } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { faultBands } from './fault-bands.ts'
import { Findings } from './verdict.ts'

/**
 * In each window the share of answered operations that were ok; a window in which operations were
 * open and none was ok counts as 0. Windows in which more than a minority was hit are exempt.
 */
export const availability: Checker = {
  name: 'availability',
  says: 'L6: while a majority is healthy, the share of operations that succeed stays above the floor.',
  check(history, options) {
    const findings = new Findings('availability')
    const windows = availabilityWindows(history, options)
    const judged = windows.filter((window) => !window.exempt && window.share !== undefined)
    findings.count('windows', judged.length)
    findings.count('longest-gap-ms', Math.round(longestGap(history) / 1e6))
    const lowest = Math.min(1, ...judged.map((window) => window.share ?? 1))
    findings.count('lowest-percent', Math.round(lowest * 100))
    if (options.minAvailability === 0) return findings.verdict()
    for (const { from, to, share = 1, ops } of judged)
      if (share < options.minAvailability)
        findings.anomaly({
          kind: 'unavailable',
          invariant: 'L6',
          says: `between ${seconds(from)} and ${seconds(to)} only ${Math.round(share * 100)} % of the operations were ok`,
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
  const end = Math.max(start, ...lastTimes(operations))
  const length = options.availabilityWindow
  const windows: Window[] = []
  const bands = history.derived(faultBands).filter((band) => band.scope !== 'minority')
  const buckets = bucketed(operations, start, length)
  for (let i = 0; start + i * length < end; i++) {
    const [from, to] = [start + i * length, start + (i + 1) * length]
    const { ok, notOk, open, ops } = buckets.get(i) ?? { ok: 0, notOk: 0, open: 0, ops: [] }
    const all = ok + notOk
    windows.push({
      from,
      to,
      share: all > 0 ? ok / all : open > 0 ? 0 : undefined,
      // One window of grace behind a large fault: clients need time to find their way back.
      exempt: bands.some((band) => band.from < to && band.to + length > from),
      ops,
    })
  }
  return windows
}

interface Bucket {
  ok: number
  notOk: number
  open: number
  readonly ops: number[]
}

function bucketed(
  operations: readonly Operation[],
  start: number,
  length: number,
): ReadonlyMap<number, Bucket> {
  const buckets = new Map<number, Bucket>()
  const at = (time: number): Bucket => {
    const i = Math.floor((time - start) / length)
    let bucket = buckets.get(i)
    if (!bucket) buckets.set(i, (bucket = { ok: 0, notOk: 0, open: 0, ops: [] }))
    return bucket
  }
  for (const { invoke, complete, outcome } of operations) {
    if (!complete) continue
    const bucket = at(complete.time)
    if (outcome === 'ok') bucket.ok++
    else {
      bucket.notOk++
      if (bucket.ops.length < 16) bucket.ops.push(invoke.index)
    }
    for (let time = invoke.time; time < complete.time; time += length) at(time).open++
  }
  return buckets
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

function* lastTimes(operations: readonly Operation[]): Generator<number> {
  const last = operations.at(-1)
  if (last) yield last.complete?.time ?? last.invoke.time
}

function seconds(time: number): string {
  return `${(time / 1e9).toFixed(1)} s`
}
