import { ClusterChange } from '../cluster/change-cluster.ts'
import { ownCluster } from './bench-target.ts'
import type { BenchTarget } from './bench-target.ts'
import { BenchUsers } from './bench-users.ts'
import { ChangeLoad } from './change-load.ts'
import type { LoadSettings, Seen } from './change-load.ts'
import { settled } from './failover.ts'
import { Joiner } from './joiner.ts'
import { rounded } from './latencies.ts'
import { isClean } from './ledger.ts'
import type { LedgerVerdict } from './ledger.ts'
import { NodeWatch } from './node-metrics.ts'
import type { Elections } from './node-metrics.ts'

export const changes = ['restart', 'join', 'drain'] as const
export type ChangeKind = (typeof changes)[number]

export interface ChangeSettings extends LoadSettings {
  readonly what: readonly ChangeKind[]
  /** Length of each quiet part. */
  readonly quietS: number
}

/** One part of the run, as clients saw it. */
export interface ChangeRow {
  readonly part: string
  readonly seconds: number | null
  readonly acks: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly maxMs: number | null
  /** From publish to delivery on another node. */
  readonly liveP99Ms: number | null
  readonly retried: number
  readonly failed: number
  /** Of the founders. Nothing here makes a leader fall silent, so those by timeout are spurious. */
  readonly elections: Elections
}

export interface ChangeResult {
  readonly rows: readonly ChangeRow[]
  readonly liveGaps: number
  readonly history: LedgerVerdict
  readonly codes: Readonly<Record<string, number>>
  readonly clean: boolean
}

const readyMs = 60_000
const lookMs = 200
/** What a change may take before the measurement gives it up. */
const changeMs = 180_000
/** Between the parts: what was under way belongs to the part that began it. */
const calmMs = 1_000

/** The cluster changes under load, between quiet parts of the same run; what clients saw of each. */
export async function benchChange(
  target: BenchTarget,
  settings: ChangeSettings,
  say: (line: string) => void,
): Promise<ChangeResult> {
  const users = new BenchUsers(target.urls, 100)
  const load = await ChangeLoad.start(target, users, settings)
  const rows: ChangeRow[] = []
  const codes: Record<string, number> = {}
  const run = new Changes(target)
  const watch = new NodeWatch(target)
  const measure = async (part: string, act: () => Promise<void>) => {
    await pause(calmMs)
    await watch.look()
    load.take()
    const began = performance.now()
    await act()
    const ms = performance.now() - began
    const seen = load.take()
    const row = rowOf(part, ms, seen, await watch.look(), codes)
    rows.push(row)
    say(
      `  ${part}: ${row.seconds} s, ${row.acks} acks, p50 ${row.p50Ms} ms, p99 ${row.p99Ms} ms, longest ${row.maxMs} ms, ${row.retried} retried, ${row.failed} failed`,
    )
  }
  const quiet = () => pause(settings.quietS * 1_000)
  try {
    await pause(2 * calmMs)
    await measure('quiet', quiet)
    for (const kind of settings.what) await measure(kind, () => run[kind]())
    await measure('quiet again', quiet)
    await load.stop()
    say('  reading history…')
    const history = { acked: 0, lost: 0, dup: 0, misplaced: 0, unackedKept: 0 }
    for (const { ledger } of load.lanes) {
      const verdict = await ledger.check(users, 1)
      for (const key of Object.keys(history) as (keyof LedgerVerdict)[])
        history[key] += verdict[key]
    }
    const failed = rows.reduce((sum, row) => sum + row.failed, 0)
    const clean = isClean(history) && load.gaps === 0 && failed === 0
    return { rows, liveGaps: load.gaps, history, codes, clean }
  } finally {
    load.close()
    await run.end()
  }
}

function rowOf(
  part: string,
  ms: number,
  seen: Seen,
  { byTimeout, byLostLink, byTransfer }: Elections,
  codes: Record<string, number>,
): ChangeRow {
  for (const [code, n] of Object.entries(seen.codes)) codes[code] = (codes[code] ?? 0) + n
  return {
    part,
    seconds: rounded(ms / 1_000, 1),
    acks: seen.acks.count,
    p50Ms: rounded(seen.acks.quantile(0.5), 1),
    p99Ms: rounded(seen.acks.quantile(0.99), 0),
    maxMs: rounded(seen.acks.max, 0),
    liveP99Ms: rounded(seen.lives.quantile(0.99), 0),
    retried: seen.retried,
    failed: seen.failed,
    elections: { byTimeout, byLostLink, byTransfer },
  }
}

/** What is done to the cluster. */
class Changes implements Record<ChangeKind, () => Promise<void>> {
  readonly #target: BenchTarget
  readonly #change: ClusterChange
  #joiner: Joiner | undefined

  constructor(target: BenchTarget) {
    this.#target = target
    const nodes = target.admins.map((admin, i) => ({ name: target.names[i] ?? null, admin }))
    this.#change = new ClusterChange(nodes, { progress: () => {} })
  }

  /** Every founder once: stopped politely, started, ready, and leading again what it should. */
  async restart(): Promise<void> {
    const cluster = ownCluster(this.#target)
    for (const node of cluster.nodes) {
      await cluster.stopNode(node)
      cluster.startNode(node)
      await node.ready(readyMs)
      await settled(this.#target)
    }
  }

  /** A new node, until it is active and nothing moves any more. */
  async join(): Promise<void> {
    const name = `n${this.#target.names.length + 1}`
    this.#joiner = await Joiner.start(this.#target, name)
    await this.#change.becomesActive((all) => all.find((node) => node.name === name))
    await this.#quietTable()
  }

  /** The first founder, until it holds nothing and nothing moves any more. */
  async drain(): Promise<void> {
    await this.#change.drainAndWait(this.#target.names[0]!)
    await this.#quietTable()
  }

  async end(): Promise<void> {
    await this.#joiner?.stop()
  }

  async #quietTable(): Promise<void> {
    const end = performance.now() + changeMs
    for (let calm = 0; calm < 5;) {
      const { moving } = await this.#change.report()
      calm = moving === 0 ? calm + 1 : 0
      if (performance.now() > end) throw new Error(`${moving} partitions still move`)
      await pause(lookMs)
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
