import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { Server } from 'node:net'

/**
 * Below the range from which systems draw the ports of outgoing connections (32768 up on Linux): a
 * port of that range that was free a moment ago may be somebody's connection when a node listens.
 */
const [lowest, highest] = [10_240, 32_767] as const
/** A process takes ports by lanes of so many. It holds the first one of a lane for as long as it lives. */
const lanePorts = 64
/** Lanes tried. Above: all seem to be taken. */
const maxLanes = 2000

/** Ports of this process that were not given out yet. */
const left: number[] = []

/**
 * Ports of the loopback that nobody listens on. None is given twice, to this process or to another one
 * that asks here: between the answer and the moment at which a node listens nobody can come first.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = left.shift()
    if (port === undefined) left.push(...(await takeLane()))
    else if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function takeLane(): Promise<number[]> {
  for (let tries = 0; tries < maxLanes; tries++) {
    const first = lowest + lanePorts * randomInt(Math.floor((highest + 1 - lowest) / lanePorts))
    const holder = await listening(first)
    if (holder === null) continue
    holder.unref()
    return Array.from({ length: lanePorts - 1 }, (_, i) => first + 1 + i)
  }
  throw new Error(`there are no free ports between ${lowest} and ${highest}`)
}

async function isFree(port: number): Promise<boolean> {
  const server = await listening(port)
  if (server === null) return false
  await new Promise((closed) => server.close(closed))
  return true
}

/** Null: somebody has the port. */
function listening(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
