import type { Options as YargsOptions } from 'yargs'
import type { Overrides } from '../node/config.ts'
import { optionNames, optionRow } from '../node/options.ts'

/** Every option of the table as a flag. Values stay text: the table's own check speaks for all sources. */
export function optionFlags(): Record<string, YargsOptions> {
  return Object.fromEntries(
    optionNames.map((name) => {
      const row = optionRow(name)
      const unit = row.type === 'number' ? ` (${row.unit}, ${row.min}..${row.max})` : ''
      const choices = row.type === 'choice' ? ` (${row.choices.join(', ')})` : ''
      return [
        name,
        {
          type: row.type === 'boolean' ? 'boolean' : 'string',
          describe: `${row.says}${unit}${choices} [${String(row.default)}]`,
          group: 'Options of the node (docs/config.md):',
          ...(row.type === 'boolean' ? {} : { requiresArg: true }),
        } satisfies YargsOptions,
      ]
    }),
  )
}

/** What the environment and the parsed command line say about options. */
export function overridesOf(argv: Readonly<Record<string, unknown>>): Overrides {
  const flags = optionNames.flatMap((name) => {
    const value = argv[name]
    return typeof value === 'string' || typeof value === 'boolean' ? [[name, value] as const] : []
  })
  return { environment: process.env, flags: Object.fromEntries(flags) }
}
