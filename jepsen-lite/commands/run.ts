import { resolve } from 'node:path'
import type { CommandModule } from 'yargs'
import { worst } from '../checker/verdict.ts'
import type { Result } from '../checker/verdict.ts'
import { CouldNotRun } from '../could-not-run.ts'
import { exitCodeOf, exitCodes } from '../exit-code.ts'
import { judgementText } from '../judgement-text.ts'
import { nemeses } from '../nemesis/registry.ts'
import { Prng } from '../prng.ts'
import { runOne } from '../run.ts'
import { createRunFolder } from '../store.ts'
import { workloads } from '../workload/registry.ts'
import { LocalWorld } from '../world/local.ts'
import { writeReport } from '../write-report.ts'
import { shortRuns } from './short-runs.ts'

interface RunArguments {
  readonly 'all-short': boolean
  readonly nodes: number
  readonly partitions: number
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
  readonly server: string | undefined
  readonly json: boolean
}

export const runCommand: CommandModule<object, RunArguments> = {
  command: 'run',
  describe: 'start a cluster on this machine, break it while clients work, and judge what they saw',
  builder: (y) =>
    y
      .option('all-short', {
        type: 'boolean',
        default: false,
        describe: 'a fixed set of short runs instead of one; the worst verdict counts',
      })
      .option('nodes', { type: 'number', default: 5, describe: 'servers' })
      .option('partitions', {
        type: 'number',
        default: 16,
        describe: 'of the cluster; a power of two',
      })
      .option('workload', {
        type: 'string',
        default: 'publish',
        choices: workloads.map(({ name }) => name),
      })
      .option('nemesis', {
        type: 'string',
        default: 'partition,kill,pause',
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
        describe: 'operations per second before the first fault; below, the run proves nothing',
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
      .option('server', {
        type: 'string',
        describe: 'program of the server; missing: the one built beside this',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'the summary as JSON; progress goes to stderr',
      }) as never,
  handler: async (argv) => {
    const runs = argv['all-short'] ? shortRuns.map((short) => ({ ...argv, ...short })) : [argv]
    const done: Done[] = []
    for (const one of runs) {
      if (argv['all-short']) console.error(`\n${one.workload} with ${one.nemesis}, ${one.time} s`)
      done.push(await run(one))
    }
    const result = worst(done.map((one) => one.result))
    console.log(argv.json ? jsonOf(done, argv['all-short']) : textOf(done, result))
    process.exitCode = exitCodeOf(result)
  },
}

interface Done {
  readonly name: string
  readonly result: Result
  readonly text: string
  readonly json: object
}

function jsonOf(done: readonly Done[], many: boolean): string {
  return JSON.stringify(many ? done.map(({ json }) => json) : done[0]?.json, null, 2)
}

/** Every run, and for several a line each at the end. */
function textOf(done: readonly Done[], result: Result): string {
  const texts = done.map(({ text }) => text)
  if (done.length === 1) return texts.join('')
  const width = Math.max(...done.map(({ name }) => name.length))
  const rows = done.map(({ name, result: own }) => `${name.padEnd(width)}  ${own}`)
  return [...texts, rows.join('\n'), `all: ${result}`].join('\n\n')
}

async function run(argv: RunArguments): Promise<Done> {
  const workload = workloads.find(({ name }) => name === argv.workload)
  if (!workload) throw new CouldNotRun(`there is no workload ${argv.workload}`)
  const chosen = nemesesNamed(argv.nemesis)
  const startedAt = new Date()
  const name = [workload.name, ...chosen.map((nemesis) => nemesis.name)].join('+')
  const folder = createRunFolder(resolve(argv.store), name, startedAt)
  const prng = new Prng(argv.seed)
  const { nodes, partitions, server, seed, rate, lanes, topics } = argv
  const world = new LocalWorld({
    nodes,
    partitions,
    folder,
    prng: prng.split('world'),
    ...(server !== undefined && { program: resolve(server) }),
  })
  const release = stopOnSignal(world)
  const summary = await runOne({
    name,
    seed,
    startedAt,
    folder,
    world,
    workload,
    nemeses: chosen,
    prng,
    seconds: argv.time,
    afterHealMs: 5_000,
    rate,
    lanes,
    topics,
    minThroughput: argv['min-throughput'],
    minAvailability: argv['min-availability'],
    config: {
      nodes,
      partitions,
      workload: workload.name,
      nemesis: argv.nemesis,
      time: argv.time,
      rate,
      lanes,
      topics,
    },
    progress: (line) => console.error(line),
  }).finally(release)
  const { path } = await writeReport(folder.path)
  const again = `--seed ${seed} --nodes ${nodes} --workload ${workload.name} --nemesis ${argv.nemesis} --time ${argv.time} --rate ${rate}`
  return {
    name,
    result: summary.judgement.result,
    text: `${judgementText(summary.judgement)}\nreport: ${path}\nagain: jepsen-lite run ${again}`,
    json: { folder: folder.path, report: path, ...summary },
  }
}

/** No server is left behind when the harness is told to go. Returns what takes the handlers away again. */
function stopOnSignal(world: LocalWorld): () => void {
  const stop = (): void =>
    void world.stop().finally(() => {
      process.exit(exitCodes.couldNotRun)
    })
  for (const signal of signals) process.once(signal, stop)
  return () => {
    for (const signal of signals) process.off(signal, stop)
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const

function nemesesNamed(list: string): typeof nemeses {
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
