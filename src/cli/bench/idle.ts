import type { BenchSession } from './bench-session.ts'
import type { BenchTarget } from './bench-target.ts'
import { BenchUsers } from './bench-users.ts'
import { rounded } from './latencies.ts'
import { residentKb } from './process-usage.ts'
import { CommandFailed } from '../exit-codes.ts'

export interface IdleSettings {
  readonly connections: number
  readonly users: number
  /** Attach each connection to its `me` topic, as chat applications do. */
  readonly me: boolean
  readonly settleMs: number
}

export interface IdleResult {
  readonly connections: number
  /** Growth of the resident memory of all servers, over the connections. */
  readonly kbPerConnection: number | null
  readonly kbBefore: number | null
  readonly kbAfter: number | null
  readonly connectsPerS: number | null
  readonly clean: boolean
}

/**
 * Connections made first, and kept: code paths are loaded, users signed up, and the young generation
 * of each heap has its full size, which is a cost per process and not per connection.
 */
const warmConnections = 2_000

/** Memory of logged-in connections that do nothing. */
export async function benchIdle(
  target: BenchTarget,
  settings: IdleSettings,
  say: (line: string) => void,
): Promise<IdleResult> {
  const pids = target.pids()
  if (pids.length === 0)
    throw new CommandFailed('usage', 'the server processes are not known: use --dir, or no target')
  const users = new BenchUsers(target.urls, settings.users)
  const sessions: BenchSession[] = []
  const enter = async (session: BenchSession) => {
    if (settings.me) await session.attach('me')
    sessions.push(session)
    if (sessions.length % 1_000 === 0) say(`  ${sessions.length} connections`)
  }
  await users.connectMany(Math.max(warmConnections, settings.users), enter)
  await pause(settings.settleMs)
  const before = residentKb(pids)
  const began = performance.now()
  await users.connectMany(settings.connections, enter)
  const elapsed = (performance.now() - began) / 1000
  await pause(settings.settleMs)
  const after = residentKb(pids)
  const lost = sessions.filter((session) => session.closed).length
  for (const session of sessions) session.destroy()
  if (lost > 0) say(`  ${lost} connections did not stay`)
  return {
    connections: settings.connections,
    kbPerConnection: rounded((after - before) / settings.connections),
    kbBefore: rounded(before, 0),
    kbAfter: rounded(after, 0),
    connectsPerS: rounded(settings.connections / elapsed, 0),
    clean: lost === 0,
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
