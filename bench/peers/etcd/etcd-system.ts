import { join } from 'node:path'
import { freePorts } from '../../../jepsen-lite/world/free-ports.ts'
import { programFile } from '../installed.ts'
import { ServerProcesses } from '../server-processes.ts'
import type { Running, System, Where } from '../system.ts'
import { EtcdConnection } from './etcd-connection.ts'

/** For three nodes to elect, ms. */
const readyMs = 60_000
/** What a node may keep before it refuses writes: more than any load here writes. */
const quotaBytes = 8 * 1024 ** 3

/** etcd: a publish is a put under a key of its own, a subscriber watches all keys. */
export const etcdSystem: System = {
  name: 'etcd',
  acknowledges: 'on disk (fdatasync) at a majority',
  delivers: 'on disk (fdatasync) at a majority',
  needs: [{ program: 'etcd', debianPackage: 'etcd-server' }],
  start,
}

async function start({ folder, nodes }: Where): Promise<Running> {
  const program = programFile('etcd') ?? 'etcd'
  const clients = await freePorts(nodes)
  const peers = await freePorts(nodes)
  const urlOf = (port: number | undefined) => `http://127.0.0.1:${port}`
  const cluster = peers.map((port, i) => `e${i}=${urlOf(port)}`).join(',')
  const servers = new ServerProcesses(folder)
  for (let i = 0; i < nodes; i++) {
    const options = {
      name: `e${i}`,
      'data-dir': join(folder, `e${i}`),
      'listen-client-urls': urlOf(clients[i]),
      'advertise-client-urls': urlOf(clients[i]),
      'listen-peer-urls': urlOf(peers[i]),
      'initial-advertise-peer-urls': urlOf(peers[i]),
      'initial-cluster': cluster,
      'initial-cluster-state': 'new',
      'initial-cluster-token': 'bench',
      'log-level': 'error',
      'quota-backend-bytes': quotaBytes,
    }
    const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
    servers.start(`e${i}`, [program, ...flags])
  }
  const connect = (node: number) => EtcdConnection.open(clients[node % nodes]!)
  await servers.guarded(async () => {
    for (let i = 0; i < nodes; i++)
      await servers.eventually(readyMs, `etcd e${i}`, () => probe(connect, i))
  })
  return { pids: () => servers.pids(), connect, stop: () => servers.kill() }
}

/** A node is ready when a put through it is acknowledged. */
async function probe(connect: (node: number) => Promise<EtcdConnection>, i: number): Promise<void> {
  const connection = await connect(i)
  try {
    await connection.publish('ready?')
  } finally {
    connection.close()
  }
}
