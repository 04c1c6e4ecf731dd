import type { BenchSession } from './bench-session.ts'
import { Refused } from './bench-session.ts'
import type { BenchTarget } from './bench-target.ts'
import { BenchUsers } from './bench-users.ts'
import { Latencies, median, rounded } from './latencies.ts'
import { isClean, Ledger } from './ledger.ts'
import type { LedgerVerdict } from './ledger.ts'
import { NodeWatch } from './node-metrics.ts'
import { payload } from './payload.ts'
import { cpuSeconds } from './process-usage.ts'

export interface PublishSettings {
  readonly inflight: readonly number[]
  readonly topics: number
  readonly seconds: number
  readonly warmup: number
  readonly runs: number
  readonly size: number
}

export interface PublishRow {
  readonly inflight: number
  /** Acknowledged publishes a second: the median of the runs, as all figures. */
  readonly acksPerS: number | null
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly maxMs: number | null
  readonly serverCpuUs: number | null
  readonly clientCpuPercent: number | null
  readonly errors: number
  /**
   * Times that a node stood for election over all runs, by cause (NodeFigures): nothing is done to the
   * cluster, so the first is spurious; delays of the nodes' event loops, at worst.
   */
  readonly spuriousElections: number
  readonly lostLinkElections: number
  readonly transferElections: number
  readonly loopP99Ms: number | null
  readonly loopMaxMs: number | null
}

export interface PublishResult {
  readonly rows: readonly PublishRow[]
  readonly history: LedgerVerdict
  readonly clean: boolean
  readonly codes: Readonly<Record<string, number>>
}

/**
 * A closed loop: `inflight` publishes outstanding at any time, over one connection to each node (one in
 * flight: to the first node only). Afterwards history must hold each acknowledged one once, at its place.
 */
export async function benchPublish(
  target: BenchTarget,
  settings: PublishSettings,
  say: (line: string) => void,
): Promise<PublishResult> {
  const users = new BenchUsers(target.urls, 1_000)
  const sessions: BenchSession[] = []
  await users.connectMany(target.urls.length, (session, i) => void (sessions[i] = session))
  const topics: Posting[] = []
  for (let i = 0; i < settings.topics; i++) {
    const name = await users.newTopic(i)
    topics.push({ name, ledger: new Ledger(name) })
    await Promise.all(sessions.map((session) => session.attach(name)))
  }
  const load = new ClosedLoop(target, topics, settings.size)
  await load.run(sessions, 64, settings.warmup)
  const rows: PublishRow[] = []
  for (const inflight of settings.inflight) {
    const runs: PublishRow[] = []
    for (let run = 0; run < settings.runs; run++) {
      const used = inflight < sessions.length ? sessions.slice(0, inflight) : sessions
      const row = await load.run(used, inflight, settings.seconds)
      runs.push(row)
      say(
        `  ${inflight} in flight: ${row.acksPerS} acks/s, p50 ${row.p50Ms} ms, p99 ${row.p99Ms} ms`,
      )
    }
    rows.push(medianRow(runs))
  }
  say('  reading history…')
  const history = await checkAll(topics, users)
  for (const session of sessions) session.close()
  return { rows, history, clean: isClean(history), codes: load.codes }
}

interface Posting {
  readonly name: string
  readonly ledger: Ledger
}

class ClosedLoop {
  readonly codes: Record<string, number> = {}
  readonly #target: BenchTarget
  readonly #topics: readonly Posting[]
  readonly #size: number
  readonly #watch: NodeWatch
  #next = 0

  constructor(target: BenchTarget, topics: readonly Posting[], size: number) {
    this.#target = target
    this.#topics = topics
    this.#size = size
    this.#watch = new NodeWatch(target)
  }

  async run(
    sessions: readonly BenchSession[],
    inflight: number,
    seconds: number,
  ): Promise<PublishRow> {
    const latencies = new Latencies()
    const pids = this.#target.pids()
    await this.#watch.look()
    const began = { at: performance.now(), servers: cpuSeconds(pids), own: process.cpuUsage() }
    const end = began.at + seconds * 1000
    let errors = 0
    const worker = async (w: number) => {
      const session = sessions[w % sessions.length]!
      const topic = this.#topics[w % this.#topics.length]!
      while (performance.now() < end) {
        if (!(await this.#one(session, topic, latencies))) errors++
      }
    }
    await Promise.all(Array.from({ length: inflight }, (_, w) => worker(w)))
    const elapsed = (performance.now() - began.at) / 1000
    const own = process.cpuUsage(began.own)
    const servers = pids.length === 0 ? Number.NaN : cpuSeconds(pids) - began.servers
    const seen = await this.#watch.look()
    return {
      inflight,
      acksPerS: rounded(latencies.count / elapsed, 0),
      p50Ms: rounded(latencies.quantile(0.5)),
      p99Ms: rounded(latencies.quantile(0.99)),
      maxMs: rounded(latencies.max, 1),
      serverCpuUs: rounded((servers * 1e6) / latencies.count, 1),
      clientCpuPercent: rounded((own.user + own.system) / 1e4 / elapsed, 0),
      errors,
      spuriousElections: seen.byTimeout,
      lostLinkElections: seen.byLostLink,
      transferElections: seen.byTransfer,
      loopP99Ms: seen.loopP99Ms,
      loopMaxMs: seen.loopMaxMs,
    }
  }

  async #one(session: BenchSession, topic: Posting, latencies: Latencies): Promise<boolean> {
    const n = this.#next++
    const began = performance.now()
    topic.ledger.sent(n)
    try {
      const seq = await session.publish(topic.name, payload(n, this.#size))
      latencies.add(performance.now() - began)
      topic.ledger.acked(n, seq)
      return true
    } catch (error) {
      const code = error instanceof Refused ? error.code : String(error)
      this.codes[code] = (this.codes[code] ?? 0) + 1
      await new Promise((resolve) => setTimeout(resolve, 5)) // a refused load does not spin
      return false
    }
  }
}

async function checkAll(topics: readonly Posting[], users: BenchUsers): Promise<LedgerVerdict> {
  const sum = { acked: 0, lost: 0, dup: 0, misplaced: 0, unackedKept: 0 }
  for (const [i, { ledger }] of topics.entries()) {
    const verdict = await ledger.check(users, i)
    for (const key of Object.keys(sum) as (keyof LedgerVerdict)[]) sum[key] += verdict[key]
  }
  return sum
}

/** Figures whose sum counts, not their median. */
type Summed = 'errors' | 'spuriousElections' | 'lostLinkElections' | 'transferElections'

function medianRow(runs: readonly PublishRow[]): PublishRow {
  const of = (key: Exclude<keyof PublishRow, 'inflight' | Summed>, digits: number) =>
    rounded(median(runs.map((run) => run[key] ?? Number.NaN)), digits)
  const sum = (key: Summed) => runs.reduce((so, run) => so + run[key], 0)
  return {
    inflight: runs[0]!.inflight,
    acksPerS: of('acksPerS', 0),
    p50Ms: of('p50Ms', 2),
    p99Ms: of('p99Ms', 2),
    maxMs: of('maxMs', 1),
    serverCpuUs: of('serverCpuUs', 1),
    clientCpuPercent: of('clientCpuPercent', 0),
    errors: sum('errors'),
    spuriousElections: sum('spuriousElections'),
    lostLinkElections: sum('lostLinkElections'),
    transferElections: sum('transferElections'),
    loopP99Ms: of('loopP99Ms', 1),
    loopMaxMs: rounded(Math.max(...runs.map((run) => run.loopMaxMs ?? Number.NaN)), 1),
  }
}
