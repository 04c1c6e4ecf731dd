import { peerKinds } from '../wire/peer-kinds.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { BulkBroken } from './bulk-writer.ts'
import type { FrameSocket } from './frame-socket.ts'

/**
 * The receiving end of a bulk stream: `for await` gives the chunks in order and ends only after the
 * last one; a stream that is cut throws BulkBroken. A slow consumer holds the sender back.
 */
export class BulkReader implements AsyncIterable<Buffer> {
  readonly #socket: FrameSocket
  readonly #maxAheadBytes: number
  #ahead: Buffer[] = []
  #aheadBytes = 0
  #chunks = 0
  #isPaused = false
  #isEnded = false
  #broken: string | null = null
  #wake: (() => void) | null = null

  constructor(socket: FrameSocket, maxAheadBytes: number) {
    this.#socket = socket
    this.#maxAheadBytes = maxAheadBytes
  }

  /** The sender has sent all, and all of it was taken by the consumer. */
  get isConsumed(): boolean {
    return this.#isEnded && this.#ahead.length === 0 && this.#broken === null
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#ahead.shift()
      if (chunk !== undefined) {
        this.#aheadBytes -= chunk.length
        if (this.#isPaused && this.#aheadBytes <= this.#maxAheadBytes / 2) {
          this.#isPaused = false
          this.#socket.resume()
        }
        yield chunk
      } else if (this.#broken !== null) {
        throw new BulkBroken(this.#broken)
      } else if (this.#isEnded) {
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  /** Gives up; the sender is told by the closed connection. */
  abort(): void {
    this.#socket.close('aborted')
  }

  /** One message of the stream. False: it does not belong there. */
  receive(message: PeerMessage): boolean {
    const [kind, value] = message
    if (kind === peerKinds.bulkChunk && Buffer.isBuffer(value) && !this.#isEnded) {
      this.#chunks++
      this.#ahead.push(value)
      this.#aheadBytes += value.length
      if (this.#aheadBytes > this.#maxAheadBytes && !this.#isPaused) {
        this.#isPaused = true
        this.#socket.pause()
      }
    } else if (kind === peerKinds.bulkEnd && value === this.#chunks) {
      this.#isEnded = true
    } else {
      return false
    }
    this.#rouse()
    return true
  }

  /** The connection is gone. After the end that is no harm. */
  lost(why: string): void {
    if (this.#isEnded) return
    this.#broken ??= why
    this.#ahead = []
    this.#rouse()
  }

  #rouse(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}
