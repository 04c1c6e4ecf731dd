import { adminCall } from '../../node/admin-call.ts'
import type { BenchTarget } from './bench-target.ts'
import { rounded } from './latencies.ts'

/** Times that nodes stood for election, by what made them. */
export interface Elections {
  /** No leader was heard for an election timeout. Where nothing is done to a cluster, these are spurious. */
  readonly byTimeout: number
  /** The connection to the leader broke. */
  readonly byLostLink: number
  /** The leader handed over. */
  readonly byTransfer: number
}

/** What the nodes say of themselves, summed or at its worst, since the last look. */
export interface NodeFigures extends Elections {
  /** Largest 99th percentile and largest delay of an event loop, ms; null: not told. */
  readonly loopP99Ms: number | null
  readonly loopMaxMs: number | null
}

const timeoutMs = 5_000

const names = {
  byTimeout: 'flotilla_group_elections_by_timeout_total',
  byLostLink: 'flotilla_group_elections_by_lost_link_total',
  byTransfer: 'flotilla_group_elections_by_transfer_total',
} as const satisfies Record<keyof Elections, string>

/** Reads `/metrics` of every node that answers, again and again. A node that does not answer counts at the next look. */
export class NodeWatch {
  readonly #target: BenchTarget
  /** Address → what it said at the last look. */
  readonly #last = new Map<string, Elections>()

  constructor(target: BenchTarget) {
    this.#target = target
  }

  async look(): Promise<NodeFigures> {
    const sum = { byTimeout: 0, byLostLink: 0, byTransfer: 0 }
    let p99 = Number.NaN
    let max = Number.NaN
    for (const { address } of this.#target.admins) {
      const reply = await adminCall(address, { method: 'GET', path: '/metrics', timeoutMs }).catch(
        () => undefined,
      )
      if (typeof reply?.body !== 'string') continue
      const text = reply.body
      const now = electionsIn(text)
      const risen = rise(this.#last.get(address), now)
      this.#last.set(address, now)
      for (const key of causes) sum[key] += risen[key]
      p99 = largest(p99, valueIn(text, 'flotilla_nodejs_eventloop_lag_p99_seconds') * 1_000)
      max = largest(max, valueIn(text, 'flotilla_nodejs_eventloop_lag_max_seconds') * 1_000)
    }
    return { ...sum, loopP99Ms: rounded(p99, 1), loopMaxMs: rounded(max, 1) }
  }
}

const causes = Object.keys(names) as (keyof Elections)[]

export function electionsIn(text: string): Elections {
  const of = (key: keyof Elections) => valueIn(text, names[key]) || 0
  return { byTimeout: of('byTimeout'), byLostLink: of('byLostLink'), byTransfer: of('byTransfer') }
}

/** Counters begin anew with the process: where one has fallen, all of it is new. */
export function rise(before: Elections | undefined, now: Elections): Elections {
  if (before === undefined || causes.some((key) => now[key] < before[key])) return now
  return {
    byTimeout: now.byTimeout - before.byTimeout,
    byLostLink: now.byLostLink - before.byLostLink,
    byTransfer: now.byTransfer - before.byTransfer,
  }
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
