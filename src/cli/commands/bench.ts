import type { Argv, CommandModule } from 'yargs'
import { openTarget } from '../bench/bench-target.ts'
import type { BenchTarget } from '../bench/bench-target.ts'
import { benchFailover } from '../bench/failover.ts'
import { benchFanout } from '../bench/fanout.ts'
import { benchIdle } from '../bench/idle.ts'
import { benchPublish } from '../bench/publish.ts'
import { CommandFailed } from '../exit-codes.ts'
import { print, printJson, printTable, say } from '../output.ts'
import type { Cell } from '../output.ts'

interface CommonArguments {
  readonly config: string | undefined
  readonly dir: string | undefined
  readonly tmp: string | undefined
  readonly nodes: number
  readonly keep: boolean
  readonly json: boolean
}

/** Every load is bounded in count and time. */
const bounds = {
  seconds: [1, 600],
  warmup: [0, 60],
  runs: [1, 20],
  size: [11, 65_536],
  topics: [1, 1_000],
  subs: [1, 10_000],
  window: [1, 1_000],
  users: [1, 10_000],
  trials: [1, 200],
  conns: [1, 50_000],
  settle: [0, 60_000],
  nodes: [1, 15],
  inflight: [1, 10_000],
} as const satisfies Record<string, readonly [number, number]>

const publishCommand = measurement(
  'publish',
  'durable publishes a second, and how long an acknowledgement takes',
  (y) =>
    y
      .option('inflight', {
        type: 'string',
        default: '1,64,512',
        describe: 'publishes outstanding, several by comma',
      })
      .option('topics', number(1, 'topics to spread them over'))
      .options(timing),
  async (target, argv) => {
    const inflight = String(argv['inflight']).split(',').map(Number)
    for (const n of inflight) check('inflight', n)
    const settings = { inflight, topics: value(argv, 'topics'), ...timingOf(argv) }
    const result = await benchPublish(target, settings, say)
    return {
      result,
      clean: result.clean,
      show: () => {
        printTable(
          [
            'in flight',
            'acks/s',
            'p50 ms',
            'p99 ms',
            'max ms',
            'server µs/publish',
            'client cpu %',
            'errors',
          ],
          result.rows.map((r) => [
            r.inflight,
            r.acksPerS,
            r.p50Ms,
            r.p99Ms,
            r.maxMs,
            r.serverCpuUs,
            r.clientCpuPercent,
            r.errors,
          ]),
        )
        showMap('history', result.history)
        showMap('errors', result.codes)
      },
    }
  },
)

const fanoutCommand = measurement(
  'fanout',
  'deliveries a second of one room to many subscribers on all nodes',
  (y) =>
    y
      .option('subs', number(1_000, 'subscribers'))
      .option('users', number(1_000, 'different users among them'))
      .option('window', number(8, 'messages not yet seen by all, at any time'))
      .options(timing),
  async (target, argv) => {
    const settings = {
      subscribers: value(argv, 'subs'),
      users: value(argv, 'users'),
      window: value(argv, 'window'),
      ...timingOf(argv),
    }
    const result = await benchFanout(target, settings, say)
    return { result, clean: result.clean, show: () => showRow(result) }
  },
)

const failoverCommand = measurement(
  'failover',
  'time from kill -9 of the owner to the next acknowledgement; starts a cluster of its own',
  (y) =>
    y
      .option('trials', number(20, 'kills'))
      .option('size', number(200, 'bytes of a body'))
      .option('settle', number(1_000, 'ms of calm before each kill')),
  async (target, argv) => {
    const settings = {
      trials: value(argv, 'trials'),
      size: value(argv, 'size'),
      settleMs: value(argv, 'settle'),
    }
    const result = await benchFailover(target, settings, say)
    return {
      result,
      clean: result.clean,
      show: () => {
        const { history, codes, ...row } = result
        showRow(row)
        showMap('history', history)
        showMap('errors', codes)
      },
    }
  },
)

