import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { SendQueue } from './send-queue.ts'
import type { TurnFlusher } from './send-queue.ts'

/** What a connection tells its session. Each is called by the event loop; none may throw. */
export interface SocketListener {
  /** A whole message. `payload` may be part of a larger buffer: keep it no longer than needed. */
  heardMessage(payload: Buffer, isBinary: boolean): void
  /** The client answered a ping. */
  heardPong(): void
  /** The client pinged; it will be answered. */
  heardPing(): void
  /** The client has caught up with what waited for it: `isSlow` ended. */
  eased(): void
  /** The connection is gone. Once, last. `code`: 1006 when it just broke. */
  closed(code: number): void
}

/**
 * A websocket of `ws` whose data frames we write ourselves, straight to the network socket: built once
 * for all receivers and gathered per turn, which `ws` cannot do. `ws` reads, checks and unmasks what
 * comes in, and writes the close frame. Both write whole frames, so their order is one of
 * frames, and after the close frame nothing of ours follows: the queue is closed before it.
 */
export class ClientSocket extends WebSocket {
  listener: SocketListener | null = null
  /** Called once when the connection is gone, before the listener. */
  onGone: ((socket: ClientSocket) => void) | null = null
  #queue: SendQueue | null = null
  #network: Socket | null = null
  #flusher: TurnFlusher | null = null
  /** The last ping of this turn, to be answered at its end. */
  #ping: Buffer | null = null

  /** To be called once, at the end of the upgrade. `network`: the socket that was upgraded. */
  attach(listener: SocketListener, network: Socket, flusher: TurnFlusher): void {
    this.listener = listener
    this.#network = network
    this.#flusher = flusher
    this.#queue = new SendQueue(network, flusher, () => this.listener?.eased())
    this.on('message', onMessage)
    this.on('ping', onPing)
    this.on('pong', onPong)
    this.on('close', onClose)
    this.on('error', onError)
  }

  /** Neither side has said goodbye. */
  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN
  }

  /** Takes a whole server frame. False: too much is waiting, or the connection is closing. */
  push(frame: Buffer): boolean {
    if (!this.isOpen) return false
    return this.#queue !== null && this.#queue.push(frame)
  }

  /** Frames that wait for this client. */
  get waiting(): number {
    return this.#queue?.frames ?? 0
  }

  /** The client reads too slowly for what is streamed; ends with `eased`. */
  get isSlow(): boolean {
    return this.#queue !== null && this.#queue.isSlow
  }

  /** Rises whenever the client's machine has taken something. */
  get progress(): number {
    return this.#queue?.progress ?? 0
  }

  /** Says goodbye. What has gathered goes first, unless the client is too slow to wait for. */
  bye(code: number, reason: string, flushing: boolean): void {
    this.#queue?.close(flushing && this.isOpen)
    this.close(code, reason)
  }

  /**
   * Answers a ping at the end of the turn. Of several in one turn only the last is answered (RFC 6455,
   * 5.5.3), and none of a client that does not read: a flood of pings costs us nothing.
   */
  pongSoon(payload: Buffer): void {
    const isPlanned = this.#ping !== null
    this.#ping = payload
    if (!isPlanned) this.#flusher?.soon(() => this.#pong())
  }

  #pong(): void {
    const payload = this.#ping
    this.#ping = null
    if (payload === null || this.#network === null || !this.isOpen) return
    if (this.#network.writableNeedDrain) return
    this.#network.write(Buffer.concat([Buffer.from([pongOpcode, payload.length]), payload]))
  }

  /** An empty ping, in order with what was pushed before the last flush. */
  beat(): void {
    if (this.isOpen) this.#network?.write(pingFrame)
  }
}

/** A control frame without payload: FIN, opcode 9, length 0. */
const pingFrame = Buffer.from([0x89, 0x00])
/** FIN, opcode 10; payloads of pings are at most 125 bytes, so their length is one byte. */
const pongOpcode = 0x8a

function onMessage(this: WebSocket, payload: unknown, isBinary: boolean): void {
  ;(this as ClientSocket).listener?.heardMessage(payload as Buffer, isBinary)
}

function onPing(this: WebSocket, payload: Buffer): void {
  const socket = this as ClientSocket
  socket.pongSoon(payload)
  socket.listener?.heardPing()
}

function onPong(this: WebSocket): void {
  ;(this as ClientSocket).listener?.heardPong()
}

function onClose(this: WebSocket, code: number): void {
  const socket = this as ClientSocket
  socket.onGone?.(socket)
  const listener = socket.listener
  socket.listener = null
  socket.bye(code, '', false)
  listener?.closed(code)
}

/** `ws` closes the connection itself, with the right code; `close` follows. */
function onError(this: WebSocket): void {}
