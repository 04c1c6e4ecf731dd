import type { CommandModule } from 'yargs'
import { environmentName, optionNames, optionRow } from '../../node/options.ts'
import { loadCluster } from '../../node/config.ts'
import type { ResolvedCluster } from '../../node/config.ts'
import { clusterFileSchema } from '../../node/cluster-file.ts'
import { optionFlags, overridesOf } from '../option-flags.ts'
import { optionReference } from '../option-reference.ts'
import { print, printJson, printTable } from '../output.ts'

interface ConfigArguments {
  readonly config: string
  readonly json: boolean
}

const fileOption = {
  type: 'string',
  demandOption: true,
  requiresArg: true,
  describe: 'cluster file',
} as const
const jsonOption = { type: 'boolean', default: false, describe: 'print JSON' } as const

const checkCommand: CommandModule<object, ConfigArguments> = {
  command: 'check',
  describe: 'check a cluster file, the environment and the flags as serve would; start nothing',
  builder: (y) =>
    y.option('config', fileOption).option('json', jsonOption).options(optionFlags()) as never,
  handler: (argv) => {
    const { cluster, nodes } = loadCluster(argv.config, overridesOf({ ...argv }))
    if (argv.json)
      printJson({ ok: true, cluster: cluster.name, nodes: nodes.map((node) => node.name) })
    else print(`${argv.config} is good: cluster ${cluster.name}, ${nodes.length} node(s)`)
  },
}

const printCommand: CommandModule<object, ConfigArguments> = {
  command: 'print',
  describe: 'print the configuration as it would be used, and where each value comes from',
  builder: (y) =>
    y.option('config', fileOption).option('json', jsonOption).options(optionFlags()) as never,
  handler: (argv) => {
    const resolved = loadCluster(argv.config, overridesOf({ ...argv }))
    if (argv.json) printJson(shown(resolved))
    else show(resolved)
  },
}

const schemaCommand: CommandModule = {
  command: 'schema',
  describe: 'print the JSON schema of cluster files',
  handler: () => print(JSON.stringify(clusterFileSchema, null, 2)),
}

const referenceCommand: CommandModule = {
  command: 'reference',
  describe: 'print what every option means, as Markdown',
  handler: () => print(optionReference().trimEnd()),
}

export const configCommand: CommandModule = {
  command: 'config <command>',
  describe: 'check or print a configuration',
  builder: (y) =>
    y
      .command(printCommand)
      .command(checkCommand)
      .command(schemaCommand)
      .command(referenceCommand)
      .demandCommand(1, 'Say what to do: print, check, schema or reference.'),
  handler: () => {},
}

/** Everything but the secret. */
function shown({ cluster, nodes, options, sources }: ResolvedCluster): object {
  const secret =
    cluster.secret.kind === 'file' ? { secretFile: cluster.secret.path } : { secret: '[redacted]' }
  return { cluster: { ...cluster, secret: undefined, ...secret }, nodes, options, sources }
}

function show({ cluster, nodes, options, sources }: ResolvedCluster): void {
  print(`cluster ${cluster.name} (${cluster.profile})`)
  print(
    `  partitions ${cluster.partitions}, replication factor ${cluster.replicationFactor}, virtual nodes ${cluster.virtualNodes}`,
  )
  print(`  secret ${cluster.secret.kind === 'file' ? cluster.secret.path : '[redacted]'}\n`)
  printTable(
    ['node', 'client', 'peer', 'admin', 'data', 'zone'],
    nodes.map((n) => [n.name, n.client, n.peer, n.admin, n.data, n.zone ?? '–']),
  )
  print()
  printTable(
    ['option', 'value', 'unit', 'from', 'environment'],
    optionNames.map((name) => {
      const row = optionRow(name)
      return [
        name,
        String(options[name]),
        row.type === 'number' ? row.unit : '',
        sources[name],
        environmentName(name),
      ]
    }),
  )
}
