import type { Socket } from 'node:net'
import { Packr } from 'msgpackr'

/** From a follower to the leader. */
export type ToLeader =
  | readonly ['hello', id: number]
  | readonly ['stored', last: number]
  | readonly ['publishes', of: readonly (readonly [n: number, body: string])[]]

/** From the leader to a follower. `answers`: n and seq in turn, of the follower's own publishes. */
export type ToFollower =
  | readonly ['entries', first: number, commit: number, bodies: readonly string[]]
  | readonly ['commit', commit: number, answers: readonly number[]]

const packr = new Packr({ useRecords: false })
const headBytes = 4

/** Values for the log and the link, in MessagePack. */
export function packed(value: unknown): Buffer {
  return packr.pack(value)
}

/** Messages over one TCP connection between two nodes: four bytes of length, then MessagePack. */
export class CeilingLink<Sent, Taken> {
  readonly #socket: Socket
  #rest: Buffer | undefined

  constructor(socket: Socket, onMessage: (message: Taken) => void) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#take(chunk, onMessage))
    // A node that lost another one is of no use any more; the measurement fails with its log.
    socket.on('error', (error) => {
      throw error
    })
  }

  send(message: Sent): void {
    const body = packed(message)
    const head = Buffer.allocUnsafe(headBytes)
    head.writeUInt32BE(body.length)
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(body)
    this.#socket.uncork()
  }

  #take(chunk: Buffer, onMessage: (message: Taken) => void): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + bytes.readUInt32BE(at)
      if (end > bytes.length) break
      onMessage(packr.unpack(bytes.subarray(at + headBytes, end)) as Taken)
      at = end
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
  }
}