const idleCommand = measurement(
  'idle',
  'memory of the servers per logged-in connection that does nothing',
  (y) =>
    y
      .option('conns', number(5_000, 'connections'))
      .option('users', number(300, 'different users among them'))
      .option('me', { type: 'boolean', default: false, describe: 'attach each to its me topic' })
      .option('settle', number(5_000, 'ms of calm before memory is read')),
  async (target, argv) => {
    const settings = {
      connections: value(argv, 'conns'),
      users: value(argv, 'users'),
      me: argv['me'] === true,
      settleMs: value(argv, 'settle'),
    }
    const result = await benchIdle(target, settings, say)
    return { result, clean: result.clean, show: () => showRow(result) }
  },
)

export const benchCommand: CommandModule = {
  command: 'bench <command>',
  describe: 'measure a cluster: a temporary one, or one that runs already',
  builder: (y) =>
    y
      .command(publishCommand)
      .command(fanoutCommand)
      .command(failoverCommand)
      .command(idleCommand)
      .demandCommand(1, 'Say what to measure: publish, fanout, failover or idle.'),
  handler: () => {},
}

interface Measured {
  readonly result: object
  readonly clean: boolean
  show(): void
}

type Arguments = Readonly<Record<string, unknown>>

function measurement(
  command: string,
  describe: string,
  builder: (y: Argv) => Argv,
  run: (target: BenchTarget, argv: Arguments) => Promise<Measured>,
): CommandModule<object, CommonArguments> {
  return {
    command,
    describe,
    builder: (y) => builder(y).options(common) as never,
    handler: async (argv) => {
      check('nodes', argv.nodes)
      const target = await openTarget(argv)
      let measured: Measured
      try {
        measured = await run(target, { ...argv })
      } finally {
        await target.close()
      }
      if (argv.json) printJson(measured.result)
      else measured.show()
      if (!measured.clean)
        throw new CommandFailed('violated', 'a promise was broken; see the figures')
    },
  }
}

function number(standard: number, describe: string) {
  return { type: 'number', default: standard, requiresArg: true, describe } as const
}

const timing = {
  seconds: number(5, 'length of a run'),
  warmup: number(2, 'seconds before the first run'),
  runs: number(3, 'runs; the median counts'),
  size: number(200, 'bytes of a body'),
} as const

const common = {
  dir: {
    type: 'string',
    requiresArg: true,
    conflicts: 'config',
    describe: 'measure the cluster of this folder (see up)',
  },
  config: {
    type: 'string',
    requiresArg: true,
    describe: 'measure the running cluster of this file',
  },
  tmp: {
    type: 'string',
    requiresArg: true,
    describe: 'folder for a temporary cluster: its disk is measured',
  },
  nodes: number(3, 'nodes of a temporary cluster'),
  keep: { type: 'boolean', default: false, describe: 'keep the folder of the temporary cluster' },
  json: { type: 'boolean', default: false, describe: 'print JSON' },
} as const

function timingOf(argv: Arguments): {
  seconds: number
  warmup: number
  runs: number
  size: number
} {
  return {
    seconds: value(argv, 'seconds'),
    warmup: value(argv, 'warmup'),
    runs: value(argv, 'runs'),
    size: value(argv, 'size'),
  }
}

function value(argv: Arguments, name: keyof typeof bounds): number {
  return check(name, Number(argv[name]))
}

function check(name: keyof typeof bounds, n: number): number {
  const [min, max] = bounds[name]
  if (Number.isInteger(n) && n >= min && n <= max) return n
  throw new CommandFailed('usage', `--${name} takes ${min}..${max}`)
}

function showRow(result: object): void {
  const entries = Object.entries(result).filter(([name]) => name !== 'clean')
  printTable(
    entries.map(([name]) => name),
    [entries.map(([, cell]) => cell as Cell)],
  )
}

function showMap(title: string, map: object): void {
  const parts = Object.entries(map).map(([name, n]) => `${name} ${String(n)}`)
  if (parts.length > 0) print(`${title}: ${parts.join(', ')}`)
}
