import { adminCall } from '../../node/admin-call.ts'
import type { BenchTarget } from './bench-target.ts'
import { rounded } from './latencies.ts'

/** What the nodes say of themselves, summed or at its worst. */
export interface NodeFigures {
  /** Times that a node stood for election, since it started. */
  readonly elections: number
  /** Largest 99th percentile and largest delay of an event loop since the last look, ms; null: not told. */
  readonly loopP99Ms: number | null
  readonly loopMaxMs: number | null
}

const timeoutMs = 5_000

/** Reads `/metrics` of every node that answers. Reading begins a new period of the delays. */
export async function readFigures(target: BenchTarget): Promise<NodeFigures> {
  let elections = 0
  let p99 = Number.NaN
  let max = Number.NaN
  for (const { address } of target.admins) {
    const reply = await adminCall(address, { method: 'GET', path: '/metrics', timeoutMs }).catch(
      () => undefined,
    )
    const text = typeof reply?.body === 'string' ? reply.body : ''
    const value = (name: string) => valueIn(text, name)
    elections += value('flotilla_group_elections_total') || 0
    p99 = largest(p99, value('flotilla_nodejs_eventloop_lag_p99_seconds') * 1_000)
    max = largest(max, value('flotilla_nodejs_eventloop_lag_max_seconds') * 1_000)
  }
  return { elections, loopP99Ms: rounded(p99, 1), loopMaxMs: rounded(max, 1) }
}

/** The value of a metric in Prometheus' text; NaN: it is not there. */
export function valueIn(text: string, name: string): number {
  const line = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)
  return line === null ? Number.NaN : Number(line[1])
}

function largest(a: number, b: number): number {
  if (Number.isNaN(a)) return b
  return Number.isNaN(b) ? a : Math.max(a, b)
}
