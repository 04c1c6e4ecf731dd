import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { Server } from 'node:net'

/**
 * Below the range from which systems draw the ports of outgoing connections (32768 up on Linux): a
 * port of that range that was free a moment ago may be somebody's connection when a node listens.
 */
const [lowest, highest] = [10_240, 32_767] as const
/** Ports tried for each that is wanted. Above: there is none. */
const maxTries = 200

/** Ports of the loopback that nobody listens on. All are held at once, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { readonly port: number; readonly server: Server }[] = []
  for (let tries = 0; held.length < count; tries++) {
    if (tries > maxTries * count) throw new Error(`there are no ${count} free ports`)
    const port = randomInt(lowest, highest + 1)
    const server = await listening(port)
    if (server !== null) held.push({ port, server })
  }
  await Promise.all(held.map(({ server }) => new Promise((closed) => server.close(closed))))
  return held.map(({ port }) => port)
}

/** Null: somebody has the port. */
function listening(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
