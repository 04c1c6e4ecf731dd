import { CommandFailed } from '../../src/cli/exit-codes.ts'
import { printJson } from '../../src/cli/output.ts'
import { compare } from './comparison.ts'
import type { Compared } from './comparison.ts'
import type { Sampled } from './rounds.ts'
import type { System } from './system.ts'

export interface Finished<F> {
  readonly settings: object
  readonly systems: readonly System[]
  readonly sampled: Sampled<F>
  /** The figure that the ratio is of. */
  readonly headline: keyof F
  readonly show: (rows: readonly Compared<F>[], systems: readonly System[]) => void
}

/** Prints what was found, and then complains when not all systems could be measured to the end. */
export function finish<F extends { readonly [K in keyof F]: number }>(
  json: boolean,
  { settings, systems, sampled, headline, show }: Finished<F>,
): void {
  const names = systems.map(({ name }) => name)
  const rows = compare(sampled.samples, names, headline)
  if (json) printJson({ settings, systems: names, rows, ...sampled })
  else show(rows, systems)
  const failed = Object.entries(sampled.failures).map(([name, why]) => `${name}: ${why}`)
  if (failed.length > 0) throw new CommandFailed('failed', failed.join('\n'))
}
