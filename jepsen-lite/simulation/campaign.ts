import { reproduction } from './command-line.ts'
import type { Settings } from './command-line.ts'
import { Counts } from './counts.ts'
import { minSeedsForCoverage, unseenMarks } from './coverage.ts'
import { exitCodes } from '../exit-code.ts'
import type { BatchResult } from './pool.ts'
import { runSeeds } from './pool.ts'
import type { SeedResult } from './run-seed.ts'
import { shrink } from './shrink.ts'

/** Failing seeds that are made smaller; of the others the number is told. */
const maxShrunk = 3

/** What a campaign has shown so far. */
class Tally {
  readonly counts = new Counts()
  readonly failed: SeedResult[] = []
  readonly unequal: number[] = []
  done = 0
  events = 0
  virtualMs = 0
  cpuMs = 0
  /** The same for seeds that start with five members: the figure that is compared. */
  fiveVirtualMs = 0
  committed = 0

  add({ results, unequal, marks, cpuMs }: BatchResult): void {
    for (const result of results) {
      this.done++
      this.events += result.events
      this.virtualMs += result.virtualMs
      this.committed += result.committed
      this.counts.addAll(result.counts)
      if (result.failure !== null) this.failed.push(result)
    }
    this.counts.addAll(marks)
    this.unequal.push(...unequal)
    this.cpuMs += cpuMs
  }

  get perCpuSecond(): number {
    return this.virtualMs / Math.max(1, this.cpuMs)
  }
}

/** Runs many seeds; returns the exit code. */
export async function runCampaign(settings: Settings): Promise<number> {
  const { seeds, seed, workers, overrides, asJson } = settings
  const say = (line: string): void => console.error(line)
  const tally = new Tally()
  const started = process.hrtime.bigint()
  let told = 0
  await runSeeds(list(seed, seeds), overrides, workers, (batch) => {
    tally.add(batch)
    if (tally.done - told >= Math.max(50, seeds / 20)) {
      told = tally.done
      say(`${tally.done} of ${seeds} seeds, ${tally.failed.length} failed`)
    }
    return true
  })
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  const unseen = seeds >= minSeedsForCoverage ? unseenMarks(tally.counts.toJSON()) : []
  const isProof = unseen.length === 0 && tally.unequal.length === 0
  const code =
    tally.failed.length > 0 ? exitCodes.invalid : isProof ? exitCodes.valid : exitCodes.unknown
  const failures = tally.failed.sort((a, b) => a.seed - b.seed)
  const shown = failures.map((result, i) => describeFailure(result, settings, i < maxShrunk))
  if (asJson) console.log(JSON.stringify(report(tally, seconds, unseen, shown, settings)))
  else for (const line of summary(tally, seconds, unseen, shown, settings)) console.log(line)
  return code
}

interface ShownFailure {
  readonly seed: number
  readonly invariant: string
  readonly message: string
  readonly reproduce: string
  /** After shrinking: how many fault events are left, and the command that shows only those. */
  readonly faultsLeft: number | null
  readonly reproduceSmall: string | null
}

function describeFailure(
  result: SeedResult,
  { overrides }: Settings,
  shrinks: boolean,
): ShownFailure {
  const { seed, failure } = result
  const small = shrinks ? shrink(seed, overrides, result) : null
  return {
    seed,
    invariant: failure?.name ?? '',
    message: failure?.message ?? '',
    reproduce: reproduction(seed, overrides),
    faultsLeft: small?.faults ?? null,
    reproduceSmall: small === null ? null : reproduction(seed, small.overrides),
  }
}

function list(first: number, length: number): number[] {
  return Array.from({ length }, (_, i) => first + i)
}

function report(
  tally: Tally,
  seconds: number,
  unseen: readonly string[],
  failures: readonly ShownFailure[],
  { seed, seeds }: Settings,
): object {
  return {
    firstSeed: seed,
    seeds,
    failures,
    unequalSeeds: tally.unequal,
    unseenMarks: unseen,
    seconds,
    cpuSeconds: tally.cpuMs / 1_000,
    virtualSeconds: tally.virtualMs / 1_000,
    virtualSecondsPerCpuSecond: tally.perCpuSecond,
    events: tally.events,
    committedEntries: tally.committed,
    marks: tally.counts,
  }
}

function summary(
  tally: Tally,
  seconds: number,
  unseen: readonly string[],
  failures: readonly ShownFailure[],
  { seed, seeds }: Settings,
): string[] {
  const lines = Object.entries(tally.counts.toJSON())
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([mark, n]) => `${String(n).padStart(10)}  ${mark}`)
  const virtual = Math.round(tally.virtualMs / 1_000)
  const cpu = tally.cpuMs / 1_000
  lines.push(
    `${seeds} seeds from ${seed} in ${seconds.toFixed(1)} s: ${tally.events} events, ${tally.committed} entries committed`,
    `${virtual} virtual s in ${cpu.toFixed(1)} CPU s: ${tally.perCpuSecond.toFixed(0)} virtual seconds per CPU second`,
  )
  for (const one of failures) {
    lines.push(`FAILED seed ${one.seed}: ${one.message}`, `  ${one.reproduce}`)
    if (one.reproduceSmall !== null) {
      lines.push(`  with ${one.faultsLeft} fault events: ${one.reproduceSmall}`)
    }
  }
  for (const mark of unseen) lines.push(`NEVER SEEN ${mark}`)
  for (const one of tally.unequal) lines.push(`NOT REPEATABLE seed ${one}`)
  lines.push(failures.length === 0 ? 'no invariant failed' : `${failures.length} seeds failed`)
  return lines
}
