import { resolve } from 'node:path'
import type { CommandModule } from 'yargs'
import { worst } from '../checker/verdict.ts'
import type { Result } from '../checker/verdict.ts'
import { exitCodeOf } from '../exit-code.ts'
import { LocalWorld } from '../world/local.ts'
import { oneRun, runFlags } from './one-run.ts'
import type { Done, RunArguments } from './one-run.ts'
import { shortRuns } from './short-runs.ts'

interface LocalArguments extends RunArguments {
  readonly 'all-short': boolean
  readonly nodes: number
  readonly partitions: number
  readonly 'snapshot-every': number | undefined
  readonly server: string | undefined
}

export const runCommand: CommandModule<object, LocalArguments> = {
  command: 'run',
  describe: 'start a cluster on this machine, break it while clients work, and judge what they saw',
  builder: (y) =>
    runFlags(y, { nemesis: 'partition,kill,pause' })
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
      .option('snapshot-every', {
        type: 'number',
        describe:
          'L5: entries after which a log is cut; small: followers that lag get snapshots all the time',
      })
      .option('server', {
        type: 'string',
        describe: 'program of the server; missing: the one built beside this',
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

function run(argv: LocalArguments): Promise<Done> {
  const { nodes, partitions, server, 'snapshot-every': every } = argv
  return oneRun(argv, {
    config: { nodes, partitions, ...(every !== undefined && { 'snapshot-every': every }) },
    again: `run --nodes ${nodes} --partitions ${partitions}${every === undefined ? '' : ` --snapshot-every ${every}`}`,
    makeWorld: ({ folder, prng, uses }) =>
      new LocalWorld({
        nodes,
        partitions,
        folder,
        prng: prng.split('world'),
        uses,
        ...(server !== undefined && { program: resolve(server) }),
        ...(every !== undefined && {
          environment: { FLOTILLA_COMPACT_EVERY_ENTRIES: String(every) },
        }),
      }),
  })
}
