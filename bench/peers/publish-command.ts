import type { CommandModule } from 'yargs'
import { rounded } from '../../src/cli/bench/latencies.ts'
import { printTable, say } from '../../src/cli/output.ts'
import { checked, commonFlags, mostPublishes, systemsOf } from './arguments.ts'
import type { CommonArguments } from './arguments.ts'
import { rangeText } from './comparison.ts'
import type { Compared } from './comparison.ts'
import { finish } from './finish.ts'
import { withFresh } from './fresh-system.ts'
import { publishLoad } from './publish-load.ts'
import type { PublishFigures, PublishLoad } from './publish-load.ts'
import { remarksOn } from './remarks.ts'
import { runRounds } from './rounds.ts'
import type { Sampled } from './rounds.ts'
import type { Connection, System } from './system.ts'

export interface PublishSettings {
  readonly rounds: number
  readonly inflight: readonly number[]
  readonly load: Omit<PublishLoad, 'inflight'>
  readonly warmup: number
  readonly tmp: string | undefined
}

/** What is in flight while a fresh system warms up. */
const warmupInflight = 64
const connectionsPerSystem = 3

/** Every system at every `inflight`, once a round. */
export function measurePublish(
  systems: readonly System[],
  settings: PublishSettings,
  tell: (line: string) => void,
): Promise<Sampled<PublishFigures>> {
  const { inflight, load, warmup, tmp } = settings
  const measure = (system: System) =>
    withFresh(system, tmp, async (running) => {
      const connections: Connection[] = []
      for (let i = 0; i < connectionsPerSystem; i++) connections.push(await running.connect(i))
      await publishLoad(running, connections, {
        ...load,
        inflight: warmupInflight,
        seconds: warmup,
      })
      const samples: { setting: number; figures: PublishFigures }[] = []
      for (const setting of inflight) {
        const figures = await publishLoad(running, connections, { ...load, inflight: setting })
        samples.push({ setting, figures })
        tell(
          `  ${setting} in flight: ${figures.acksPerS.toFixed(0)} acks/s, p99 ${figures.p99Ms.toFixed(2)} ms`,
        )
      }
      for (const connection of connections) connection.close()
      return samples
    })
  return runRounds(systems, settings.rounds, measure, tell)
}

export const publishCommand: CommandModule<object, CommonArguments & { inflight: string }> = {
  command: 'publish',
  describe: 'acknowledged publishes a second, and how long an acknowledgement takes',
  builder: (y) =>
    y.options({
      ...commonFlags,
      inflight: {
        type: 'string',
        default: '1,64,512',
        requiresArg: true,
        describe: 'publishes outstanding, several by comma',
      },
    }) as never,
  handler: async (argv) => {
    const inflight = argv.inflight.split(',').map((n) => checked('inflight', Number(n)))
    const settings = {
      rounds: checked('rounds', argv.rounds),
      inflight,
      warmup: checked('warmup', argv.warmup),
      load: {
        seconds: checked('seconds', argv.seconds),
        size: checked('size', argv.size),
        mostPublishes,
      },
      tmp: argv.tmp,
    }
    const systems = systemsOf(argv.systems)
    const sampled = await measurePublish(systems, settings, say)
    finish(argv.json, { settings, systems, sampled, headline: 'acksPerS', show })
  },
}

function show(rows: readonly Compared<PublishFigures>[], systems: readonly System[]): void {
  const meaning = new Map(systems.map(({ name, acknowledges }) => [name, acknowledges]))
  printTable(
    [
      'system',
      'acknowledged means',
      'in flight',
      'acks/s',
      'min–max',
      'p50 ms',
      'p99 ms',
      'server µs/publish',
      'client cpu %',
      'flushes/s',
      '× flotilla',
      '',
    ],
    rows.map(({ system, setting, figures, ratio }) => [
      system,
      meaning.get(system),
      setting,
      rounded(figures.acksPerS.median, 0),
      rangeText(figures.acksPerS),
      rounded(figures.p50Ms.median),
      rounded(figures.p99Ms.median),
      rounded(figures.serverCpuUs.median, 1),
      rounded(figures.clientCpuPercent.median, 0),
      rounded(figures.flushesPerS.median, 0),
      ratio === undefined ? null : rounded(ratio),
      remarksOn({
        clientCpuPercent: figures.clientCpuPercent.median,
        errors: figures.errors.max,
      }),
    ]),
  )
}
