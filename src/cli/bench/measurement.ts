import type { Argv, CommandModule } from 'yargs'
import { CommandFailed } from '../exit-codes.ts'
import { print, printJson, printTable } from '../output.ts'
import type { Cell } from '../output.ts'
import { openTarget } from './bench-target.ts'
import type { BenchTarget, TargetWish } from './bench-target.ts'

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
  rate: [1, 20_000],
  quiet: [1, 600],
  messages: [1_000, 10_000_000],
  'per-topic': [1, 1_000_000],
  every: [1_000, 10_000_000],
  rest: [0, 600],
} as const satisfies Record<string, readonly [number, number]>

interface CommonArguments {
  readonly config: string | undefined
  readonly dir: string | undefined
  readonly tmp: string | undefined
  readonly nodes: number
  readonly keep: boolean
  readonly json: boolean
}

/** What a measurement found, and how to show it. */
export interface Measured {
  readonly result: object
  readonly clean: boolean
  show(): void
}

export type Arguments = Readonly<Record<string, unknown>>

export function measurement(
  command: string,
  describe: string,
  builder: (y: Argv) => Argv,
  run: (target: BenchTarget, argv: Arguments) => Promise<Measured>,
  wish: (argv: Arguments) => Partial<TargetWish> = () => ({}),
): CommandModule<object, CommonArguments> {
  return {
    command,
    describe,
    builder: (y) => builder(y).options(common) as never,
    handler: async (argv) => {
      check('nodes', argv.nodes)
      const target = await openTarget({ ...argv, ...wish({ ...argv }) })
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

export function number(standard: number, describe: string) {
  return { type: 'number', default: standard, requiresArg: true, describe } as const
}

export const timing = {
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

export function timingOf(argv: Arguments): {
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

export function value(argv: Arguments, name: keyof typeof bounds): number {
  return check(name, Number(argv[name]))
}

export function check(name: keyof typeof bounds, n: number): number {
  const [min, max] = bounds[name]
  if (Number.isInteger(n) && n >= min && n <= max) return n
  throw new CommandFailed('usage', `--${name} takes ${min}..${max}`)
}

export function showRow(result: object): void {
  const entries = Object.entries(result).filter(([name]) => name !== 'clean')
  printTable(
    entries.map(([name]) => name),
    [entries.map(([, cell]) => cell as Cell)],
  )
}

export function showMap(title: string, map: object): void {
  const parts = Object.entries(map).map(([name, n]) => `${name} ${String(n)}`)
  if (parts.length > 0) print(`${title}: ${parts.join(', ')}`)
}
