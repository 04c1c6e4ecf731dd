import { join } from 'node:path'
import { CeilingClients } from './ceiling-clients.ts'
import { Follower } from './ceiling-follower.ts'
import { Leader } from './ceiling-leader.ts'
import { CeilingLog } from './ceiling-log.ts'

/** What a node of the ceiling is started with, as JSON. */
export interface CeilingSettings {
  /** 0 leads. */
  readonly id: number
  readonly folder: string
  readonly clientPorts: readonly number[]
  /** Where the leader listens for followers. */
  readonly leaderPort: number
}

/** The part of a node that replicates. */
export interface Replica {
  /** `done` is called with the place of the entry when it has committed. */
  publish(body: string, done: (seq: number) => void): void
}

/** Starts listening for clients once the node is in touch with the leader. */
async function serve(settings: CeilingSettings): Promise<void> {
  const { id, folder, clientPorts, leaderPort } = settings
  const clients = new CeilingClients()
  const log = new CeilingLog(join(folder, `log${id}`))
  const deliver = (first: number, bodies: readonly string[]) => clients.deliver(first, bodies)
  if (id === 0) {
    const leader = new Leader(log, clientPorts.length, deliver)
    leader.listen(leaderPort)
    clients.listen(clientPorts[id]!, leader)
    return
  }
  const follower = new Follower(log, deliver)
  await follower.join(id, leaderPort)
  clients.listen(clientPorts[id]!, follower)
}

await serve(JSON.parse(process.argv[2] ?? '{}') as CeilingSettings)
