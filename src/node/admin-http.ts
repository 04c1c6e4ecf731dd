import { timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { splitAddress } from './address.ts'
import { changeRoutes } from './admin-changes.ts'
import { adminRefusals } from './admin-refusals.ts'
import type { Administration } from './administration.ts'
import type { NodeFacts } from './facts.ts'
import type { MetricRegistry } from './metrics.ts'

/**
 * The admin endpoints of a node, on an address of their own. Health and metrics are open to whoever
 * reaches the address; facts are open to this machine and otherwise need the admin token; what changes
 * something always needs it, except to join, which needs a join token. Errors are `{"error": "…"}`,
 * those of a change with a code as `error`, and the cure as `says`.
 */
export interface AdminHttp {
  /** `host:port` it listens on. */
  readonly address: string
  close(): Promise<void>
}

export interface AdminOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string
  readonly token: string
  /** Told to who lacks the token, and then derives it from the secret. */
  readonly clusterName: string
  /** Undefined until the node has started: /readyz then says `starting`. */
  facts(): NodeFacts | undefined
  /** Undefined as long. */
  administration(): Administration | undefined
  readonly metrics: Pick<MetricRegistry, 'text' | 'contentType'>
}

const maxBodyBytes = 4 * 1024
const maxTopicLength = 256
const requestTimeoutMs = 10_000

export async function openAdminHttp(options: AdminOptions): Promise<AdminHttp> {
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    // What is sent must be what is meant: nothing is turned into something else or left out.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    requestTimeout: requestTimeoutMs,
    connectionTimeout: requestTimeoutMs,
    forceCloseConnections: true,
  })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'there is no such page' }),
  )
  app.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: error.message }),
  )
  health(app, options)
  facts(app, options)
  changes(app, options)
  const { host, port } = splitAddress(options.listen)
  await app.listen({ host, port })
  const at = app.server.address() as AddressInfo
  return {
    address: `${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}`,
    close: () => app.close(),
  }
}

function health(app: FastifyInstance, options: AdminOptions): void {
  app.get('/healthz', () => ({ alive: true }))
  app.get('/readyz', (_request, reply) => {
    const readiness = options.facts()?.ready() ?? { ready: false, reasons: ['starting'] }
    return reply.code(readiness.ready ? 200 : 503).send(readiness)
  })
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', options.metrics.contentType).send(await options.metrics.text()),
  )
}

function facts(app: FastifyInstance, options: AdminOptions): void {
  const get = (path: string, answer: (facts: NodeFacts, request: FastifyRequest) => unknown) =>
    app.get(path, async (request, reply) => {
      if (!isLocal(request) && !hasToken(request, options.token)) return refuse(reply, options)
      const node = options.facts()
      if (node === undefined) return reply.code(503).send({ error: 'starting' })
      return reply.send(await answer(node, request))
    })
  get('/v1/status', (node) => node.status())
  get('/v1/ring', (node) => node.ring())
  get('/v1/nodes', (node) => node.nodes())
  get('/v1/tokens', () => ({ tokens: options.administration()?.tokens() ?? [] }))
  get('/v1/digest', (node) => node.digest())
  get('/v1/locate', (node, request) => {
    const topic = (request.query as Record<string, unknown>)['topic']
    if (typeof topic !== 'string' || topic === '' || topic.length > maxTopicLength) {
      throw Object.assign(new Error('say which: /v1/locate?topic=NAME'), { statusCode: 400 })
    }
    return node.locate(topic)
  })
}

function changes(app: FastifyInstance, options: AdminOptions): void {
  app.post('/v1/drain', async (request, reply) => {
    if (!hasToken(request, options.token)) return refuse(reply, options)
    const node = options.facts()
    if (node === undefined) return reply.code(503).send({ error: 'starting' })
    await node.drain()
    return reply.send({ drained: true })
  })
  changeRoutes(app, {
    administration: () => options.administration(),
    refuse: (request, reply) => (hasToken(request, options.token) ? null : refuse(reply, options)),
  })
}

function refuse(reply: FastifyReply, { clusterName }: AdminOptions): FastifyReply {
  return reply
    .code(401)
    .header('www-authenticate', `Bearer realm="${clusterName}"`)
    .send({ error: 'not-allowed', says: adminRefusals['not-allowed'].says('') })
}

/**
 * From this machine, and asked for by an address of it: a web page that points its own name at
 * 127.0.0.1 (DNS rebinding) sends its own name as host.
 */
function isLocal(request: FastifyRequest): boolean {
  const from = request.socket.remoteAddress ?? ''
  const loopback = from === '::1' || from.startsWith('127.') || from.startsWith('::ffff:127.')
  return loopback && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(request.hostname)
}

function hasToken(request: FastifyRequest, token: string): boolean {
  const sent = Buffer.from(request.headers.authorization ?? '')
  const right = Buffer.from(`Bearer ${token}`)
  return sent.length === right.length && timingSafeEqual(sent, right)
}
