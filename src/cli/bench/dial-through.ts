import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'

/**
 * Loaded into a measured node before the server (`node --import`): what it dials goes through the
 * proxy that stands on that way, if there is one. The server knows nothing of it, and addresses stay what
 * the cluster agreed on. The file that dialFileVariable names holds, for each node, `host:port` → port.
 */
export type DialFile = Readonly<Record<string, Readonly<Record<string, number>>>>

export const dialFileVariable = 'FLOTILLA_BENCH_DIAL'

interface Target {
  host?: string
  port?: number | string
}
type Connect = (this: Socket, ...args: unknown[]) => Socket

const path = process.env[dialFileVariable]
const name = process.argv[process.argv.indexOf('--node') + 1]
if (path !== undefined && name !== undefined) {
  dialThrough((JSON.parse(readFileSync(path, 'utf8')) as DialFile)[name] ?? {})
}

function dialThrough(ways: Readonly<Record<string, number>>): void {
  const prototype = Socket.prototype as unknown as { connect: Connect }
  const original = prototype.connect
  prototype.connect = function (...args: unknown[]): Socket {
    // (options), or what net.connect made of its arguments: an array around them.
    const first: unknown = Array.isArray(args[0]) ? (args[0] as unknown[])[0] : args[0]
    if (typeof first === 'object' && first !== null) {
      const target = first as Target
      const port = ways[`${target.host ?? 'localhost'}:${target.port}`]
      if (port !== undefined) target.port = port
    }
    return original.apply(this, args)
  }
}
