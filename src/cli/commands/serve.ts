import type { CommandModule } from 'yargs'
import { loadCluster, nodeConfig } from '../../node/config.ts'
import type { NodeConfig } from '../../node/config.ts'
import { memberConfig } from '../../node/membership.ts'
import type { NodeRun } from '../../node/run-node.ts'
import type { StartNode } from '../../node/running-node.ts'
import { CommandFailed } from '../exit-codes.ts'
import { armFromEnvironment } from '../fault-environment.ts'
import { optionFlags, overridesOf } from '../option-flags.ts'
import { print, printTable, strong } from '../output.ts'

interface ServeArguments {
  readonly config: string | undefined
  readonly node: string | undefined
  readonly join: readonly string[] | undefined
  readonly token: string | undefined
  readonly data: string | undefined
  readonly name: string | undefined
  readonly zone: string | undefined
  readonly peer: string | undefined
  readonly client: string | undefined
  readonly admin: string | undefined
  readonly explain: boolean
  readonly 'until-stdin-ends': boolean
}

export const serveCommand: CommandModule<object, ServeArguments> = {
  command: 'serve',
  describe: 'run one node of a cluster in this process, until SIGTERM or SIGINT',
  builder: (y) =>
    y
      .option('config', {
        type: 'string',
        requiresArg: true,
        conflicts: ['join', 'data', 'name', 'zone', 'peer', 'client', 'admin'],
        describe: 'for a founder: cluster file; cluster-config/ has examples',
      })
      .option('node', {
        type: 'string',
        requiresArg: true,
        describe: 'name of the founder to run; may be left out when the file lists one',
      })
      .options(joinFlags)
      .option('explain', {
        type: 'boolean',
        default: false,
        describe: 'check the configuration, print the start and the stop plan, start nothing',
      })
      .option('until-stdin-ends', { type: 'boolean', default: false, hidden: true })
      .options(optionFlags()) as never,
  handler: async (argv) => {
    const config = await configOf(argv)
    if (!argv.explain) armFromEnvironment(process.env, config.cluster.profile)
    const { NodeRun } = await import('../../node/run-node.ts') // other commands start faster without the server
    const run = new NodeRun(config, startNode, argv.explain ? silentDoor : process)
    if (argv.explain) {
      explain(run)
      return
    }
    if (argv['until-stdin-ends']) stopWithParent(run)
    await run.start()
  },
}

const joinGroup = 'Joining a running cluster:'
const joinFlags = {
  join: {
    type: 'string',
    array: true,
    requiresArg: true,
    group: joinGroup,
    describe: 'admin address of a member, host:port; several make it survive the loss of one',
  },
  token: {
    type: 'string',
    requiresArg: true,
    implies: 'join',
    group: joinGroup,
    describe: 'from flotilla token new (FLOTILLA_JOIN_TOKEN)',
  },
  data: {
    type: 'string',
    requiresArg: true,
    group: joinGroup,
    describe: 'data folder; alone it starts a node that has joined [./NAME]',
  },
  name: {
    type: 'string',
    requiresArg: true,
    group: joinGroup,
    describe: 'name of the new node, for ever [the name of this machine]',
  },
  zone: {
    type: 'string',
    requiresArg: true,
    group: joinGroup,
    describe: 'failure zone of the new node; say it for every node or for none',
  },
  peer: {
    type: 'string',
    requiresArg: true,
    group: joinGroup,
    describe: 'address for other nodes, host:port [free ports]',
  },
  client: { type: 'string', requiresArg: true, group: joinGroup, describe: 'address for clients' },
  admin: { type: 'string', requiresArg: true, group: joinGroup, describe: 'address for admins' },
} as const

/** A founder, a node that joins now, or one that has joined. Throws CommandFailed or ConfigRefused. */
async function configOf(argv: ServeArguments): Promise<NodeConfig> {
  const overrides = overridesOf({ ...argv })
  if (argv.config !== undefined) {
    return nodeConfig(loadCluster(argv.config, overrides), argv.node, argv.config)
  }
  const addresses = Object.fromEntries(
    (['peer', 'client', 'admin'] as const).flatMap((door) =>
      argv[door] === undefined ? [] : [[door, argv[door]]],
    ),
  )
  const { join: members, token, name, data, zone } = argv
  if (members === undefined) {
    if (data !== undefined) return memberConfig(data, addresses, overrides)
    const ways = '--config FILE --node NAME, --join HOST:PORT --token T, or --data DIR'
    throw new CommandFailed('usage', `say what to serve: ${ways}`)
  }
  if (argv.explain) throw new CommandFailed('usage', '--explain does not go with --join')
  const { joinHere } = await import('../cluster/join-here.ts')
  const folder = await joinHere({ members, token, name, data, zone, addresses })
  return memberConfig(folder, addresses, overrides)
}

const startNode: StartNode = async (config, deps) => {
  const { FlotillaNode } = await import('../../node/node.ts')
  return FlotillaNode.start(config, deps)
}

const silentDoor = { on: () => undefined, exit: () => undefined }

function explain(run: NodeRun): void {
  const { self, cluster } = run.config
  print(
    `${self.name} of ${cluster.name}: client ${self.client}, peer ${self.peer}, admin ${self.admin}, data ${self.data}`,
  )
  for (const [title, steps] of [
    ['start plan', run.startPlan()],
    ['stop plan', run.stopPlan()],
  ] as const) {
    print(`\n${strong(title)}`)
    printTable(
      ['step', 'does', 'at most ms'],
      steps.map((step) => [step.name, step.says, step.deadlineMs]),
    )
  }
}

/** A parent that dies, however, closes this end; the node then drains like after a signal. */
function stopWithParent(run: NodeRun): void {
  process.stdin.resume()
  process.stdin.on('error', () => run.lifecycle.signal('parent gone'))
  process.stdin.on('end', () => run.lifecycle.signal('parent gone'))
}
