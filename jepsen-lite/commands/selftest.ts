import { resolve } from 'node:path'
import type { CommandModule } from 'yargs'
import { CouldNotRun } from '../could-not-run.ts'
import { exitCodes } from '../exit-code.ts'
import { hunt, isGood, rowOf, tableHead } from '../selftest/campaign.ts'
import type { Hunted } from '../selftest/campaign.ts'
import { cases } from '../selftest/cases.ts'
import { runCase } from '../selftest/hunt.ts'
import type { Found } from '../selftest/hunt.ts'
import { stopOnSignal } from './stop-on-signal.ts'

interface SelftestArguments {
  readonly only: string
  readonly seed: number
  readonly 'max-runs': number
  readonly 'max-seconds': number
  readonly store: string
  readonly server: string | undefined
  readonly json: boolean
}

export const selftestCommand: CommandModule<object, SelftestArguments> = {
  command: 'selftest',
  describe: 'plant bugs in the server, one after the other, and see that each is caught',
  builder: (y) =>
    y
      .option('only', {
        type: 'string',
        default: '',
        describe: 'bugs, with commas; all when empty',
      })
      .option('seed', { type: 'number', default: 1, describe: 'of the first run of each bug' })
      .option('max-runs', {
        type: 'number',
        default: 6,
        describe: 'a bug that survives so many has survived',
      })
      .option('max-seconds', { type: 'number', default: 240, describe: 'of one bug' })
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
        describe: 'the hunts as JSON; progress goes to stderr',
      }) as never,
  handler: async (argv) => {
    const options = {
      store: resolve(argv.store),
      server: argv.server === undefined ? undefined : resolve(argv.server),
      progress: () => undefined,
      running: stopOnSignal,
    }
    const bounds = { seed: argv.seed, maxRuns: argv['max-runs'], maxSeconds: argv['max-seconds'] }
    const say = (line: string): void => {
      if (!argv.json) console.log(line)
    }
    const hunts: Hunted[] = []
    say(tableHead)
    for (const one of chosen(argv.only)) {
      const hunted = await hunt(one, bounds, async (which, how) => {
        const found = await runCase(which, how, options)
        console.error(runLine(which.bug, how, found))
        return found
      })
      hunts.push(hunted)
      say(rowOf(hunted))
    }
    if (argv.json) console.log(JSON.stringify(hunts, null, 2))
    process.exitCode = hunts.every(isGood) ? exitCodes.valid : exitCodes.invalid
  },
}

function runLine(
  bug: string,
  { seed, isPlanted }: { readonly seed: string; readonly isPlanted: boolean },
  { invalid, folder }: Found,
): string {
  const what = isPlanted ? 'planted' : 'without it'
  return `${bug}, seed ${seed}, ${what}: ${invalid.join(', ') || 'nothing wrong'} (${folder})`
}

function chosen(only: string): typeof cases {
  const bugs = only
    .split(',')
    .map((bug) => bug.trim())
    .filter((bug) => bug !== '')
  const unknown = bugs.find((bug) => !cases.some((one) => one.bug === bug))
  if (unknown !== undefined)
    throw new CouldNotRun(
      `there is no case for ${unknown}; there are ${cases.map(({ bug }) => bug).join(', ')}`,
    )
  return bugs.length === 0 ? cases : cases.filter(({ bug }) => bugs.includes(bug))
}
