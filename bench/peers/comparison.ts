import { median } from '../../src/cli/bench/latencies.ts'
import type { Sample } from './rounds.ts'

/** One figure over the rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** One line of the table: a system at one setting. */
export interface Compared<F> {
  readonly system: string
  readonly setting: number
  readonly rounds: number
  readonly figures: { readonly [K in keyof F]: Spread }
  /** Its headline figure over that of the reference at the same setting, medians both; undefined: that was not measured. */
  readonly ratio: number | undefined
}

/** What everything is compared with. */
export const reference = 'flotilla'

/** The rows by setting, in the order of `systems` within each. `headline`: the figure of the ratio. */
export function compare<F extends { readonly [K in keyof F]: number }>(
  samples: readonly Sample<F>[],
  systems: readonly string[],
  headline: keyof F,
): Compared<F>[] {
  const settings = [...new Set(samples.map(({ setting }) => setting))].toSorted((a, b) => a - b)
  return settings.flatMap((setting) => {
    const at = (system: string) =>
      samples.filter((sample) => sample.system === system && sample.setting === setting)
    const known = at(reference).map(({ figures }) => figures[headline])
    return systems.flatMap((system) => {
      const own = at(system).map(({ figures }) => figures)
      if (own.length === 0) return []
      const figures = spreads(own)
      const ratio =
        known.length === 0 ? undefined : figures[headline].median / spreadOf(known).median
      return [{ system, setting, rounds: own.length, figures, ratio }]
    })
  })
}

/** Of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** `9876–12,345`, in whole numbers as tables show them. */
export function rangeText({ min, max }: Spread): string {
  const text = (n: number) => (n < 10_000 ? n.toFixed(0) : Math.round(n).toLocaleString('en-US'))
  return `${text(min)}–${text(max)}`
}

function spreads<F extends { readonly [K in keyof F]: number }>(
  rounds: readonly F[],
): { [K in keyof F]: Spread } {
  const spread = {} as { [K in keyof F]: Spread }
  for (const key of Object.keys(rounds[0]!) as (keyof F)[]) {
    spread[key] = spreadOf(rounds.map((figures) => figures[key]))
  }
  return spread
}
