import type { History } from '../operations.ts'
import { fields } from './topic-log.ts'

/** One fault in force, as the nemesis logged it. */
export interface FaultBand {
  readonly name: string
  readonly targets: readonly string[]
  /** How much of the cluster it hits: minority, majority, all, client, ... */
  readonly scope: string
  readonly from: number
  /** Infinity: never stopped. */
  readonly to: number
  readonly effects: readonly string[]
  /** A fault that may well do nothing: no effect is no reason for doubt. */
  readonly optional: boolean
  readonly index: number
}

/** In order of their starts. A `stop` ends the oldest open fault of its name, a `heal` all of them. */
export function faultBands(history: History): readonly FaultBand[] {
  const bands: GrowingBand[] = []
  for (const op of history.facts) {
    if (op.process !== 'nemesis') continue
    const value = fields(op)
    const open = bands.filter((band) => band.to === Infinity)
    const named = open.filter((band) => band.name === op.key)
    if (op.f === 'start') bands.push(started(op.key ?? '?', op.time, op.index, value))
    else if (op.f === 'effect') named.at(-1)?.effects.push(effectText(value, op.value))
    else if (op.f === 'stop') {
      if (named[0]) named[0].to = op.time
    } else if (op.f === 'heal')
      for (const band of op.key === undefined || op.key === 'all' ? open : named) band.to = op.time
  }
  return bands
}

/** When the cluster was last healed, ns: from then on it has to be well. 0 without faults. */
export function lastHeal(history: History): number {
  const ends = history
    .derived(faultBands)
    .map((band) => (band.to === Infinity ? history.end : band.to))
  return Math.max(0, ...ends)
}

type GrowingBand = { -readonly [K in keyof FaultBand]: FaultBand[K] } & { effects: string[] }

function started(
  name: string,
  from: number,
  index: number,
  value: Readonly<Record<string, unknown>>,
): GrowingBand {
  const targets = value['targets']
  return {
    name,
    targets: Array.isArray(targets) ? targets.map(String) : [],
    scope: typeof value['scope'] === 'string' ? value['scope'] : 'minority',
    from,
    to: Infinity,
    effects: [],
    optional: value['optional'] === true,
    index,
  }
}

function effectText(value: Readonly<Record<string, unknown>>, whole: unknown): string {
  return typeof value['what'] === 'string' ? value['what'] : (JSON.stringify(whole) ?? 'effect')
}
