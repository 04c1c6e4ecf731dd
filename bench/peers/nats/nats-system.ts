import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../../jepsen-lite/world/free-ports.ts'
import { programFile } from '../installed.ts'
import { ServerProcesses } from '../server-processes.ts'
import type { Running, System, Where } from '../system.ts'
import { NatsConnection } from './nats-connection.ts'

/** How often a server syncs what it has written: every two minutes, or before each acknowledgement. */
export type SyncInterval = 'default' | 'always'

/** Names of the stream and of its one subject. */
const stream = 'bench'
const subject = 'bench'
/** For three servers to find each other, elect and make the stream, ms. */
const readyMs = 60_000

/** NATS JetStream: one stream in files, a copy on each server. */
export function natsSystem(sync: SyncInterval): System {
  return {
    name: sync === 'always' ? 'nats-sync' : 'nats',
    acknowledges:
      sync === 'always'
        ? 'on disk (each write synced) at a majority'
        : 'written at a majority, synced every 2 minutes',
    delivers: 'published: subscribers get it before it is stored anywhere',
    needs: [
      { program: 'nats-server', debianPackage: 'nats-server' },
      ...(sync === 'always' ? [{ program: 'chattr', debianPackage: 'e2fsprogs' }] : []),
    ],
    start: (where) => start(where, sync),
  }
}

async function start({ folder, nodes }: Where, sync: SyncInterval): Promise<Running> {
  const program = programFile('nats-server') ?? 'nats-server'
  const knowsSync = sync === 'always' && knowsSyncInterval(program)
  const clients = await freePorts(nodes)
  const routes = await freePorts(nodes)
  const servers = new ServerProcesses(folder)
  const connect = (node: number) => NatsConnection.open(clients[node % nodes]!, subject)
  await servers.guarded(async () => {
    for (let i = 0; i < nodes; i++) {
      const store = join(folder, `store${i}`)
      mkdirSync(store)
      if (sync === 'always' && !knowsSync) execFileSync('chattr', ['+S', store])
      const file = join(folder, `n${i}.conf`)
      const of = { name: `n${i}`, client: clients[i]!, route: routes[i]!, routes, store, knowsSync }
      writeFileSync(file, configuration(of))
      servers.start(`n${i}`, [program, '-c', file])
    }
    for (let i = 0; i < nodes; i++) {
      await servers.eventually(readyMs, `nats n${i}`, async () => (await connect(i)).close())
    }
    await makeStream(servers, connect, nodes)
  })
  return { pids: () => servers.pids(), connect, stop: () => servers.kill() }
}

interface ServerSettings {
  readonly name: string
  readonly client: number
  readonly route: number
  readonly routes: readonly number[]
  readonly store: string
  readonly knowsSync: boolean
}

function configuration({ name, client, route, routes, store, knowsSync }: ServerSettings): string {
  const others = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')
  return `
server_name: ${name}
listen: "127.0.0.1:${client}"
max_payload: 1MB
max_pending: 256MB
jetstream {
  store_dir: "${store}"
  max_file_store: 8GB
  max_memory_store: 256MB
  ${knowsSync ? 'sync_interval: always' : ''}
}
cluster { name: bench, listen: "127.0.0.1:${route}", no_advertise: true, routes: [${others}] }
`
}

/** `sync_interval` came with 2.10. Older servers write into a folder with the S attribute (chattr): each write is synced. */
function knowsSyncInterval(program: string): boolean {
  return isAtLeast210(execFileSync(program, ['--version'], { encoding: 'utf8' }))
}

/** `version`: as the program prints it, such as `nats-server: v2.9.10`. */
export function isAtLeast210(version: string): boolean {
  const [, major, minor] = /v(\d+)\.(\d+)/.exec(version) ?? []
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 10)
}

/** Tried until the servers have elected who makes streams, and each has its copy in step. */
async function makeStream(
  servers: ServerProcesses,
  connect: (node: number) => Promise<NatsConnection>,
  nodes: number,
): Promise<void> {
  const admin = await connect(0)
  const wish = {
    name: stream,
    subjects: [subject],
    retention: 'limits',
    discard: 'old',
    storage: 'file',
    num_replicas: nodes,
    duplicate_window: 1_000_000_000, // ns
  }
  await servers.eventually(readyMs, 'the stream', () =>
    admin.ask(`$JS.API.STREAM.CREATE.${stream}`, JSON.stringify(wish)),
  )
  await servers.eventually(readyMs, 'copies in step', async () => {
    const { cluster } = await admin.ask(`$JS.API.STREAM.INFO.${stream}`, '')
    const current = (cluster?.replicas ?? []).filter((copy) => copy.current && !copy.offline)
    if (cluster?.leader === undefined || current.length < nodes - 1) throw new Error('not yet')
  })
  admin.close()
}
