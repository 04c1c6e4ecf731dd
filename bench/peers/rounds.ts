import { reasonOf } from '../../src/cli/cluster/find-cluster.ts'
import type { System } from './system.ts'

/** The figures of one system at one setting (publishes in flight, subscribers) in one round. */
export interface Sample<F> {
  readonly system: string
  readonly setting: number
  readonly round: number
  readonly figures: F
}

export interface Sampled<F> {
  readonly samples: readonly Sample<F>[]
  /** Systems that could not be measured, and why; they have no further rounds. */
  readonly failures: Readonly<Record<string, string>>
}

/** Starts one place later in every round, so that a machine that grows slower does so for all alike. */
export function orderOf<T>(all: readonly T[], round: number): T[] {
  const first = round % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

/**
 * Measures every system in every round, one after the other. One that fails is left out from then on:
 * the others' figures are worth having.
 */
export async function runRounds<F>(
  systems: readonly System[],
  rounds: number,
  measure: (system: System) => Promise<readonly Omit<Sample<F>, 'round' | 'system'>[]>,
  say: (line: string) => void,
): Promise<Sampled<F>> {
  const samples: Sample<F>[] = []
  const failures: Record<string, string> = {}
  for (let round = 0; round < rounds; round++) {
    for (const system of orderOf(systems, round)) {
      if (system.name in failures) continue
      say(`round ${round + 1} of ${rounds}: ${system.name}`)
      try {
        for (const sample of await measure(system)) {
          samples.push({ ...sample, system: system.name, round })
        }
      } catch (error) {
        failures[system.name] = reasonOf(error)
        say(`  ${system.name} is left out: ${reasonOf(error)}`)
      }
    }
  }
  return { samples, failures }
}
