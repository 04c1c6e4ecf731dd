import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Replica } from './ceiling-server.ts'

/**
 * The clients of one node, over WebSocket. They send `{"i":N,"d":"body"}` to publish and `{"i":N,"sub":1}` to
 * subscribe; both are answered by `{"a":N}`, a publish when it has committed. Subscribers get
 * `{"s":SEQ,"d":"body"}`.
 */
export class CeilingClients {
  readonly #subscribers = new Set<Duplex>()
  /** Answers of this turn by socket: they go in one write. */
  #answers = new Map<Duplex, Buffer[]>()

  listen(port: number, replica: Replica): void {
    const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false })
    const server = createServer()
    server.on('upgrade', (request, socket: Duplex, head) => {
      upgrades.handleUpgrade(request, socket, head, (client) => {
        client.on('message', (bytes: Buffer) => this.#take(socket, bytes, replica))
        client.on('error', () => client.terminate())
        client.on('close', () => this.#subscribers.delete(socket))
      })
    })
    server.listen(port, '127.0.0.1')
  }

  /** What committed together goes to each subscriber in one write. */
  deliver(first: number, bodies: readonly string[]): void {
    if (this.#subscribers.size === 0) return
    const frames = bodies.map((body, i) => textFrame(`{"s":${first + i},"d":"${body}"}`))
    const bytes = Buffer.concat(frames)
    for (const socket of this.#subscribers) socket.write(bytes)
  }

  #take(socket: Duplex, bytes: Buffer, replica: Replica): void {
    const { i, d, sub } = JSON.parse(bytes.toString()) as { i: number; d?: string; sub?: number }
    if (sub !== undefined) this.#subscribers.add(socket)
    if (d === undefined) this.#answer(socket, i)
    else replica.publish(d, () => this.#answer(socket, i))
  }

  #answer(socket: Duplex, i: number): void {
    if (this.#answers.size === 0) setImmediate(() => this.#flush())
    const frames = this.#answers.get(socket)
    const frame = textFrame(`{"a":${i}}`)
    if (frames === undefined) this.#answers.set(socket, [frame])
    else frames.push(frame)
  }

  #flush(): void {
    const answers = this.#answers
    this.#answers = new Map()
    for (const [socket, frames] of answers) socket.write(Buffer.concat(frames))
  }
}

/** One whole message of a server (RFC 6455, 5.2): its head, no mask. Bodies are below 64 KiB. */
function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const head = length < 126 ? 2 : 4
  const frame = Buffer.allocUnsafe(head + length)
  frame[0] = 0x81
  if (head === 2) frame[1] = length
  else {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  }
  frame.write(text, head)
  return frame
}
