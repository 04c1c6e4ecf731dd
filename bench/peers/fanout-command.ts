import type { CommandModule } from 'yargs'
import { rounded } from '../../src/cli/bench/latencies.ts'
import { CommandFailed } from '../../src/cli/exit-codes.ts'
import { printTable, say } from '../../src/cli/output.ts'
import { checked, commonFlags, count, systemsOf } from './arguments.ts'
import type { CommonArguments } from './arguments.ts'
import { rangeText, reference } from './comparison.ts'
import type { Compared } from './comparison.ts'
import { fanoutLoad } from './fanout-load.ts'
import type { FanoutFigures, FanoutLoad } from './fanout-load.ts'
import { finish } from './finish.ts'
import { withFresh } from './fresh-system.ts'
import { remarksOn } from './remarks.ts'
import { runRounds } from './rounds.ts'
import type { Sampled } from './rounds.ts'
import type { System } from './system.ts'

export interface FanoutSettings {
  readonly rounds: number
  readonly load: FanoutLoad
  readonly tmp: string | undefined
}

/** Every system once a round. */
export function measureFanout(
  systems: readonly System[],
  { rounds, load, tmp }: FanoutSettings,
  tell: (line: string) => void,
): Promise<Sampled<FanoutFigures>> {
  const measure = (system: System) =>
    withFresh(system, tmp, async (running) => {
      const figures = await fanoutLoad(running, load)
      tell(
        `  ${figures.deliveriesPerS.toFixed(0)} deliveries/s, p99 ${figures.p99Ms.toFixed(2)} ms`,
      )
      return [{ setting: load.subscribers, figures }]
    })
  return runRounds(systems, rounds, measure, tell)
}

export const fanoutCommand: CommandModule<
  object,
  CommonArguments & { subs: number; window: number }
> = {
  command: 'fanout',
  describe: 'deliveries a second of one room to many subscribers on all nodes',
  builder: (y) =>
    y.options({
      ...commonFlags,
      subs: count(1_000, 'subscribers'),
      window: count(8, 'messages not yet seen by all, at any time'),
    }) as never,
  handler: async (argv) => {
    const settings = {
      rounds: checked('rounds', argv.rounds),
      load: {
        subscribers: checked('subs', argv.subs),
        window: checked('window', argv.window),
        seconds: checked('seconds', argv.seconds),
        warmup: checked('warmup', argv.warmup),
        size: checked('size', argv.size),
      },
      tmp: argv.tmp,
    }
    const systems = systemsOf(argv.systems)
    const sampled = await measureFanout(systems, settings, say)
    finish(argv.json, { settings, systems, sampled, headline: 'deliveriesPerS', show })
    requireWhole(sampled)
  },
}

/** Flotilla promises order and completeness of deliveries; the others are only told about. */
function requireWhole({ samples }: Sampled<FanoutFigures>): void {
  const broken = samples.some(
    ({ system, figures }) => system === reference && (figures.disorder > 0 || figures.missing > 0),
  )
  if (broken) throw new CommandFailed('violated', 'a promise was broken; see the figures')
}

function show(rows: readonly Compared<FanoutFigures>[], systems: readonly System[]): void {
  const meaning = new Map(systems.map(({ name, delivers }) => [name, delivers]))
  printTable(
    [
      'system',
      'delivered means',
      'subscribers',
      'deliveries/s',
      'min–max',
      'p50 ms',
      'p99 ms',
      'server µs/delivery',
      'client cpu %',
      'flushes/s',
      '× flotilla',
      '',
    ],
    rows.map(({ system, setting, figures, ratio }) => [
      system,
      meaning.get(system),
      setting,
      rounded(figures.deliveriesPerS.median, 0),
      rangeText(figures.deliveriesPerS),
      rounded(figures.p50Ms.median),
      rounded(figures.p99Ms.median),
      rounded(figures.serverCpuUs.median),
      rounded(figures.clientCpuPercent.median, 0),
      rounded(figures.flushesPerS.median, 0),
      ratio === undefined ? null : rounded(ratio),
      remarksOn({
        clientCpuPercent: figures.clientCpuPercent.median,
        errors: figures.errors.max,
        missing: figures.missing.max,
        disorder: figures.disorder.max,
      }),
    ]),
  )
}
