import type { CommandModule } from 'yargs'
import type { NewToken } from '../../node/administration.ts'
import { ClusterChange } from '../cluster/change-cluster.ts'
import { askAny, findCluster, whereaboutsOptions } from '../cluster/find-cluster.ts'
import type { KnownNode, Whereabouts } from '../cluster/find-cluster.ts'
import { durationText, parseDuration } from '../duration.ts'
import { CommandFailed } from '../exit-codes.ts'
import { print, printJson, printTable, say } from '../output.ts'

type Asked = Whereabouts & { readonly json: boolean }

const jsonOption = { type: 'boolean', default: false, describe: 'print JSON' } as const
const silent = { progress: () => undefined }

/** How long a token is valid, as every command that makes one takes it. */
export const validOption = {
  type: 'string',
  default: '1h',
  requiresArg: true,
  describe: 'how long it lets nodes join: 30s, 15m, 1h, 7d; 30d at most',
} as const

const newCommand: CommandModule<object, Asked & { valid: string }> = {
  command: 'new',
  describe: 'make a token with which new nodes may join until it expires',
  builder: (y) =>
    y.options(whereaboutsOptions).option('valid', validOption).option('json', jsonOption) as never,
  handler: async (argv) => {
    const nodes = findCluster(argv)
    const made = await newToken(nodes, argv.valid)
    const join = joinCommand(nodes, made.token)
    if (argv.json) {
      printJson({ ...made, expires: new Date(made.expiresAtMs).toISOString(), join })
      return
    }
    say(`valid for ${durationText(made.expiresAtMs - Date.now())}, for any number of nodes;`)
    say(`flotilla token revoke ${made.id} ends it. It is shown this once. On the new machine:\n`)
    print(join)
  },
}

const listCommand: CommandModule<object, Asked> = {
  command: 'list',
  describe: 'list the tokens that are valid',
  builder: (y) => y.options(whereaboutsOptions).option('json', jsonOption) as never,
  handler: async (argv) => {
    const tokens = await askAny(findCluster(argv), (admin) => admin.tokens())
    const shown = tokens.map(({ id, expiresAtMs }) => ({
      id,
      expiresAtMs,
      expires: new Date(expiresAtMs).toISOString(),
    }))
    if (argv.json) {
      printJson({ tokens: shown })
      return
    }
    printTable(
      ['id', 'expires', 'in'],
      shown.map((it) => [it.id, it.expires, durationText(it.expiresAtMs - Date.now())]),
    )
  },
}

const revokeCommand: CommandModule<object, Asked & { id: string }> = {
  command: 'revoke <id>',
  describe: 'end a token before it expires; nodes that have joined with it stay',
  builder: (y) =>
    y
      .positional('id', { type: 'string', demandOption: true, describe: 'as token list shows it' })
      .options(whereaboutsOptions)
      .option('json', jsonOption) as never,
  handler: async (argv) => {
    const change = new ClusterChange(findCluster(argv), silent)
    await change.ask((admin) => admin.revokeToken(argv.id))
    if (argv.json) printJson({ revoked: argv.id })
    else say(`${argv.id} lets nobody join any more`)
  },
}

export const tokenCommand: CommandModule = {
  command: 'token <command>',
  describe: 'make, list and revoke tokens with which nodes join the cluster',
  builder: (y) =>
    y
      .command(newCommand)
      .command(listCommand)
      .command(revokeCommand)
      .demandCommand(1, 'Say what to do: new, list or revoke.'),
  handler: () => {},
}

/** Throws CommandFailed. */
export async function newToken(nodes: readonly KnownNode[], valid: string): Promise<NewToken> {
  const validForMs = parseDuration(valid)
  if (validForMs === undefined) {
    throw new CommandFailed('usage', '--valid takes a number and s, m, h or d: 30s, 15m, 1h, 7d')
  }
  return new ClusterChange(nodes, silent).ask((admin) => admin.newToken(validForMs))
}

/** What a person types on the new machine. More than one address lets it join when one of them is down. */
export function joinCommand(nodes: readonly KnownNode[], token: string): string {
  const addresses = nodes.slice(0, maxJoinAddresses).map(({ admin }) => `--join ${admin.address}`)
  return `flotilla serve ${addresses.join(' ')} --token ${token}`
}

const maxJoinAddresses = 3
