import type { CommandModule } from 'yargs'
import type { MemberProgress, NodesReport } from '../../node/facts.ts'
import { ClusterChange } from '../cluster/change-cluster.ts'
import { askAny, findCluster, whereaboutsOptions } from '../cluster/find-cluster.ts'
import type { KnownNode, Whereabouts } from '../cluster/find-cluster.ts'
import { CommandFailed } from '../exit-codes.ts'
import { bar, print, printJson, ProgressLine, say, table } from '../output.ts'
import { joinCommand, newToken, validOption } from './token.ts'

type Asked = Whereabouts & { readonly json: boolean }
type Named = Asked & { readonly name: string }

const jsonOption = { type: 'boolean', default: false, describe: 'print JSON' } as const
const nameOption = { type: 'string', demandOption: true, describe: 'name of the node' } as const
const watchEveryMs = 1_000

const drainCommand: CommandModule<object, Named & { wait: boolean }> = {
  command: 'drain <name>',
  describe: 'let the cluster take from a node what it holds; it stays a member',
  builder: (y) =>
    y
      .positional('name', nameOption)
      .options(whereaboutsOptions)
      .option('wait', { type: 'boolean', default: false, describe: 'until it holds nothing' })
      .option('json', jsonOption) as never,
  handler: (argv) =>
    changing(argv, async (change, line) => {
      await change.ask((admin) => admin.setState(argv.name, 'draining'))
      const isGone = argv.wait && (await change.drained(argv.name)) === 'gone'
      line.end()
      if (isGone) throw new CommandFailed('refused', `somebody has removed ${argv.name} meanwhile`)
      return argv.wait ? `${argv.name} holds nothing` : `${argv.name} drains`
    }),
}

const activateCommand: CommandModule<object, Named> = {
  command: 'activate <name>',
  describe: 'end a drain: the node may be given partitions again',
  builder: (y) =>
    y
      .positional('name', nameOption)
      .options(whereaboutsOptions)
      .option('json', jsonOption) as never,
  handler: (argv) =>
    changing(argv, async (change) => {
      await change.ask((admin) => admin.setState(argv.name, 'active'))
      return `${argv.name} is active`
    }),
}

const removeCommand: CommandModule<object, Named & { dead: boolean }> = {
  command: 'remove <name>',
  describe:
    'drain a node, wait, and take it out of the cluster for ever; may be interrupted and repeated',
  builder: (y) =>
    y
      .positional('name', nameOption)
      .options(whereaboutsOptions)
      .option('dead', {
        type: 'boolean',
        default: false,
        describe: 'at once and without asking it: it will not come back',
      })
      .option('json', jsonOption) as never,
  handler: (argv) =>
    changing(argv, async (change, line) => removed(change, line, argv.name, argv.dead)),
}

const replaceCommand: CommandModule<object, Named & { valid: string; with: string | undefined }> = {
  command: 'replace <name>',
  describe: 'let a new node join, wait until it is active, then remove this one',
  builder: (y) =>
    y
      .positional('name', nameOption)
      .options(whereaboutsOptions)
      .option('valid', validOption)
      .option('with', {
        type: 'string',
        requiresArg: true,
        describe: 'name of the new node, when it has joined already',
      })
      .option('json', jsonOption) as never,
  handler: (argv) =>
    changing(argv, async (change, line, nodes) => {
      const before = (await change.report()).nodes.map((node) => node.index)
      const { up } = await change.member(argv.name)
      if (argv.with === undefined) {
        const { token } = await newToken(nodes, argv.valid)
        say('On the new machine:\n')
        print(joinCommand(nodes, token))
        say(`\nIf this is interrupted: flotilla nodes replace ${argv.name} --with NEW-NODE\n`)
      } else await change.member(argv.with)
      const fresh = await change.becomesActive((all) =>
        all.find((node) =>
          argv.with === undefined ? !before.includes(node.index) : node.name === argv.with,
        ),
      )
      line.end()
      say(`${fresh.name} is active`)
      return removed(change, line, argv.name, !up && !(await change.member(argv.name)).up)
    }),
}

