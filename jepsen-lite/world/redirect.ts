import { existsSync, readFileSync } from 'node:fs'
import { Socket } from 'node:net'

/**
 * Loaded into a node before the server (`node --import`): sends its connections to a peer's address
 * through the harness's proxy for that directed link. The server knows nothing of it, and the
 * addresses that the cluster agrees on are the true ones.
 *
 * JEPSEN_LITE_REDIRECT: a file, `{"127.0.0.1:7001": 40001, ...}`, true address to port of the proxy.
 * It is read for each connection, since nodes may join later.
 */
const redirectFile = process.env['JEPSEN_LITE_REDIRECT']

function proxyOf(host: string, port: number | string | undefined): number | undefined {
  if (redirectFile === undefined || !existsSync(redirectFile)) return undefined
  const redirects = JSON.parse(readFileSync(redirectFile, 'utf8')) as Record<string, number>
  return redirects[`${host}:${port}`]
}

/** JEPSEN_LITE_STALL: a file with ms. On SIGUSR2 the event loop stands still for so long; sockets stay open. */
const stallFile = process.env['JEPSEN_LITE_STALL']
if (stallFile !== undefined)
  process.on('SIGUSR2', () => {
    const ms = Number(readFileSync(stallFile, 'utf8'))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  })

interface Target {
  host?: string
  port?: number | string
}

// `connect` takes (options), (port, host), or what net.connect made of them: an array around them.
type Connect = (this: Socket, ...args: unknown[]) => Socket
const prototype = Socket.prototype as unknown as { connect: Connect }
const original = prototype.connect
prototype.connect = function (...args: unknown[]): Socket {
  const first: unknown = Array.isArray(args[0]) ? (args[0] as unknown[])[0] : args[0]
  if (typeof first === 'object' && first !== null) {
    const target = first as Target
    const port = proxyOf(target.host ?? 'localhost', target.port)
    if (port !== undefined) target.port = port
  } else {
    const port = proxyOf(typeof args[1] === 'string' ? args[1] : 'localhost', String(args[0]))
    if (port !== undefined) args[0] = port
  }
  return original.apply(this, args)
}
