import { parseArgs } from 'node:util'
import type { FaultClass } from './fault.ts'
import { faultClasses } from './fault.ts'
import { mutants } from './mutant-list.ts'
import type { Overrides } from './plan.ts'

export interface Settings {
  readonly command: 'run' | 'mutants'
  readonly seeds: number
  /** The first seed. */
  readonly seed: number
  readonly workers: number
  readonly asJson: boolean
  /** Replay with a line for everything that happens. */
  readonly trace: boolean
  readonly overrides: Overrides
  /** Mutants only: which; empty: all. */
  readonly only: readonly string[]
}

export const usage = `Deterministic simulation of the Raft core.

  main.js run      [--seeds 300] [--seed 1] [--workers 2] [--json]
  main.js run      --seed S --trace [--off class,class] [--faults id,id] [--until ms] [--salt N]
                   [--mutant K4]
  main.js mutants  [--seeds 600] [--seed 1] [--workers 2] [--only K1,K4] [--json]

Exit codes: 0 all held · 1 an invariant failed, or a mutant survived · 2 the campaign proves nothing
(a state was never reached, a seed was not repeatable) · 3 the command line is wrong`

/** The command line was not understood; the message says what of it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const options = {
  seeds: { type: 'string' },
  seed: { type: 'string' },
  workers: { type: 'string' },
  json: { type: 'boolean' },
  trace: { type: 'boolean' },
  off: { type: 'string' },
  faults: { type: 'string' },
  until: { type: 'string' },
  salt: { type: 'string' },
  mutant: { type: 'string' },
  only: { type: 'string' },
} as const

export function readSettings(words: readonly string[]): Settings {
  const { values, positionals } = parse(words)
  const [command] = positionals
  if (positionals.length !== 1 || (command !== 'run' && command !== 'mutants')) {
    throw new UsageError('say run or mutants')
  }
  const trace = values.trace ?? false
  const isOne = trace || values.faults !== undefined || values.until !== undefined
  const ids = values.faults === '' ? [] : values.faults?.split(',')
  const overrides: Overrides = {
    off: (values.off?.split(',') ?? []).map(faultClass),
    mutant: values.mutant === undefined ? null : mutant(values.mutant),
    ...(ids === undefined ? {} : { keep: ids.map((id) => count('faults', id)) }),
    ...(values.salt === undefined ? {} : { salt: count('salt', values.salt) }),
    ...(values.until === undefined ? {} : { untilMs: count('until', values.until) }),
  }
  return {
    command,
    seeds: isOne ? 1 : count('seeds', values.seeds ?? (command === 'run' ? '300' : '600')),
    seed: count('seed', values.seed ?? '1'),
    workers: isOne ? 1 : count('workers', values.workers ?? '2'),
    asJson: values.json ?? false,
    trace,
    overrides,
    only: values.only?.split(',').map(mutant) ?? [],
  }
}

/** The one command that shows a failure again. */
export function reproduction(seed: number, overrides: Overrides): string {
  const { off, keep, untilMs, salt = 0, mutant: id } = overrides
  const words = [`node dist/jepsen-lite/simulation/main.js run --seed ${seed} --trace`]
  if (off !== undefined && off.length > 0) words.push(`--off ${off.join(',')}`)
  if (keep !== undefined) words.push(`--faults "${keep.join(',')}"`)
  if (untilMs !== undefined) words.push(`--until ${untilMs}`)
  if (salt > 0) words.push(`--salt ${salt}`)
  if (id !== undefined && id !== null) words.push(`--mutant ${id}`)
  return words.join(' ')
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function count(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${option} ${text}: not a whole number`)
  return Number(text)
}

function faultClass(name: string): FaultClass {
  const known = faultClasses.find((one) => one === name)
  if (known === undefined) throw new UsageError(`--off ${name}: one of ${faultClasses.join(', ')}`)
  return known
}

function mutant(id: string): string {
  if (!Object.hasOwn(mutants, id)) {
    throw new UsageError(`mutant ${id}: one of ${Object.keys(mutants).join(', ')}`)
  }
  return id
}
