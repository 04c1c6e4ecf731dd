import { WebSocket, type RawData } from 'ws'
import type { Cancel } from '../ports.ts'
import { decodeClient, encodeClient, type ClientCodec } from '../wire/client-codec.ts'
import { msgpackSubprotocol } from '../wire/versions.ts'
import type { ServerObject } from './protocol.ts'
import type { Surroundings } from './surroundings.ts'

export interface ConnectionOptions {
  /** `host:port`, or `ws://…`, `wss://…` without a path. */
  readonly address: string
  readonly apiKey: string | undefined
  readonly codec: ClientCodec
  readonly connectTimeoutMs: number
  /** A connection on which nothing at all arrives for this long is closed, ms. Pings go out at a third of it. */
  readonly silenceMs: number
}

export interface ConnectionEvents {
  open(): void
  object(object: ServerObject): void
  /** Once, also when it never opened. */
  closed(why: string): void
}

/** One websocket to one node, from the upgrade to the end. It does not come back. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  readonly #socket: WebSocket
  readonly #clock: Surroundings['clock']
  readonly #cancelTick: Cancel
  readonly #bornAt: number
  #heardAt: number
  #isOpen = false
  #isClosed = false

  constructor(options: ConnectionOptions, surroundings: Surroundings, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
    this.#clock = surroundings.clock
    this.#bornAt = this.#heardAt = this.#clock.monotonic()
    this.#socket = new WebSocket(
      channelUrl(options.address, options.apiKey),
      options.codec === 'msgpack' ? [msgpackSubprotocol] : [],
      { perMessageDeflate: false, maxPayload: maxFrameBytes },
    )
    this.#socket.on('open', () => this.#opened())
    this.#socket.on('message', (frame, isBinary) => this.#hear(frame, isBinary))
    this.#socket.on('ping', () => this.#heard())
    this.#socket.on('pong', () => this.#heard())
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.close(error.code ?? error.message)
    })
    this.#socket.on('close', (code) => this.close(`closed by the server, ${code}`))
    this.#cancelTick = surroundings.timers.every(options.silenceMs / 3, () => this.#tick())
  }

  send(object: object): void {
    if (this.#isOpen && !this.#isClosed) {
      this.#socket.send(encodeClient(this.#options.codec, object))
    }
  }

  /** Ends it at once. */
  close(why: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelTick()
    this.#socket.terminate()
    this.#events.closed(why)
  }

  #opened(): void {
    if (this.#options.codec === 'msgpack' && this.#socket.protocol !== msgpackSubprotocol) {
      this.close('the server does not speak msgpack')
      return
    }
    this.#isOpen = true
    this.#heard()
    this.#events.open()
  }

  #hear(frame: RawData, isBinary: boolean): void {
    if (this.#isClosed) return
    this.#heard()
    const bytes = Buffer.isBuffer(frame) ? frame : Buffer.concat(frame as Buffer[])
    const decoded = decodeClient(isBinary ? 'msgpack' : 'json', bytes, serverLimits)
    if (decoded.ok) this.#events.object(decoded.value as ServerObject)
    else this.close(`a frame that cannot be read: ${decoded.fault}`)
  }

  #heard(): void {
    this.#heardAt = this.#clock.monotonic()
  }

  #tick(): void {
    const now = this.#clock.monotonic()
    if (!this.#isOpen) {
      if (now - this.#bornAt > this.#options.connectTimeoutMs) this.close('no connection in time')
    } else if (now - this.#heardAt > this.#options.silenceMs) {
      this.close('nothing heard')
    } else {
      this.#socket.ping()
    }
  }
}

/** The websocket URL of a node (tinode-wire.md 1.1). */
export function channelUrl(address: string, apiKey: string | undefined): string {
  const base = /^wss?:\/\//.test(address) ? address : `ws://${address}`
  const url = new URL('/v0/channels', base)
  if (apiKey !== undefined) url.searchParams.set('apikey', apiKey)
  return url.href
}

/** Largest frame taken from a server. Above: the connection is closed. */
const maxFrameBytes = 16 * 1024 * 1024

/** A server is trusted more than a stranger, but not without bound. */
const serverLimits = { maxBytes: maxFrameBytes, maxDepth: 64, maxKeys: 1_000_000 }
