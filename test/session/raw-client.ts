import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { stockKey } from './edge-fixture.ts'

/** A client without manners: bytes on a TCP connection, and what came back. */
export class RawClient {
  readonly socket: Socket
  readonly ended: Promise<void>
  received = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('data', (bytes) => (this.received = Buffer.concat([this.received, bytes])))
    socket.on('error', () => {})
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1')
    const client = new RawClient(socket)
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
    return client
  }

  /** Through the upgrade; frames of the server are in `received` from then on. */
  static async upgraded(port: number): Promise<RawClient> {
    const client = await RawClient.open(port)
    client.socket.write(upgradeRequest())
    const end = await client.until(() => client.received.indexOf('\r\n\r\n'))
    client.received = client.received.subarray(end + 4)
    return client
  }

  /** Polls until `find` gives an index that is not negative, or the connection ends. */
  async until(find: () => number, withinMs = 5_000): Promise<number> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const found = find()
      if (found >= 0) return found
      if (this.socket.closed || Date.now() > deadline) {
        throw new Error(`not received; got ${this.received.toString('latin1').slice(0, 200)}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  /** HTTP status of the answer. */
  async status(): Promise<number> {
    await this.until(() => this.received.indexOf('\r\n'))
    return Number(this.received.toString('latin1').split(' ')[1])
  }

  /** Code of the close frame that the server sends; 1006: it just hung up. */
  async closeCode(): Promise<number> {
    await Promise.race([this.ended, this.until(() => closeFrameAt(this.received), 8_000)]).catch(
      () => {},
    )
    const at = closeFrameAt(this.received)
    return at < 0 || this.received.length < at + 4 ? 1006 : this.received.readUInt16BE(at + 2)
  }

  close(): void {
    this.socket.destroy()
  }
}

export function upgradeRequest(change: Record<string, string | null> = {}, line?: string): string {
  const headers: Record<string, string | null> = {
    Host: 'x',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...change,
  }
  const first = line ?? `GET /v0/channels?apikey=${stockKey} HTTP/1.1`
  const lines = Object.entries(headers).filter(([, value]) => value !== null)
  return [first, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n') + '\r\n\r\n'
}

/** One masked frame, with the first byte as given. */
export function maskedFrame(firstByte: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload)
  return Buffer.concat([frameHeader(firstByte, body.length, true), Buffer.alloc(4), body])
}

/** First byte and length; a mask of zeros is to follow when `masked`. */
export function frameHeader(firstByte: number, length: number | bigint, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0
  if (length < 126) return Buffer.from([firstByte, bit | Number(length)])
  if (length < 65_536)
    return Buffer.from([firstByte, bit | 126, Number(length) >> 8, Number(length) & 255])
  const header = Buffer.alloc(10)
  header[0] = firstByte
  header[1] = bit | 127
  header.writeBigUInt64BE(BigInt(length), 2)
  return header
}

/** Walks the server's frames (never masked, all short here) to the close frame. */
function closeFrameAt(bytes: Buffer): number {
  let at = 0
  while (at + 2 <= bytes.length) {
    if (bytes[at] === 0x88) return at
    const short = (bytes[at + 1] as number) & 0x7f
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0
    if (at + 2 + extra > bytes.length) return -1
    const length =
      extra === 0
        ? short
        : extra === 2
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2))
    at += 2 + extra + length
  }
  return -1
}
