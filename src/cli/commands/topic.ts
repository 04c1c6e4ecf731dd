import type { CommandModule } from 'yargs'
import { askAny, findCluster, whereaboutsOptions } from '../cluster/find-cluster.ts'
import type { Whereabouts } from '../cluster/find-cluster.ts'
import { printJson, printTable } from '../output.ts'

const locateCommand: CommandModule<object, Whereabouts & { name: string; json: boolean }> = {
  command: 'locate <name>',
  describe: 'tell which partition a topic or user belongs to, and who holds it',
  builder: (y) =>
    y
      .positional('name', { type: 'string', demandOption: true, describe: 'grp…, p2p… or usr…' })
      .options(whereaboutsOptions)
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' }),
  handler: async ({ name, json, ...where }) => {
    const found = await askAny(findCluster(where), (admin) => admin.locate(name))
    if (json) {
      printJson(found)
      return
    }
    printTable(
      ['topic', 'partition', 'wished', 'actual', 'term', 'replicas'],
      [
        [
          found.topic,
          found.partition,
          found.wished,
          found.actual,
          found.term,
          found.replicas.join(' '),
        ],
      ],
    )
  },
}

export const topicCommand: CommandModule = {
  command: 'topic <command>',
  describe: 'ask about one topic',
  builder: (y) => y.command(locateCommand).demandCommand(1, 'Say what to do: locate.'),
  handler: () => {},
}
