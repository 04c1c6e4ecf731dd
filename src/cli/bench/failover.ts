import { ownCluster } from './bench-target.ts'
import type { BenchTarget } from './bench-target.ts'
import { BenchUsers } from './bench-users.ts'
import { blowOf } from './blow.ts'
import type { Blow, BlowKind } from './blow.ts'
import { quantileOf, rounded } from './latencies.ts'
import { isClean } from './ledger.ts'
import type { LedgerVerdict } from './ledger.ts'
import { NodeWatch } from './node-metrics.ts'
import { Probe } from './probe.ts'
import type { Recovery } from './probe.ts'

export interface FailoverSettings {
  readonly how: BlowKind
  readonly trials: number
  readonly size: number
  /** Calm before each blow. */
  readonly settleMs: number
}

/** Of all trials, ms from the blow. */
export interface Spread {
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly maxMs: number | null
}

export interface FailoverResult {
  readonly how: BlowKind
  readonly trials: number
  /** To the first acknowledgement of a publish that was sent after it. */
  readonly ack: Spread
  /** To the first delivery of such a publish to a reader on another node. */
  readonly live: Spread
  /** Longest time without an acknowledgement around a blow, the largest of all trials. */
  readonly longestGapMs: number | null
  /** Live messages that were not the next one. */
  readonly liveGaps: number
  /** By timeout, in the calm before the blows, when nothing was wrong. */
  readonly spuriousElections: number
  readonly history: LedgerVerdict
  readonly codes: Readonly<Record<string, number>>
  readonly clean: boolean
}

const giveUpMs = 30_000
const readyMs = 60_000

/** A topic loses its owner, again and again; clients of the survivors publish to it and read it all the while. */
export async function benchFailover(
  target: BenchTarget,
  settings: FailoverSettings,
  say: (line: string) => void,
): Promise<FailoverResult> {
  const cluster = ownCluster(target)
  const blow = blowOf(settings.how, cluster, target.cuts)
  const users = new BenchUsers(target.urls, 1_000)
  const sum = { acked: 0, lost: 0, dup: 0, misplaced: 0, unackedKept: 0 }
  const codes: Record<string, number> = {}
  const trials: (Recovery & { gapMs: number })[] = []
  const watch = new NodeWatch(target)
  let liveGaps = 0
  let spuriousElections = 0
  for (let t = 0; t < settings.trials; t++) {
    const trial = await oneTrial({ target, users, blow, settings, codes, watch, t })
    const { recovery, gapMs, verdict, owner } = trial
    trials.push({ ...recovery, gapMs })
    liveGaps += trial.liveGaps
    spuriousElections += trial.spuriousElections
    for (const key of Object.keys(sum) as (keyof LedgerVerdict)[]) sum[key] += verdict[key]
    const flaws = isClean(verdict) ? '' : `, history ${JSON.stringify(verdict)}`
    say(
      `  trial ${t + 1}: ${settings.how} ${target.names[owner]}, first ack after ${recovery.ackMs.toFixed(0)} ms, live after ${recovery.liveMs.toFixed(0)} ms${flaws}`,
    )
  }
  const acks = trials.map((trial) => trial.ackMs)
  const lives = trials.map((trial) => trial.liveMs)
  return {
    how: settings.how,
    trials: settings.trials,
    ack: spreadOf(acks),
    live: spreadOf(lives),
    longestGapMs: rounded(Math.max(...trials.map((trial) => trial.gapMs)), 0),
    liveGaps,
    spuriousElections,
    history: sum,
    codes,
    clean: isClean(sum) && liveGaps === 0 && [...acks, ...lives].every(Number.isFinite),
  }
}

async function oneTrial(of: {
  target: BenchTarget
  users: BenchUsers
  blow: Blow
  settings: FailoverSettings
  codes: Record<string, number>
  watch: NodeWatch
  t: number
}): Promise<{
  recovery: Recovery
  gapMs: number
  liveGaps: number
  spuriousElections: number
  verdict: LedgerVerdict
  owner: number
}> {
  const { target, users, blow, settings, codes, watch } = of
  const cluster = ownCluster(target)
  const count = target.urls.length
  const topic = await users.newTopic(of.t)
  const owner = await ownerOf(target, topic)
  const victim = cluster.nodes[owner]!
  // Both live on: with three nodes or more, on different nodes.
  const publisher = await users.connect((owner + 1) % count)
  const reader = await users.connect((owner + Math.max(1, count - 1)) % count)
  await Promise.all([publisher.attach(topic), reader.attach(topic)])
  const probe = new Probe({ publisher, reader }, topic, settings.size, codes)
  await watch.look()
  await pause(settings.settleMs)
  const { byTimeout } = await watch.look()
  let recovery: Recovery
  let gapMs: number
  let verdict: LedgerVerdict
  try {
    const struckAt = performance.now()
    await blow.strike(victim)
    recovery = await probe.recovered(struckAt)
    gapMs = await probe.stop()
    verdict = await probe.ledger.check(users, (owner + 1) % count)
  } finally {
    blow.heal(victim)
  }
  publisher.close()
  reader.close()
  await Promise.all(cluster.nodes.map((node) => node.ready(readyMs)))
  await settled(target)
  return { recovery, gapMs, liveGaps: probe.gaps, spuriousElections: byTimeout, verdict, owner }
}

function spreadOf(times: readonly number[]): Spread {
  return {
    p50Ms: rounded(quantileOf(times, 0.5), 0),
    p99Ms: rounded(quantileOf(times, 0.99), 0),
    maxMs: rounded(Math.max(...times), 0),
  }
}

/** The node that leads the topic's partition, once every node that answers says the same. */
async function ownerOf(target: BenchTarget, topic: string): Promise<number> {
  const end = performance.now() + giveUpMs
  for (;;) {
    const found = await Promise.all(
      target.admins.map((admin) => admin.locate(topic).catch(() => undefined)),
    )
    const names = new Set(found.map((report) => report?.actual))
    const [name] = names
    const owner = target.names.findIndex((known) => known === name)
    if (names.size === 1 && owner >= 0) return owner
    if (performance.now() > end) throw new Error(`the nodes do not agree on who owns ${topic}`)
    await pause(50)
  }
}

/** Waits until leaderships have moved back to where they are wished; goes on without after a while. */
export async function settled(target: BenchTarget): Promise<void> {
  const end = performance.now() + 10_000
  while (performance.now() < end) {
    const ring = await target.admins[0]!.ring().catch(() => undefined)
    if (ring?.partitions.every((p) => p.actual === p.wished)) return
    await pause(100)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
