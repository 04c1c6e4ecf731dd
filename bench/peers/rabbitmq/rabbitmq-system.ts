import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../../jepsen-lite/world/free-ports.ts'
import { programFile } from '../installed.ts'
import { ServerProcesses } from '../server-processes.ts'
import type { Running, System, Where } from '../system.ts'
import { amqpPackage } from './amqp.ts'
import { RabbitmqConnection } from './rabbitmq-connection.ts'

/** For a node to start and join, on a machine of two cores, ms. */
const readyMs = 90_000

/** RabbitMQ: a quorum queue with a copy on each node, and publisher confirms. */
export const rabbitmqSystem: System = {
  name: 'rabbitmq',
  acknowledges: 'on disk (fdatasync) at a majority',
  delivers: 'published: each subscriber has a queue of its own in memory',
  needs: [
    { program: 'rabbitmq-server', debianPackage: 'rabbitmq-server' },
    { program: 'epmd', debianPackage: 'erlang-base' },
  ],
  npmPackage: amqpPackage,
  start,
}

async function start({ folder, nodes }: Where): Promise<Running> {
  const clients = await freePorts(nodes)
  const distribution = await freePorts(nodes)
  const [epmdPort] = await freePorts(1)
  const names = clients.map((_, i) => `bench${i}@localhost`)
  writeConfiguration(folder, names)
  const servers = new ServerProcesses(folder)
  // The nodes' own name server, so that they neither use nor leave behind the machine's.
  servers.start('epmd', [
    programFile('epmd') ?? 'epmd',
    '-address',
    '127.0.0.1',
    '-port',
    `${epmdPort}`,
  ])
  const connect = (node: number) => RabbitmqConnection.open(clients[node % nodes]!)
  await servers.guarded(async () => {
    for (const [i, name] of names.entries()) {
      const ports = { client: clients[i]!, distribution: distribution[i]!, epmd: epmdPort! }
      servers.start(`r${i}`, [serverProgram()], environmentOf(folder, name, ports))
      // One after the other: a node joins those that it finds.
      await servers.eventually(readyMs, `rabbitmq ${name}`, async () => (await connect(i)).close())
    }
    await servers.eventually(readyMs, 'the quorum queue', () => probe(connect, nodes))
  })
  return { pids: () => servers.pids(), connect, stop: () => servers.kill() }
}

/** Ready is: a publish through each node is confirmed, and heard at the first, so that they are one cluster. */
async function probe(
  connect: (node: number) => Promise<RabbitmqConnection>,
  nodes: number,
): Promise<void> {
  const first = await connect(0)
  try {
    await first.declare(nodes)
    let heard = 0
    let allHeard = () => {}
    const all = new Promise<void>((resolve) => (allHeard = resolve))
    await first.subscribe(() => {
      if (++heard === nodes) allHeard()
    })
    for (let i = 0; i < nodes; i++) await publishOnce(await connect(i))
    await all
  } finally {
    first.close()
  }
}

async function publishOnce(connection: RabbitmqConnection): Promise<void> {
  try {
    await connection.publish('ready?')
  } finally {
    connection.close()
  }
}

/** Debian's program in the path changes the user first; this is what it then runs. */
const behindTheWrapper = '/usr/lib/rabbitmq/bin/rabbitmq-server'

function serverProgram(): string {
  if (existsSync(behindTheWrapper)) return behindTheWrapper
  return programFile('rabbitmq-server') ?? 'rabbitmq-server'
}

function writeConfiguration(folder: string, names: readonly string[]): void {
  mkdirSync(join(folder, 'home'))
  writeFileSync(join(folder, 'home', '.erlang.cookie'), 'FLOTILLABENCH', { mode: 0o400 })
  writeFileSync(join(folder, 'plugins'), '[].\n')
  const lines = [
    'cluster_formation.peer_discovery_backend = classic_config',
    ...names.map((name, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${name}`),
    'log.console = false',
    // Publishers are not held back for want of memory or disk: that would be what is measured.
    'vm_memory_high_watermark.absolute = 4GB',
    'disk_free_limit.absolute = 1GB',
  ]
  writeFileSync(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`)
}

interface Ports {
  readonly client: number
  readonly distribution: number
  readonly epmd: number
}

function environmentOf(folder: string, name: string, ports: Ports): Record<string, string> {
  const own = join(folder, name)
  return {
    HOME: join(folder, 'home'),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: `${ports.epmd}`,
    ERL_CRASH_DUMP: `${own}.crash`,
    RABBITMQ_NODENAME: name,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: `${ports.client}`,
    RABBITMQ_DIST_PORT: `${ports.distribution}`,
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_MNESIA_BASE: `${own}.data`,
    RABBITMQ_LOG_BASE: `${own}.logs`,
    RABBITMQ_PID_FILE: `${own}.pid`,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    // So that the script becomes the server and does not stay as its parent: its id is the one to end.
    RUNNING_UNDER_SYSTEMD: 'true',
  }
}
