import { endTime } from '../operations.ts'
import type { History, Operation, Outcome } from '../operations.ts'

/** What clients experienced, second by second. */
export interface Second {
  readonly at: number
  readonly ok: number
  readonly fail: number
  readonly info: number
  /** Latency of ok operations in ms; missing when there was none. */
  readonly quantiles: Quantiles | undefined
}

export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export interface LatencyPoint {
  /** Seconds since the start, at the completion. */
  readonly at: number
  readonly ms: number
  readonly outcome: Outcome
}

/** Attaching and final reads are the harness's own business, and facts have no latency. */
const notClientWork: ReadonlySet<string> = new Set(['attach', 'read-all'])

export function clientOperations(history: History): Operation[] {
  return history.operations.filter(
    ({ invoke, complete }) => complete && !notClientWork.has(invoke.f),
  )
}

/** One row per second from 0 to the end, also for seconds in which nothing ended. */
export function perSecond(history: History): Second[] {
  const rows = Array.from({ length: Math.floor(history.end / 1e9) + 1 }, () => ({
    ok: 0,
    fail: 0,
    info: 0,
    latencies: [] as number[],
  }))
  for (const operation of clientOperations(history)) {
    const point = latencyPoint(operation)
    const row = rows[Math.floor(point.at)]
    if (!row) continue
    row[point.outcome]++
    if (point.outcome === 'ok') row.latencies.push(point.ms)
  }
  return rows.map(({ latencies, ...counts }, at) => ({
    at,
    ...counts,
    quantiles: quantiles(latencies),
  }))
}

/**
 * At most about `max` points: all of the rare outcomes, and every k-th ok operation, but those far
 * above the median of their second always, because they are what the reader looks for.
 */
export function latencyPoints(
  history: History,
  seconds: readonly Second[],
  max: number,
): LatencyPoint[] {
  const all = clientOperations(history).map(latencyPoint)
  const ok = all.filter((point) => point.outcome === 'ok')
  const bad = all.filter((point) => point.outcome !== 'ok')
  const every = (list: LatencyPoint[], room: number): LatencyPoint[] => {
    const step = Math.max(1, Math.ceil(list.length / room))
    return list.filter((_, i) => i % step === 0)
  }
  const slow = (point: LatencyPoint): boolean =>
    point.ms > (seconds[Math.floor(point.at)]?.quantiles?.p99 ?? Infinity)
  return [
    ...every(
      ok.filter((point) => !slow(point)),
      max / 2,
    ),
    ...every(ok.filter(slow), max / 4),
    ...every(bad, max / 4),
  ]
}

export function quantiles(values: readonly number[]): Quantiles | undefined {
  if (values.length === 0) return undefined
  const sorted = Float64Array.from(values).sort()
  const at = (q: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

function latencyPoint(operation: Operation): LatencyPoint {
  const { invoke, outcome } = operation
  const end = endTime(operation)
  return { at: end / 1e9, ms: (end - invoke.time) / 1e6, outcome }
}
