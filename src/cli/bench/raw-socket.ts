import { randomBytes } from 'node:crypto'
import { connect as dial } from 'node:net'
import type { Socket } from 'node:net'

/**
 * A lean WebSocket client (RFC 6455) for load: the mask is zero, so that a payload goes as it is, and
 * frames come by callback. It keeps the load process from being what is measured; it is no general client.
 */
export interface RawSocket {
  send(text: string): void
  /** Politely: a close frame, then the end. */
  close(): void
  destroy(): void
}

export interface RawHandlers {
  /** One message. The buffer is only lent: copy what must stay. */
  onFrame(payload: Buffer): void
  onClose(): void
}

const connectTimeoutMs = 10_000

export function openRawSocket(url: string, handlers: RawHandlers): Promise<RawSocket> {
  const at = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = dial(Number(at.port), at.hostname.replace(/^\[|\]$/g, ''))
    const reader = new FrameReader(socket, handlers, () => resolve(new Connection(socket)), reject)
    socket.setNoDelay(true)
    socket.setTimeout(connectTimeoutMs, () => {
      if (!reader.open) socket.destroy(new Error('no upgrade in time'))
    })
    socket.on('connect', () => socket.write(upgradeRequest(at)))
    socket.on('data', (chunk: Buffer) => reader.take(chunk))
    socket.on('error', reject) // after the upgrade this does nothing; `close` follows
    socket.on('close', () => {
      reject(new Error('closed before the upgrade'))
      if (reader.open) handlers.onClose()
    })
  })
}

class Connection implements RawSocket {
  readonly #socket: Socket
  #corked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** All that is sent in one turn goes in one write. */
  send(text: string): void {
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      queueMicrotask(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(frame(Buffer.from(text), opText))
  }

  close(): void {
    this.#socket.end(frame(Buffer.alloc(0), opClose))
    setTimeout(() => this.#socket.destroy(), 200).unref()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

const opText = 1
const opClose = 8
const opPing = 9
const opPong = 10

class FrameReader {
  open = false
  #rest: Buffer | undefined
  readonly #socket: Socket
  readonly #handlers: RawHandlers
  readonly #opened: () => void
  readonly #refused: (error: Error) => void

  constructor(
    socket: Socket,
    handlers: RawHandlers,
    opened: () => void,
    refused: (error: Error) => void,
  ) {
    this.#socket = socket
    this.#handlers = handlers
    this.#opened = opened
    this.#refused = refused
  }

  take(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = undefined
    if (!this.open) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) {
        this.#rest = bytes
        return
      }
      const head = bytes.toString('latin1', 0, end)
      if (!head.startsWith('HTTP/1.1 101')) {
        this.#refused(new Error(head.split('\r\n')[0]))
        this.#socket.destroy()
        return
      }
      this.open = true
      bytes = bytes.subarray(end + 4)
      this.#opened()
    }
    const read = this.#frames(bytes)
    if (read < bytes.length) this.#rest = read === 0 ? bytes : bytes.subarray(read)
  }

  /** Delivers whole frames; returns how many bytes they were. Servers send each message in one frame. */
  #frames(bytes: Buffer): number {
    let at = 0
    while (bytes.length - at >= 2) {
      const op = bytes[at]! & 15
      const short = bytes[at + 1]! & 127
      const head = short === 126 ? 4 : short === 127 ? 10 : 2
      if (bytes.length - at < head) break
      const length =
        short === 126
          ? bytes.readUInt16BE(at + 2)
          : short === 127
            ? Number(bytes.readBigUInt64BE(at + 2))
            : short
      if (bytes.length - at < head + length) break
      const payload = bytes.subarray(at + head, at + head + length)
      at += head + length
      if (op < 3) this.#handlers.onFrame(payload)
      else if (op === opPing) this.#socket.write(frame(payload, opPong))
      else if (op === opClose) this.#socket.destroy()
    }
    return at
  }
}

function frame(payload: Buffer, op: number): Buffer {
  const length = payload.length
  const head = length < 126 ? 6 : length < 65_536 ? 8 : 14
  const bytes = Buffer.allocUnsafe(head + length)
  bytes[0] = 0x80 | op
  if (length < 126) bytes[1] = 0x80 | length
  else if (length < 65_536) {
    bytes[1] = 0x80 | 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = 0x80 | 127
    bytes.writeBigUInt64BE(BigInt(length), 2)
  }
  bytes.fill(0, head - 4, head)
  payload.copy(bytes, head)
  return bytes
}

function upgradeRequest(at: URL): string {
  const lines = [
    `GET ${at.pathname}${at.search} HTTP/1.1`,
    `Host: ${at.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}
