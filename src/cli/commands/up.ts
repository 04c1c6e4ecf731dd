import { relative } from 'node:path'
import type { CommandModule } from 'yargs'
import { LocalCluster } from '../cluster/local-cluster.ts'
import type { ClusterTold } from '../cluster/local-cluster.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { defaultDir } from '../cluster/find-cluster.ts'
import { CommandFailed, exitCodes } from '../exit-codes.ts'
import { print, printTable, say, strong } from '../output.ts'

interface UpArguments {
  readonly nodes: number | undefined
  readonly dir: string
  readonly 'base-port': number | undefined
  readonly json: boolean
}

const tailLines = 12
/** Rooms large enough to try a fan-out with. */
const upOptions = { 'max-subscriber-count': 2_000 } as const

export const upCommand: CommandModule<object, UpArguments> = {
  command: 'up',
  describe: 'start a whole cluster on this machine, three processes if not told otherwise',
  builder: (y) =>
    y
      .option('nodes', {
        type: 'number',
        requiresArg: true,
        describe: 'how many nodes (first start: 3)',
      })
      .option('dir', {
        type: 'string',
        default: defaultDir,
        requiresArg: true,
        describe: 'folder of its data, addresses and logs',
      })
      .option('base-port', {
        type: 'number',
        requiresArg: true,
        describe: 'first of the ports to use (first start only)',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'print one line of JSON when ready',
      }) as never,
  handler: async (argv) => {
    checkNumbers(argv)
    const cluster = await LocalCluster.open(
      {
        dir: argv.dir,
        nodes: argv.nodes,
        basePort: argv['base-port'],
        name: 'local',
        options: upOptions,
      },
      teller,
    )
    const { folder, nodes } = cluster
    say(
      `${folder.fresh ? 'new' : 'known'} cluster of ${nodes.length} in ${relative('', folder.dir) || '.'}; starting…`,
    )
    const stopped = stopOnSignal(cluster)
    try {
      await Promise.race([cluster.start(), stopped])
    } catch (error) {
      await cluster.stop()
      throw error instanceof CommandFailed
        ? error
        : new CommandFailed('failed', (error as Error).message)
    }
    announce(cluster, argv)
    await Promise.race([stopped, cluster.allGone()])
    cluster.release()
    throw new CommandFailed('failed', 'no node is left')
  },
}

const teller: ClusterTold = {
  nodeReady: (node, ms) => say(`  ${node.seed.name} is ready (${(ms / 1000).toFixed(1)} s)`),
  nodeDied: (node, how) => {
    say(`\n${node.seed.name} ${how}. The end of ${relative('', node.logFile)}:\n`)
    say(node.logTail(tailLines))
    say('')
  },
}

/** Settles never: the process ends with the cluster. The first signal drains, the second one kills. */
function stopOnSignal(cluster: LocalCluster): Promise<never> {
  let signals = 0
  const onSignal = () => {
    signals++
    if (signals > 1) {
      say('forced')
      cluster.force()
      cluster.release()
      process.exit(exitCodes.failed.code)
    }
    say('\nstopping: nodes drain (once more: at once)')
    void cluster.stop().then((clean) => {
      say(clean ? 'stopped' : 'stopped; not every node could drain, see the logs')
      process.exit(clean ? exitCodes.ok.code : exitCodes.failed.code)
    })
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return new Promise(() => {})
}

function announce(cluster: LocalCluster, argv: UpArguments): void {
  const { folder } = cluster
  const nodes = cluster.nodes.filter((node) => node.alive)
  if (argv.json) {
    print(
      JSON.stringify({
        ready: true,
        dir: folder.dir,
        config: folder.file,
        nodes: nodes.map(described),
      }),
    )
    return
  }
  const where = argv.dir === defaultDir ? '' : ` --dir ${argv.dir}`
  print()
  printTable(
    ['node', 'client', 'admin', 'pid'],
    nodes.map((node) => [
      node.seed.name,
      `ws://${node.seed.client}/v0/channels`,
      `http://${node.seed.admin}`,
      String(node.pid),
    ]),
  )
  print(`\n${strong('Try next, in another terminal:')}`)
  print(`  npx flotilla chat${where}      sign up and talk; a second one talks with the first`)
  print(`  npx flotilla status${where}    which nodes are there and what they hold`)
  print(`  npx flotilla ring${where}      who leads what; kill -9 a node and look again`)
  print(`  npx flotilla token new${where} how another node joins; flotilla nodes shows it catch up`)
  print('\nCtrl-C drains and stops all nodes. The next start finds the data again.')
}

function described(node: NodeProcess): object {
  const { name, client, admin, peer } = node.seed
  return { name, pid: node.pid, client, admin, peer, log: node.logFile }
}

function checkNumbers(argv: UpArguments): void {
  const { nodes, 'base-port': base } = argv
  if (nodes !== undefined && !(Number.isInteger(nodes) && nodes >= 1 && nodes <= 15)) {
    throw new CommandFailed('usage', '--nodes takes 1..15')
  }
  if (base !== undefined && !(Number.isInteger(base) && base >= 1_024 && base <= 65_000)) {
    throw new CommandFailed('usage', '--base-port takes 1024..65000')
  }
}
