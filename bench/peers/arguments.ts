import { CommandFailed } from '../../src/cli/exit-codes.ts'
import { say } from '../../src/cli/output.ts'
import { catalog, chosen } from './catalog.ts'
import type { System } from './system.ts'

/** Every load is bounded in count and time. */
export const bounds = {
  rounds: [1, 20],
  seconds: [1, 600],
  warmup: [0, 60],
  size: [11, 65_000],
  inflight: [1, 10_000],
  subs: [1, 10_000],
  window: [1, 1_000],
} as const satisfies Record<string, readonly [min: number, max: number]>

/** Publishes of one load at most: numbers of bodies have nine digits, and disks are not endless. */
export const mostPublishes = 20_000_000

/** Flags that both measurements have. */
export const commonFlags = {
  systems: {
    type: 'string',
    requiresArg: true,
    describe: 'which, by comma; all that are installed when left out',
  },
  rounds: count(3, 'rounds: each starts every system anew, in an order that rotates'),
  seconds: count(5, 'length of a load'),
  // Every round's servers are fresh, so those that compile while they run have everything before them.
  warmup: count(5, 'seconds of load on a fresh system before one counts'),
  size: count(200, 'bytes of a body'),
  tmp: { type: 'string', requiresArg: true, describe: 'folder whose disk is measured' },
  json: { type: 'boolean', default: false, describe: 'print JSON' },
} as const

export interface CommonArguments {
  readonly systems: string | undefined
  readonly rounds: number
  readonly seconds: number
  readonly warmup: number
  readonly size: number
  readonly tmp: string | undefined
  readonly json: boolean
}

export function count(standard: number, describe: string) {
  return { type: 'number', default: standard, requiresArg: true, describe } as const
}

/** `list`: `a,b,c`. Throws CommandFailed. */
export function systemsOf(list: string | undefined): readonly System[] {
  const systems = chosen((list ?? '').split(',').filter((name) => name !== ''))
  const leftOut = catalog.filter((system) => list === undefined && !systems.includes(system))
  for (const { name } of leftOut) say(`${name} is left out: it is not installed (see list)`)
  return systems
}

/** Throws CommandFailed for a number out of its bounds. */
export function checked(name: keyof typeof bounds, value: number): number {
  const [min, max] = bounds[name]
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new CommandFailed('usage', `--${name} takes ${min}..${max}`)
}
