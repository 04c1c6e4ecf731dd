import type { CommandModule } from 'yargs'
import { loadCluster, nodeConfig } from '../../node/config.ts'
import type { NodeRun } from '../../node/run-node.ts'
import type { StartNode } from '../../node/running-node.ts'
import { optionFlags, overridesOf } from '../option-flags.ts'
import { print, printTable, strong } from '../output.ts'

interface ServeArguments {
  readonly config: string
  readonly node: string | undefined
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
        demandOption: true,
        requiresArg: true,
        describe: 'cluster file; cluster-config/ has examples',
      })
      .option('node', {
        type: 'string',
        requiresArg: true,
        describe: 'name of the node to run; may be left out when the file lists one',
      })
      .option('explain', {
        type: 'boolean',
        default: false,
        describe: 'check the configuration, print the start and the stop plan, start nothing',
      })
      .option('until-stdin-ends', { type: 'boolean', default: false, hidden: true })
      .options(optionFlags()) as never,
  handler: async (argv) => {
    const resolved = loadCluster(argv.config, overridesOf({ ...argv }))
    const config = nodeConfig(resolved, argv.node, argv.config)
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
