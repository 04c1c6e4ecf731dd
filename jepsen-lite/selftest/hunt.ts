import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Anomaly, Verdict } from '../checker/verdict.ts'
import { CouldNotRun } from '../could-not-run.ts'
import { nemeses } from '../nemesis/registry.ts'
import { Prng } from '../prng.ts'
import type { RunSummary } from '../report/run-summary.ts'
import { runOne } from '../run.ts'
import { createRunFolder } from '../store.ts'
import { workloads } from '../workload/registry.ts'
import { LocalWorld } from '../world/local.ts'
import type { Case } from './cases.ts'
import { ownNemeses } from './own-nemeses.ts'

export interface HuntOptions {
  /** Folder of all runs. */
  readonly store: string
  readonly server: string | undefined
  readonly progress: (line: string) => void
  /** Told of each world, so that a signal can end it. */
  readonly running: (world: LocalWorld) => () => void
}

/** What one run of a case found. */
export interface Found {
  /** Checkers that said invalid. */
  readonly invalid: readonly string[]
  /** The first anomaly of a checker that was to find one; of any other when there is none. */
  readonly anomaly: Anomaly | undefined
  readonly folder: string
}

/** Small, so that a start is quick and a disk is not filled by a night of runs. */
const smallNodes = { FLOTILLA_LOG_SEGMENT_BYTES: String(2 * 1024 * 1024) }
const quietMs = 1_500

/** Runs a case once, with its bug planted or, for comparison, without. */
export async function runCase(
  one: Case,
  { seed, isPlanted }: { readonly seed: string; readonly isPlanted: boolean },
  { store, server, progress, running }: HuntOptions,
): Promise<Found> {
  const startedAt = new Date()
  const name = `selftest-${one.bug}${isPlanted ? '' : '-control'}`
  const folder = createRunFolder(store, name, startedAt)
  const prng = new Prng(seed)
  const { nodes, partitions, faultMs, restMs } = one
  const all = [...nemeses, ...ownNemeses(folder.nodes)]
  const chosen = one.nemeses.map((nemesis) => named(all, nemesis))
  const uses = new Set(chosen.flatMap(({ needs, wants = [] }) => [...needs, ...wants]))
  const environment = {
    ...smallNodes,
    ...one.environment,
    ...(isPlanted && { FLOTILLA_FAULTS: `plant:${one.bug}` }),
  }
  const world = new LocalWorld({
    nodes,
    partitions,
    folder,
    uses,
    environment,
    prng: prng.split('world'),
    ...(server !== undefined && { program: server }),
  })
  const lack = [...uses].flatMap((need) => world.lacks(need) ?? [])[0]
  if (lack) throw new CouldNotRun(`${one.bug} cannot be hunted here: ${lack.why}`)
  const over = running(world)
  const summary = await runOne({
    ...one,
    workload: named(workloads, one.workload),
    nemeses: chosen,
    pace: { quietMs, faultMs, restMs },
    name,
    seed,
    startedAt,
    folder,
    world,
    prng,
    minThroughput: 0,
    minAvailability: 0,
    config: { ...one },
    progress,
  }).finally(over)
  // What the nodes stored, and the shim's notes of it, are a gigabyte after some hunts.
  for (const bulk of [folder.nodes, join(folder.path, 'notes')])
    rmSync(bulk, { recursive: true, force: true })
  return foundIn(summary, one, folder.path)
}

/** Availability and liveness depend on how fast this machine is; they neither catch nor acquit. */
const paceCheckers = ['availability', 'served', 'liveness', 'coverage']

function foundIn({ judgement }: RunSummary, one: Case, folder: string): Found {
  const invalid = judgement.verdicts.filter(
    ({ checker, result }) => result === 'invalid' && !paceCheckers.includes(checker),
  )
  const expected = ({ checker }: Verdict): boolean => one.catchers.includes(checker)
  const shown = invalid.find(expected) ?? invalid[0]
  return { invalid: invalid.map(({ checker }) => checker), anomaly: shown?.anomalies[0], folder }
}

function named<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const found = list.find((item) => item.name === name)
  if (!found) throw new CouldNotRun(`a case of the selftest names ${name}, which does not exist`)
  return found
}
