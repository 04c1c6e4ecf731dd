import { defaultCheckOptions } from './checker/checker.ts'
import { checkers } from './checker/registry.ts'
import { runCheckers } from './checker/run-checkers.ts'
import type { Judgement } from './checker/run-checkers.ts'
import { asCouldNotRun } from './check-history.ts'
import { HistoryWriter } from './history.ts'
import type { Nemesis } from './nemesis/nemesis.ts'
import { Schedule } from './nemesis/schedule.ts'
import { History, isFact } from './operations.ts'
import type { Prng } from './prng.ts'
import type { RunSummary } from './report/run-summary.ts'
import { sleep } from './sleep.ts'
import { writeJson } from './store.ts'
import type { RunFolder } from './store.ts'
import { Load } from './workload/load.ts'
import type { Prepared, Workload } from './workload/workload.ts'
import { allReady } from './world/all-ready.ts'
import type { World } from './world/world.ts'

export interface RunOptions {
  readonly name: string
  readonly seed: string
  readonly startedAt: Date
  readonly folder: RunFolder
  readonly world: World
  readonly workload: Workload
  readonly nemeses: readonly Nemesis[]
  /** Faults that were asked for and that this machine lacks a tool for, and which. */
  readonly skipped?: readonly { readonly name: string; readonly why: string }[]
  readonly prng: Prng
  readonly seconds: number
  /** Clients go on so long after the last heal: whatever does not come back shows as a dead key. */
  readonly afterHealMs: number
  readonly rate: number
  readonly lanes: number
  readonly topics: number
  readonly minThroughput: number
  readonly minAvailability: number
  readonly config: Readonly<Record<string, unknown>>
  /** Missing: as the length of the run suggests. */
  readonly pace?: Pace
  /** A line for whoever watches. */
  readonly progress: (line: string) => void
}

/** Ranges from which the length of each fault and of the rest after it are drawn, ms. */
export interface Pace {
  readonly quietMs: number
  readonly faultMs: readonly [number, number]
  readonly restMs: readonly [number, number]
}

const callDeadlineMs = 5_000
const observeMs = 500
const finishDeadlineMs = 60_000
const readyDeadlineMs = 60_000

/**
 * One run from an empty folder to a verdict: a quiet start, faults, heal, calm, final reads,
 * judgement. The world is stopped whatever happens. Rejects with CouldNotRun.
 */
export async function runOne(options: RunOptions): Promise<RunSummary> {
  const { world, folder, progress } = options
  try {
    progress('starting the cluster')
    await world.start()
    const historyFrom = Date.now()
    const history = new HistoryWriter({ path: folder.history })
    await drive(options, history)
    await history.close()
    const judgement = judge(new History(history.ops), options)
    const summary = summaryOf(options, judgement, historyFrom)
    writeJson(folder.summary, summary)
    return summary
  } finally {
    await world.stop()
  }
}

async function drive(options: RunOptions, history: HistoryWriter): Promise<void> {
  const { world, workload, prng, seconds, rate, lanes, topics, progress } = options
  const load = loadOf(options)
  const { able, skipped } = applicable(options, load)
  progress('making accounts and topics')
  const clients = await workload.prepare({
    world,
    history,
    prng: prng.split('workload'),
    rate,
    lanes,
    load,
    topics,
    callDeadlineMs,
  })
  const schedule = new Schedule({
    world,
    nemeses: able,
    history,
    load,
    prng: prng.split('nemesis'),
    ...(options.pace ?? usualPace(seconds)),
    stepMs: 2_500,
  })
  for (const { name, why } of skipped)
    history.record({ process: 'nemesis', type: 'info', f: 'skip', key: name, value: { why } })
  const until = performance.now() + seconds * 1000
  const watching = new AbortController()
  const watch = observe(world, history, watching.signal)
  const report = reportProgress(options, { history, schedule, until }, watching.signal)
  try {
    await Promise.all([clients.run(until + options.afterHealMs), schedule.run(until)])
    await finish(options, clients)
  } finally {
    watching.abort()
  }
  await Promise.all([watch, report])
  for (const fact of await world.observe(true)) history.record(fact)
}

function loadOf({ rate, lanes, nemeses, workload: { withoutLoad } }: RunOptions): Load {
  const mayBurst = nemeses.some(({ load }) => load === 'burst' || load === 'any')
  return new Load({ rate, lanes, mayBurst, ...(withoutLoad && { without: withoutLoad }) })
}

interface Skipped {
  readonly name: string
  readonly why: string
}

/** What the workload cannot do is skipped, like what lacks a tool. */
function applicable(
  { nemeses, workload, skipped = [], progress }: RunOptions,
  clients: Load,
): { able: Nemesis[]; skipped: Skipped[] } {
  const lackOf = ({ load }: Nemesis): string | undefined =>
    load === undefined || load === 'any' ? undefined : clients.lacks(load)
  const here = nemeses.flatMap((nemesis) => {
    const lack = lackOf(nemesis)
    return lack === undefined
      ? []
      : [{ name: nemesis.name, why: `it means nothing to ${workload.name}: ${lack}` }]
  })
  for (const { name, why } of here) progress(`${name} is skipped: ${why}`)
  const able = nemeses.filter((nemesis) => lackOf(nemesis) === undefined)
  return { able, skipped: [...skipped, ...here] }
}

export function usualPace(seconds: number): Pace {
  return {
    // Long enough that a cold start does not weigh much in the throughput before the first fault.
    quietMs: Math.min(8_000, seconds * 250),
    faultMs: [3_000, 8_000],
    restMs: [2_000, 5_000],
  }
}

async function finish({ world, progress }: RunOptions, clients: Prepared): Promise<void> {
  progress('healed; waiting for all nodes')
  await allReady(world, performance.now() + readyDeadlineMs)
  progress('final reads')
  await clients.finish(finishDeadlineMs)
}

async function observe(world: World, history: HistoryWriter, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    for (const fact of await world.observe(false)) history.record(fact)
    await sleep(observeMs)
  }
}

interface Watched {
  readonly history: HistoryWriter
  readonly schedule: Schedule
  readonly until: number
}

async function reportProgress(
  { seconds, progress }: RunOptions,
  { history, schedule, until }: Watched,
  over: AbortSignal,
): Promise<void> {
  let from = 0
  while (!over.aborted) {
    await sleep(1000)
    const ops = history.ops.slice(from)
    from += ops.length
    const of = (type: string): number => ops.filter((op) => op.type === type && !isFact(op)).length
    const at = Math.round(seconds - (until - performance.now()) / 1000)
    const phase = at < seconds ? `fault: ${schedule.inForce}` : 'after the last heal'
    progress(`${at} s  ${of('ok')} ok/s, ${of('fail')} fail, ${of('info')} unknown  ${phase}`)
  }
}

function judge(
  history: History,
  { workload, minThroughput, minAvailability }: RunOptions,
): Judgement {
  const { mustSucceed } = workload
  const options = { ...defaultCheckOptions, minThroughput, minAvailability, mustSucceed }
  try {
    return runCheckers(checkers, history, options)
  } catch (error) {
    throw asCouldNotRun(error)
  }
}

function summaryOf(options: RunOptions, judgement: Judgement, historyFrom: number): RunSummary {
  const { name, seed, startedAt, world, config } = options
  return {
    name,
    seed,
    startedAt: startedAt.toISOString(),
    historyFrom,
    versions: world.versions,
    config,
    judgement,
  }
}
