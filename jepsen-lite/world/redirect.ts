import { Socket } from 'node:net'

/**
 * Loaded into a node before the server (`node --import`): sends its connections to a peer's address
 * through the harness's proxy for that directed link. The server knows nothing of it, and the
 * addresses that the cluster agrees on are the true ones.
 *
 * JEPSEN_LITE_REDIRECT: `{"127.0.0.1:7001": 40001, ...}`, true address to port of the proxy.
 */
const redirects = new Map<string, number>(
  Object.entries(JSON.parse(process.env['JEPSEN_LITE_REDIRECT'] ?? '{}') as Record<string, number>),
)

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
    const port = redirects.get(`${target.host ?? 'localhost'}:${target.port}`)
    if (port !== undefined) target.port = port
  } else {
    const port = redirects.get(
      `${typeof args[1] === 'string' ? args[1] : 'localhost'}:${String(args[0])}`,
    )
    if (port !== undefined) args[0] = port
  }
  return original.apply(this, args)
}
