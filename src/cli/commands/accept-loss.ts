import type { CommandModule } from 'yargs'
import { loadCluster, nodeConfig } from '../../node/config.ts'
import type { NodeConfig } from '../../node/config.ts'
import { storedIdentity } from '../../node/identity.ts'
import { memberConfig } from '../../node/membership.ts'
import { CommandFailed } from '../exit-codes.ts'
import { overridesOf } from '../option-flags.ts'
import { print, printJson, printTable } from '../output.ts'

interface LossArguments {
  readonly config: string | undefined
  readonly node: string | undefined
  readonly data: string | undefined
  readonly yes: boolean
  readonly json: boolean
}

/**
 * The way on for a cluster of one node whose log has lost its end: nobody else has what it lost, so it
 * refuses to start until a person says that the rest counts as all there was.
 */
export const acceptLossCommand: CommandModule<object, LossArguments> = {
  command: 'accept-loss',
  describe: 'for the only node of a cluster that lost the end of its log: go on with what is left',
  builder: (y) =>
    y
      .option('config', {
        type: 'string',
        requiresArg: true,
        conflicts: 'data',
        describe: 'cluster file of a founder',
      })
      .option('node', { type: 'string', requiresArg: true, describe: 'name of the founder' })
      .option('data', {
        type: 'string',
        requiresArg: true,
        describe: 'data folder of a node that has joined',
      })
      .option('yes', {
        type: 'boolean',
        default: false,
        describe: 'acknowledged messages may be gone, and their numbers are given out again',
      })
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' }) as never,
  handler: async (argv) => {
    const config = configOf(argv)
    if (!argv.yes) {
      throw new CommandFailed(
        'usage',
        'acknowledged messages may be lost for good by this. Put back a complete copy of the data folder if there is one; otherwise say --yes',
      )
    }
    const identity = storedIdentity(config.self.data)
    if (identity === undefined) {
      throw new CommandFailed('config', `${config.self.data} is no data folder of a node`)
    }
    const { acceptNodeLoss } = await import('../../node/lost-tail.ts')
    const accepted = await acceptNodeLoss(config, identity.index)
    if (argv.json) return printJson({ accepted })
    if (accepted.length === 0) {
      return print('nothing to accept: nothing is lost here, or other nodes have it')
    }
    printTable(
      ['group', 'kept to entry'],
      accepted.map(({ group, keptTo }) => [group, keptTo]),
    )
  },
}

function configOf(argv: LossArguments): NodeConfig {
  const overrides = overridesOf({})
  if (argv.data !== undefined) return memberConfig(argv.data, {}, overrides)
  if (argv.config === undefined) {
    throw new CommandFailed('usage', 'say which node: --config FILE --node NAME, or --data DIR')
  }
  return nodeConfig(loadCluster(argv.config, overrides), argv.node, argv.config)
}
