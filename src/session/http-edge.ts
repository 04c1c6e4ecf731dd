import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { ServerOptions } from 'ws'
import type { SessionId } from '../chat/command.ts'
import type { Clock } from '../ports.ts'
import { timeText } from '../topic/times.ts'
import { AddressGate } from './address-gate.ts'
import { apiKeyOf, isValidApiKey } from './api-key.ts'
import { msgpackSubprotocol } from '../wire/versions.ts'
import type { EdgeOptions } from './edge-options.ts'
import type { SessionMetrics } from './session-metrics.ts'
import { ClientSocket } from './websocket.ts'

/** Where stock clients open their websocket (tinode-wire.md 1.1). */
const channelsPath = '/v0/channels'
/** TCP connections beyond the sessions that may be open for plain requests and handshakes. Above: not accepted. */
const spareConnections = 1_024
/** Fragments of one message, and network reads one frame may be spread over. Above: close 1008. */
const maxFragments = 1_024
const maxBufferedChunks = 4_096
/** A client has this long to answer our close frame, ms. */
const closeTimeoutMs = 5_000

export interface HttpEdgeDeps {
  readonly options: EdgeOptions
  readonly apiKeySalt: Uint8Array
  readonly clock: Clock
  readonly metrics: SessionMetrics
  /** False: this node takes no clients now. */
  ready(): boolean
  /** An id for one more session; null: none can be had now. */
  sessionId(): SessionId | null
  /** An upgrade went well. `network` carries `socket`. */
  opened(socket: ClientSocket, network: Socket, sid: SessionId, address: string): void
}

/**
 * The client address of a node: plain HTTP up to the upgrade. Whatever is to be refused is refused here,
 * with an HTTP status, because that is the only refusal that makes stock clients back off.
 */
export class HttpEdge {
  readonly #deps: HttpEdgeDeps
  readonly #server: Server
  readonly #websockets: WebSocketServer
  readonly #gate: AddressGate
  readonly #open = new Set<ClientSocket>()

  constructor(deps: HttpEdgeDeps) {
    const { options } = deps
    this.#deps = deps
    this.#gate = new AddressGate(options.upgradesPerAddress)
    this.#server = createServer({
      maxHeaderSize: options.maxHeaderBytes,
      headersTimeout: options.handshakeMs,
      requestTimeout: options.handshakeMs,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: Math.max(50, Math.min(1_000, options.handshakeMs / 4)),
    })
    this.#server.maxConnections = options.maxConnections + spareConnections
    this.#server.on('request', (request, response) => this.#plain(request, response))
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#server.on('drop', () => deps.metrics.refusedUpgrades.add())
    this.#server.on('clientError', (error, socket) => this.#broken(error, socket))
    this.#websockets = new WebSocketServer(websocketOptions(options))
  }

  /** Websockets that are open. */
  get connections(): number {
    return this.#open.size
  }

  listen(host: string, port: number): Promise<{ port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, backlog: 4_096 }, () => {
        this.#server.off('error', reject)
        resolve({ port: (this.#server.address() as AddressInfo).port })
      })
    })
  }

  /** No more connections; those that are open are cut. May be called twice. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
      for (const socket of this.#open) socket.terminate()
    })
  }

  // --- plain requests ---

  #plain(request: IncomingMessage, response: ServerResponse): void {
    const { path, query } = this.#urlOf(request)
    const status = path === channelsPath ? this.#channelsStatus(request, query) : 404
    const body = this.#body(status)
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      // What a refused request still has to send is not worth reading.
      connection: 'close',
      ...(status === 405 ? { allow: 'GET' } : {}),
    })
    response.end(body)
  }

  /** The path is good, but nobody asked for a websocket. */
  #channelsStatus(request: IncomingMessage, query: URLSearchParams): number {
    if (!this.#hasKey(request, query)) return 403
    return request.method === 'GET' ? 400 : 405
  }

  // --- upgrades ---

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const network = socket as Socket
    const address = network.remoteAddress ?? ''
    const status = this.#upgradeStatus(request, address)
    if (status !== 101) return this.#refuse(socket, status)
    const sid = this.#deps.sessionId()
    if (sid === null) return this.#refuse(socket, 503)
    this.#websockets.handleUpgrade(request, socket, head, (websocket) => {
      // The server was told to make its websockets of this class.
      const client = websocket as ClientSocket
      this.#open.add(client)
      client.onGone = this.#left
      this.#deps.opened(client, network, sid, address)
    })
  }

  readonly #left = (socket: ClientSocket): void => {
    this.#open.delete(socket)
  }

  #upgradeStatus(request: IncomingMessage, address: string): number {
    const { options, metrics, clock } = this.#deps
    const { path, query } = this.#urlOf(request)
    if (path !== channelsPath) return 404
    if (request.method !== 'GET') return 405
    if (!this.#gate.admits(address, clock.monotonic())) {
      metrics.rateLimited.add()
      return 429
    }
    if (!this.#hasKey(request, query)) return 403
    if (!this.#deps.ready() || this.#open.size >= options.maxConnections) {
      metrics.refusedUpgrades.add()
      return 503
    }
    return 101
  }

  #hasKey(request: IncomingMessage, query: URLSearchParams): boolean {
    const isGood = isValidApiKey(this.#deps.apiKeySalt, apiKeyOf(request, query))
    if (!isGood) this.#deps.metrics.badApiKeys.add()
    return isGood
  }

  #refuse(socket: Duplex, status: number): void {
    const body = this.#body(status)
    const lines = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      ...(status === 503 || status === 429 ? ['Retry-After: 2'] : []),
    ]
    socket.on('error', () => socket.destroy())
    socket.end(lines.join('\r\n') + '\r\n\r\n' + body, () => socket.destroy())
  }

  /** Not HTTP, too large, or too slow. */
  #broken(error: Error & { code?: string }, socket: Duplex): void {
    if (!socket.writable || socket.destroyed) return void socket.destroy()
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? 431
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? 408
          : 400
    if (status === 408) this.#deps.metrics.handshakeTimeouts.add()
    this.#refuse(socket, status)
  }

  #urlOf(request: IncomingMessage): { path: string; query: URLSearchParams } {
    const url = request.url ?? ''
    const cut = url.indexOf('?')
    const path = cut < 0 ? url : url.slice(0, cut)
    return { path, query: new URLSearchParams(cut < 0 ? '' : url.slice(cut + 1)) }
  }

  #body(status: number): string {
    const text = httpTexts[status] ?? 'internal error'
    const ts = timeText(this.#deps.clock.now())
    return JSON.stringify({ ctrl: { code: status, text, ts } })
  }
}

const httpTexts: Readonly<Record<number, string>> = {
  400: 'malformed',
  403: 'valid API key required',
  404: 'not found',
  405: 'operation or method not allowed',
  408: 'request timeout',
  429: 'too many requests',
  431: 'too large',
  503: 'service unavailable',
}

/** A variable, because the types of `ws` do not know all of its options. */
function websocketOptions(options: EdgeOptions): ServerOptions<typeof ClientSocket> {
  const known = {
    noServer: true,
    clientTracking: false,
    autoPong: false,
    WebSocket: ClientSocket,
    maxPayload: options.maxMessageBytes,
    maxFragments,
    maxBufferedChunks,
    closeTimeout: closeTimeoutMs,
    perMessageDeflate: options.compression
      ? { serverNoContextTakeover: true, clientNoContextTakeover: true, concurrencyLimit: 2 }
      : false,
    handleProtocols: (offered: Set<string>): string | false =>
      offered.has(msgpackSubprotocol) ? msgpackSubprotocol : false,
  }
  return known
}
