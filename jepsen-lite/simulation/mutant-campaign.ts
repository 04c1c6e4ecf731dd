import type { Settings } from './command-line.ts'
import { reproduction } from './command-line.ts'
import { exitCodes } from '../exit-code.ts'
import { mutants } from './mutant-list.ts'
import { runSeeds } from './pool.ts'
import type { SeedResult } from './run-seed.ts'

interface Hunt {
  readonly mutant: string
  readonly planted: string
  /** Seeds it took; null: it survived all of them. */
  readonly seeds: number | null
  readonly invariant: string | null
  readonly reproduce: string | null
}

/** Runs each mutant until it is caught, and the real core on the same seeds; returns the exit code. */
export async function runMutants(settings: Settings): Promise<number> {
  const ids = settings.only.length > 0 ? settings.only : Object.keys(mutants)
  const hunts: Hunt[] = []
  if (!settings.asJson)
    console.log('| Mutant | Planted bug | Seeds | Caught by |\n|---|---|---|---|')
  for (const mutant of ids) {
    const hunt = await runMutant(mutant, settings)
    hunts.push(hunt)
    const { planted, seeds, invariant } = hunt
    const found = `${seeds ?? 'SURVIVED'} | ${invariant ?? '–'}`
    if (!settings.asJson) console.log(`| ${mutant} | ${planted} | ${found} |`)
  }
  const used = Math.max(1, ...hunts.map(({ seeds }) => seeds ?? settings.seeds))
  const control = await failuresOf(null, { ...settings, seeds: used })
  const survivors = hunts.filter(({ seeds }) => seeds === null)
  if (settings.asJson) console.log(JSON.stringify({ hunts, control: { seeds: used, control } }))
  else {
    console.log(`| none | the real core | ${used} | ${control.length} failed |`)
    for (const { seed, failure } of control) console.log(`seed ${seed}: ${failure?.message ?? ''}`)
    for (const { mutant } of survivors) console.log(`${mutant} survived ${settings.seeds} seeds`)
  }
  return survivors.length > 0 || control.length > 0 ? exitCodes.invalid : exitCodes.valid
}

async function runMutant(mutant: string, settings: Settings): Promise<Hunt> {
  const failed = await failuresOf(mutant, settings)
  const planted = mutants[mutant] ?? ''
  const first = failed[0]
  if (first === undefined) return { mutant, planted, seeds: null, invariant: null, reproduce: null }
  const seeds = first.seed - settings.seed + 1
  const reproduce = reproduction(first.seed, { mutant })
  return { mutant, planted, seeds, invariant: first.failure?.name ?? null, reproduce }
}

/** With a mutant the first failing seed, without one all of them. Lowest first, whoever finished first. */
async function failuresOf(mutant: string | null, settings: Settings): Promise<SeedResult[]> {
  const failed: SeedResult[] = []
  const seeds = Array.from({ length: settings.seeds }, (_, i) => settings.seed + i)
  await runSeeds(seeds, { mutant }, settings.workers, ({ results }) => {
    failed.push(...results.filter(({ failure }) => failure !== null))
    return mutant === null || failed.length === 0
  })
  return failed.sort((a, b) => a.seed - b.seed)
}
