import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { CommandModule } from 'yargs'
import { checkApiKey, mintApiKey } from '../../node/api-key.ts'
import { loadCluster, noOverrides } from '../../node/config.ts'
import type { ClusterConfig } from '../../node/config.ts'
import { createSecretFile, deriveKeys, readSecret } from '../../node/secrets.ts'
import type { ClusterKeys } from '../../node/secrets.ts'
import { CommandFailed } from '../exit-codes.ts'
import { print, printJson, say } from '../output.ts'

const configOption = {
  type: 'string',
  requiresArg: true,
  describe: 'cluster file whose secret signs the key',
} as const
const jsonOption = { type: 'boolean', default: false, describe: 'print JSON' } as const

interface NewArguments {
  readonly config: string | undefined
  readonly 'secret-file': string | undefined
  readonly sequence: number
  readonly json: boolean
}

const newCommand: CommandModule<object, NewArguments> = {
  command: 'new',
  describe: 'make an API key for clients; with --secret-file, make the secret of a new cluster',
  builder: (y) =>
    y
      .option('config', { ...configOption, conflicts: 'secret-file' })
      .option('secret-file', {
        type: 'string',
        requiresArg: true,
        describe: 'file to put a new random secret into (mode 0600); an existing one is kept',
      })
      .option('sequence', { type: 'number', default: 1, describe: 'number of the key, 1..65535' })
      .option('json', jsonOption) as never,
  handler: (argv) => {
    if (argv['secret-file'] !== undefined) {
      newSecret(argv['secret-file'], argv.json)
      return
    }
    if (argv.config === undefined)
      throw new CommandFailed('usage', 'say --config FILE or --secret-file FILE')
    if (!Number.isInteger(argv.sequence) || argv.sequence < 1 || argv.sequence > 65_535) {
      throw new CommandFailed('usage', '--sequence takes 1..65535')
    }
    const key = mintApiKey(
      keysOf(loadCluster(argv.config, noOverrides).cluster).apiKeySalt,
      argv.sequence,
    )
    if (argv.json) printJson({ key, sequence: argv.sequence })
    else print(key)
  },
}

const checkCommand: CommandModule<object, { key: string; config: string; json: boolean }> = {
  command: 'check <key>',
  describe: 'tell whether a cluster accepts an API key',
  builder: (y) =>
    y
      .positional('key', { type: 'string', demandOption: true })
      .option('config', { ...configOption, demandOption: true })
      .option('json', jsonOption),
  handler: (argv) => {
    const verdict = checkApiKey(
      keysOf(loadCluster(argv.config, noOverrides).cluster).apiKeySalt,
      argv.key,
    )
    if (argv.json) printJson({ key: argv.key, valid: verdict === 'valid', verdict })
    else print(verdict)
    if (verdict !== 'valid') throw new CommandFailed('failed', 'this cluster refuses the key')
  },
}

export const keyCommand: CommandModule = {
  command: 'key <command>',
  describe: 'make and check API keys, and the secret of a cluster',
  builder: (y) =>
    y.command(newCommand).command(checkCommand).demandCommand(1, 'Say what to do: new or check.'),
  handler: () => {},
}

function newSecret(path: string, json: boolean): void {
  const file = resolve(path)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const made = createSecretFile(file)
  if (json) printJson({ secretFile: file, made })
  else
    say(
      made
        ? `made ${file}; copy it to every node, mode 0600, and nowhere else`
        : `${file} is there already; kept`,
    )
}

function keysOf(cluster: ClusterConfig): ClusterKeys {
  return deriveKeys(readSecret(cluster.secret), cluster.name, cluster.profile)
}
