import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CommandModule } from 'yargs'
import { FlotillaClient } from '../../client/client.ts'
import { Publisher } from '../../client/publisher.ts'
import { realSurroundings } from '../../client/surroundings.ts'
import { loadCluster, noOverrides } from '../../node/config.ts'
import { deriveKeys, readSecret } from '../../node/secrets.ts'
import { Conversation } from '../chat/conversation.ts'
import { StreamTerminal, type Terminal } from '../chat/terminal.ts'
import { clusterFileName, defaultDir } from '../cluster/find-cluster.ts'
import { CommandFailed } from '../exit-codes.ts'

export interface ChatArguments {
  readonly node: readonly string[] | undefined
  readonly dir: string | undefined
  readonly user: string | undefined
  readonly 'password-file': string | undefined
  readonly topic: string | undefined
  readonly 'api-key': string | undefined
}

export const chatCommand: CommandModule<object, ChatArguments> = {
  command: 'chat',
  describe: 'talk to others in the terminal: sign up or log in, make and join groups',
  builder: (y) =>
    y
      .option('node', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe: 'client address of a node, host:port; several make it survive the loss of one',
      })
      .option('dir', {
        type: 'string',
        requiresArg: true,
        conflicts: 'node',
        describe: `folder of a cluster that was started with up (default: ${defaultDir})`,
      })
      .option('user', { type: 'string', requiresArg: true, describe: 'login name; made if new' })
      .option('password-file', {
        type: 'string',
        requiresArg: true,
        describe: 'file whose first line is the password; without it, it is asked for',
      })
      .option('topic', { type: 'string', requiresArg: true, describe: 'enter this one at once' })
      .option('api-key', {
        type: 'string',
        requiresArg: true,
        describe: 'API key of the cluster (FLOTILLA_API_KEY)',
      }) as never,
  handler: async (argv) => {
    await chat(argv, new StreamTerminal(process.stdin, process.stdout))
  },
}

/** Runs until `/quit` or the end of input. Throws CommandFailed when there is nobody to talk through. */
export async function chat(argv: ChatArguments, terminal: Terminal): Promise<void> {
  const target = targetOf(argv)
  const user = argv.user ?? (await terminal.ask('user name: ', false))
  if (user === undefined || user === '') throw new CommandFailed('usage', 'say --user NAME')
  const password = passwordIn(argv['password-file']) ?? (await terminal.ask('password: ', true))
  if (password === undefined || password === '') {
    throw new CommandFailed('usage', 'no password was given')
  }
  const client = new FlotillaClient({
    ...target,
    userAgent: 'flotilla-chat/0.1',
    events: {
      lost: (why) => terminal.say(`* connection lost (${why}), trying again`),
      loggedOut: (why) => terminal.say(`! logged out: ${why.text}`),
    },
  })
  try {
    const connected = await client.connect()
    if (connected.kind !== 'ok') throw new CommandFailed('unreachable', connected.text)
    terminal.say(await enterAs(client, user, password))
    await converse(client, terminal, argv.topic)
  } finally {
    client.close()
    terminal.close()
  }
}

async function converse(
  client: FlotillaClient,
  terminal: Terminal,
  topic: string | undefined,
): Promise<void> {
  const conversation = new Conversation({
    client,
    publisher: new Publisher(client, realSurroundings),
    clock: realSurroundings.clock,
    say: (line) => terminal.say(line),
  })
  terminal.onTyping(() => conversation.typing())
  await conversation.begin()
  if (topic !== undefined) await conversation.enter(topic)
  for await (const line of terminal.lines()) {
    if (!(await conversation.line(line))) break
  }
  await conversation.settled()
}

/** Logs in, or signs up when there is no such user; what to tell the person. */
async function enterAs(client: FlotillaClient, login: string, password: string): Promise<string> {
  const known = await client.login(login, password)
  if (known.kind === 'ok') return `* welcome back, ${login}. /help shows what you can do`
  if (known.code !== 401) throw new CommandFailed('failed', `cannot log in: ${known.text}`)
  const made = await client.createAccount({ login, password, public: { fn: login } })
  if (made.kind === 'ok')
    return `* welcome, ${login}: your account is new. /help shows what you can do`
  if (made.code === 409) throw new CommandFailed('failed', `wrong password for ${login}`)
  throw new CommandFailed('failed', `cannot sign up: ${made.text}`)
}

function targetOf(argv: ChatArguments): { addresses: readonly string[]; apiKey: string } {
  const given = argv['api-key'] ?? process.env['FLOTILLA_API_KEY']
  if (argv.node !== undefined) return { addresses: argv.node, apiKey: given ?? stockApiKey }
  const file = join(argv.dir ?? defaultDir, clusterFileName)
  if (!existsSync(file)) {
    throw new CommandFailed(
      'unreachable',
      `there is no ${file}. Start a cluster with: flotilla up; or name a node with --node HOST:PORT`,
    )
  }
  const { cluster, nodes } = loadCluster(file, noOverrides)
  const { apiKey } = deriveKeys(readSecret(cluster.secret), cluster.name, cluster.profile)
  return { addresses: nodes.map(({ client }) => client), apiKey: given ?? apiKey }
}

function passwordIn(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[0]
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error)
    throw new CommandFailed('usage', `cannot read the password: ${says}`)
  }
}

/** What clusters of the development profile take, as stock clients do. It protects nothing. */
const stockApiKey = 'AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K'
