import { fileURLToPath } from 'node:url'
import { freePorts } from '../../../jepsen-lite/world/free-ports.ts'
import { ServerProcesses } from '../server-processes.ts'
import type { Running, System, Where } from '../system.ts'
import { CeilingConnection } from './ceiling-connection.ts'
import type { CeilingSettings } from './ceiling-server.ts'

const ownProgram = fileURLToPath(new URL('./ceiling-server.js', import.meta.url))
/** For three processes of Node to start, ms. */
const readyMs = 20_000

/**
 * No product: the least that a replicated, durable fan-out can do in Node. Node 0 always leads; there
 * are no elections, no recovery, no users, no rights, one room. It shows what the machine would allow.
 */
export function ceilingSystem(program = ownProgram): System {
  return {
    name: 'ceiling',
    acknowledges: 'on disk (fdatasync) at a majority',
    delivers: 'on disk (fdatasync) at a majority',
    note: 'no product: no elections, no recovery; what Node can do here',
    needs: [],
    start: (where) => start(where, program),
  }
}

async function start({ folder, nodes }: Where, program: string): Promise<Running> {
  const clientPorts = await freePorts(nodes)
  const [leaderPort] = await freePorts(1)
  const servers = new ServerProcesses(folder)
  for (let id = 0; id < nodes; id++) {
    const settings: CeilingSettings = { id, folder, clientPorts, leaderPort: leaderPort! }
    servers.start(`c${id}`, [process.execPath, program, JSON.stringify(settings)])
  }
  const connect = (node: number) => CeilingConnection.open(clientPorts[node % nodes]!)
  await servers.guarded(async () => {
    // A node listens when it is in touch with the leader: once all do, nothing is published too early.
    for (let i = 0; i < nodes; i++) {
      await servers.eventually(readyMs, `ceiling c${i}`, async () => (await connect(i)).close())
    }
  })
  return { pids: () => servers.pids(), connect, stop: () => servers.kill() }
}
