import type { CommandModule } from 'yargs'
import { print, printJson, strong } from '../../src/cli/output.ts'
import { catalog } from './catalog.ts'
import { missingOf } from './installed.ts'

export const listCommand: CommandModule<object, { json: boolean }> = {
  command: 'list',
  describe: 'the systems, what their acknowledgements mean, and whether they are installed here',
  builder: (y) =>
    y.option('json', { type: 'boolean', default: false, describe: 'print JSON' }) as never,
  handler: ({ json }) => {
    const rows = catalog.map((system) => {
      const { name, acknowledges, delivers, note, needs } = system
      return { name, acknowledges, delivers, note, needs, missing: missingOf(system) }
    })
    if (json) {
      printJson(rows)
      return
    }
    for (const { name, acknowledges, delivers, note, needs, missing } of rows) {
      const from = needs.map(({ program, debianPackage }) => `${program} (${debianPackage})`)
      print(strong(name))
      print(`  acknowledged  ${acknowledges}`)
      print(`  delivered     ${delivers}`)
      if (note !== undefined) print(`  note          ${note}`)
      if (from.length > 0) print(`  needs         ${from.join(', ')}`)
      print(`  installed     ${missing.length === 0 ? 'yes' : `no: ${missing.join('; ')}`}`)
    }
  },
}
