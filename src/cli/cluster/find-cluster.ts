import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { loadCluster, noOverrides } from '../../node/config.ts'
import type { SecretSource } from '../../node/config.ts'
import { deriveKeys, readSecret } from '../../node/secrets.ts'
import { CommandFailed } from '../exit-codes.ts'
import { AdminClient, AdminRefused } from './admin-client.ts'
import type { Credentials } from './admin-client.ts'
import { joinedNodes } from './joined-nodes.ts'

/** How the commands that ask a running cluster find it, and show that they may. */
export interface Whereabouts {
  readonly admin?: string | undefined
  readonly dir?: string | undefined
  readonly config?: string | undefined
  readonly 'secret-file'?: string | undefined
  readonly 'admin-token'?: string | undefined
}

export const defaultDir = '.flotilla'
export const clusterFileName = 'cluster.json'

/** For yargs: the options that say where the cluster is. */
export const whereaboutsOptions = {
  admin: {
    type: 'string',
    describe: 'admin address of a node, host:port',
    conflicts: ['dir', 'config'],
    requiresArg: true,
  },
  dir: {
    type: 'string',
    describe: `folder of a cluster that was started with up (default: ${defaultDir})`,
    conflicts: 'config',
    requiresArg: true,
  },
  config: {
    type: 'string',
    describe: 'cluster file that the cluster was founded with',
    requiresArg: true,
  },
  'secret-file': {
    type: 'string',
    describe: 'secret of the cluster, when neither folder nor cluster file tells it',
    requiresArg: true,
  },
  'admin-token': {
    type: 'string',
    describe: 'admin token of the cluster, instead of its secret (FLOTILLA_ADMIN_TOKEN)',
    requiresArg: true,
  },
} as const

export interface KnownNode {
  /** Null: found by address only. */
  readonly name: string | null
  readonly admin: AdminClient
}

/** The nodes to ask, not asked yet. Throws CommandFailed `unreachable` when nothing says where they are. */
export function findCluster(where: Whereabouts): KnownNode[] {
  if (where.admin !== undefined) {
    if (!/:\d+$/.test(where.admin)) throw new CommandFailed('usage', '--admin takes host:port')
    const credentials = credentialsOf(where, undefined)
    return [{ name: null, admin: new AdminClient(where.admin, undefined, credentials) }]
  }
  const file = where.config ?? join(where.dir ?? defaultDir, clusterFileName)
  if (!existsSync(file)) {
    throw new CommandFailed(
      'unreachable',
      `there is no ${file}. Start a cluster with: flotilla up; or name a node with --admin HOST:PORT`,
    )
  }
  const { cluster, nodes } = loadCluster(file, noOverrides)
  const credentials = credentialsOf(where, cluster.secret)
  const joined = where.config === undefined ? joinedNodes(where.dir ?? defaultDir) : []
  return [...nodes, ...joined].map(({ name, admin }) => ({
    name,
    admin: new AdminClient(admin, undefined, credentials),
  }))
}

/** The secret is read only when a node asks for the token, so that facts need no right to read it. */
function credentialsOf(where: Whereabouts, known: SecretSource | undefined): Credentials {
  const given = where['admin-token'] ?? process.env['FLOTILLA_ADMIN_TOKEN']
  const path = where['secret-file']
  const secret: SecretSource | undefined = path === undefined ? known : { kind: 'file', path }
  return (clusterName) => {
    if (given !== undefined && given !== '' && path === undefined) return given
    if (secret === undefined) return undefined
    return deriveKeys(readSecret(secret), clusterName, 'development').adminToken
  }
}

/** The answer of the first node that gives one. Throws CommandFailed `unreachable` with every reason. */
export async function askAny<T>(
  nodes: readonly KnownNode[],
  ask: (admin: AdminClient) => Promise<T>,
): Promise<T> {
  const reasons: string[] = []
  for (const { admin } of nodes) {
    try {
      return await ask(admin)
    } catch (error) {
      if (error instanceof AdminRefused) throw new CommandFailed('refused', error.message)
      reasons.push(`  ${admin.address}: ${reasonOf(error)}`)
    }
  }
  throw new CommandFailed('unreachable', `no node answered:\n${reasons.join('\n')}`)
}

export type Answer<T> = { readonly value: T } | { readonly error: string }

/** What each node answers, in their order; one that does not has its reason. */
export function askAll<T>(
  nodes: readonly KnownNode[],
  ask: (admin: AdminClient) => Promise<T>,
): Promise<Answer<T>[]> {
  return Promise.all(
    nodes.map(({ admin }) =>
      ask(admin).then(
        (value) => ({ value }),
        (error: unknown) => ({ error: reasonOf(error) }),
      ),
    ),
  )
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ECONNREFUSED' ? 'nobody listens there' : error.message || (code ?? error.name)
}