export const nodesCommand: CommandModule<object, Asked & { watch: boolean }> = {
  command: 'nodes',
  describe: 'show the members, and what each should hold and holds; drain, remove, replace them',
  builder: (y) =>
    y
      .command(drainCommand)
      .command(activateCommand)
      .command(removeCommand)
      .command(replaceCommand)
      .options(whereaboutsOptions)
      .option('watch', { type: 'boolean', default: false, describe: 'go on until Ctrl-C' })
      .option('json', jsonOption) as never,
  handler: async (argv) => {
    const nodes = findCluster(argv)
    let last = ''
    for (;;) {
      const report = await askAny(nodes, (admin) => admin.nodes())
      const text = argv.json ? JSON.stringify(report) : shown(report)
      if (argv.watch && process.stdout.isTTY && !argv.json) print(`\x1b[2J\x1b[H${text}`)
      else if (argv.json && !argv.watch) printJson(report)
      else if (text !== last) print(text)
      last = text
      if (!argv.watch) return
      await new Promise((go) => setTimeout(go, watchEveryMs))
    }
  },
}

/** Runs a change with its progress on stderr and its result on stdout. */
async function changing(
  argv: Asked & { readonly name: string },
  run: (change: ClusterChange, line: ProgressLine, nodes: readonly KnownNode[]) => Promise<string>,
): Promise<void> {
  const line = new ProgressLine()
  const found = findCluster(argv)
  // The node itself may end in the middle of it.
  const nodes = [
    ...found.filter(({ name }) => name !== argv.name),
    ...found.filter(({ name }) => name === argv.name),
  ]
  try {
    const done = await run(new ClusterChange(nodes, line), line, nodes)
    if (argv.json) printJson({ node: argv.name, done })
    else say(done)
  } finally {
    line.end()
  }
}

async function removed(
  change: ClusterChange,
  line: ProgressLine,
  name: string,
  isDead: boolean,
): Promise<string> {
  const member = await change.member(name)
  if (isDead && member.up) {
    throw new CommandFailed(
      'refused',
      `${name} is not dead: the others are linked to it. Leave --dead out, or stop it first`,
    )
  }
  if (!isDead) {
    if (!member.up) {
      say(`${name} does not answer; if it will not come back, --dead removes it at once`)
    }
    if ((await change.drainAndWait(name)) === 'gone') return `somebody else has removed ${name}`
    line.end()
  }
  const byOther = await change.remove(name, isDead)
  return byOther ? `somebody else has removed ${name}` : `${name} is removed, for ever`
}

function shown(report: NodesReport): string {
  const isTerminal = process.stdout.isTTY
  const head = ['node', 'index', 'state', 'up', 'replicas', 'leads', 'zone', 'peer']
  const rows = report.nodes.map((node) => [
    node.name,
    node.index,
    node.state,
    node.up,
    ofWished(node.actual.replicas, node.wished.replicas, node.catchingUp),
    ofWished(node.actual.leads, node.wished.leads, 0),
    node.zone === '' ? '–' : node.zone,
    node.peer,
    ...(isTerminal ? [drawn(node)] : []),
  ])
  const moving =
    report.moving === 0
      ? 'everything is where the table wants it'
      : `${report.moving} partitions are on their way`
  return `${table(isTerminal ? [...head, ''] : head, rows)}\n\ntable version ${report.tableVersion}; ${moving}`
}

/** `12` when it is as it should be, else `7/12`, and `+3` that are being copied. */
function ofWished(actual: number, wished: number, catchingUp: number): string {
  const counts = actual === wished ? `${actual}` : `${actual}/${wished}`
  return catchingUp === 0 ? counts : `${counts} +${catchingUp}`
}

/** How far a node has come towards what it should hold; for one that drains, how much it has given away is not known. */
function drawn({ actual, wished }: MemberProgress): string {
  const most = Math.max(actual.replicas, wished.replicas)
  return most === 0 ? '' : bar(Math.min(actual.replicas, wished.replicas), most)
}
