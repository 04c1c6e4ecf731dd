import { resolve } from 'node:path'
import type { Argv } from 'yargs'
import type { Result } from '../checker/verdict.ts'
import { CouldNotRun } from '../could-not-run.ts'
import { judgementText } from '../judgement-text.ts'
import type { Nemesis } from '../nemesis/nemesis.ts'
import { nemeses } from '../nemesis/registry.ts'
import { Prng } from '../prng.ts'
import { runOne } from '../run.ts'
import { createRunFolder } from '../store.ts'
import type { RunFolder } from '../store.ts'
import { workloads } from '../workload/registry.ts'
import type { Need, World } from '../world/world.ts'
import { writeReport } from '../write-report.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** What `run` and `attach` have in common. */
export interface RunArguments {
  readonly workload: string
  readonly nemesis: string
  readonly time: number
  readonly rate: number
  readonly lanes: number
  readonly topics: number
  readonly seed: string
  readonly 'min-throughput': number
  readonly 'min-availability': number
  readonly store: string
  readonly json: boolean
}

export function runFlags<T>(y: Argv<T>, defaults: { readonly nemesis: string }): Argv<T> {
  return y
    .option('workload', {
      type: 'string',
      default: 'publish',
      choices: workloads.map(({ name }) => name),
    })
    .option('nemesis', {
      type: 'string',
      default: defaults.nemesis,
      describe: 'names from `list`, with commas; none: no faults',
    })
    .option('time', { type: 'number', default: 60, describe: 'seconds with faults' })
    .option('rate', {
      type: 'number',
      default: 1_000,
      describe: 'operations per second wished for',
    })
    .option('lanes', {
      type: 'number',
      default: 20,
      describe: 'clients with one operation at a time',
    })
    .option('topics', { type: 'number', default: 6 })
    .option('seed', {
      type: 'string',
      default: String(Date.now() % 1_000_000),
      describe: 'the same seed draws the same faults',
    })
    .option('min-throughput', {
      type: 'number',
      default: 100,
      describe:
        'operations per second in the 3 s before the first fault; below, the run proves nothing',
    })
    .option('min-availability', {
      type: 'number',
      default: 0.5,
      describe: 'share of every 5 s in which operations must be ok while only a minority is hit',
    })
    .option('store', {
      type: 'string',
      default: 'jepsen-lite/store',
      describe: 'folder of all runs',
    })
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'the summary as JSON; progress goes to stderr',
    }) as never
}

export interface Done {
  readonly name: string
  readonly result: Result
  readonly text: string
  readonly json: object
}

export interface RunPlan {
  /** Of the world, for the report. */
  readonly config: Readonly<Record<string, unknown>>
  /** The command line that does this again, without what `RunArguments` says. */
  readonly again: string
  makeWorld(options: { folder: RunFolder; prng: Prng; uses: ReadonlySet<Need> }): World
}

/** Draws up the world, runs in it, and writes the page. Rejects with CouldNotRun. */
export async function oneRun(argv: RunArguments, plan: RunPlan): Promise<Done> {
  const workload = workloads.find(({ name }) => name === argv.workload)
  if (!workload) throw new CouldNotRun(`there is no workload ${argv.workload}`)
  const wanted = nemesesNamed(argv.nemesis)
  const startedAt = new Date()
  const name = [workload.name, ...wanted.map((nemesis) => nemesis.name)].join('+')
  const folder = createRunFolder(resolve(argv.store), name, startedAt)
  const prng = new Prng(argv.seed)
  const uses = new Set(wanted.flatMap(({ needs, wants = [] }) => [...needs, ...wants]))
  const world = plan.makeWorld({ folder, prng, uses })
  const { able, skipped } = sorted(wanted, world)
  for (const { name: fault, why } of skipped) console.error(`${fault} is skipped: ${why}`)
  const release = stopOnSignal(world)
  const { seed, time, rate, lanes, topics } = argv
  const summary = await runOne({
    name,
    seed,
    startedAt,
    folder,
    world,
    workload,
    prng,
    rate,
    lanes,
    topics,
    skipped,
    nemeses: able,
    seconds: time,
    afterHealMs: 5_000,
    minThroughput: argv['min-throughput'],
    minAvailability: argv['min-availability'],
    config: {
      ...plan.config,
      workload: workload.name,
      nemesis: argv.nemesis,
      time,
      rate,
      lanes,
      topics,
    },
    progress: (line) => console.error(line),
  }).finally(release)
  const { path } = await writeReport(folder.path)
  const again = `${plan.again} --seed ${seed} --workload ${workload.name} --nemesis ${argv.nemesis} --time ${time} --rate ${rate}`
  return {
    name,
    result: summary.judgement.result,
    text: `${judgementText(summary.judgement)}\nreport: ${path}\nagain: jepsen-lite ${again}`,
    json: { folder: folder.path, report: path, ...summary },
  }
}

/** What this kind of world can never do is refused before anything begins. What a missing tool prevents is skipped. */
function sorted(
  wanted: readonly Nemesis[],
  world: World,
): { able: Nemesis[]; skipped: { name: string; why: string }[] } {
  const able: Nemesis[] = []
  const skipped: { name: string; why: string }[] = []
  for (const nemesis of wanted) {
    const lacks = nemesis.needs.flatMap((need) => world.lacks(need) ?? [])
    const never = lacks.find(({ kind }) => kind === 'world')
    if (never) throw new CouldNotRun(`the fault ${nemesis.name} is not possible here: ${never.why}`)
    if (lacks[0]) skipped.push({ name: nemesis.name, why: lacks[0].why })
    else able.push(nemesis)
  }
  return { able, skipped }
}

function nemesesNamed(list: string): Nemesis[] {
  const names = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'none')
  return names.map((name) => {
    const found = nemeses.find((nemesis) => nemesis.name === name)
    if (!found) throw new CouldNotRun(`there is no nemesis ${name}; see \`list\``)
    return found
  })
}
