import type { Socket } from 'node:net'
import { crc32 } from 'node:zlib'
import { FrameReader } from '../wire/frame-reader.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import { frameLimits, type PeerMessage } from '../wire/peer-frames.ts'

export interface FrameSocketEvents {
  /** One message, in order. Not called after `closed`. */
  message(message: PeerMessage): void
  /** Called once, whoever closed it. `why` is for logs. */
  closed(why: string): void
  /** The kernel took what was written. */
  drained?(): void
}

/**
 * One TCP connection that carries frames. It starts in the narrow bounds of the handshake and is
 * widened by `trust`. Whatever is wrong with the stream closes it: nothing is skipped or repaired.
 */
export class FrameSocket {
  /** Bytes read since the connection was made. */
  bytesHeard = 0
  readonly #socket: Socket
  readonly #events: FrameSocketEvents
  readonly #reader: FrameReader
  readonly #writer = new FrameWriter({ checksum: crc32 })
  #isClosed = false

  constructor(socket: Socket, events: FrameSocketEvents) {
    this.#socket = socket
    this.#events = events
    this.#reader = new FrameReader({
      checksum: crc32,
      maxFrameBytes: frameLimits.maxHandshakeFrameBytes,
    })
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#hear(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => this.close(error.code ?? error.message))
    socket.on('end', () => {
      this.close(this.#reader.midFrame ? 'cut in the middle of a frame' : 'closed by the peer')
    })
    socket.on('close', () => this.close('the connection is gone'))
    if (events.drained !== undefined) socket.on('drain', () => events.drained?.())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Bytes that wait for the kernel, those not yet flushed included. */
  get waitingBytes(): number {
    return this.#socket.writableLength + this.#writer.bytes
  }

  get remote(): string {
    return `${this.#socket.remoteAddress ?? '?'}:${this.#socket.remotePort ?? 0}`
  }

  /** The peer has proved who it is: full frames. Until then each frame is small and counts as a step. */
  trust(): void {
    this.#reader.maxFrameBytes = frameLimits.maxFrameBytes
  }

  /** Adds a message to the next flush. False: it is larger than any frame, and dropped. */
  post(message: PeerMessage): boolean {
    return this.#writer.add(message)
  }

  /** Hands everything posted to the kernel in one write. */
  flush(): void {
    if (this.#isClosed) return
    const frames = this.#writer.take()
    if (frames.length === 1) {
      this.#socket.write(frames[0] as Buffer)
    } else if (frames.length > 1) {
      this.#socket.cork()
      for (const frame of frames) this.#socket.write(frame)
      this.#socket.uncork()
    }
  }

  send(message: PeerMessage): void {
    this.post(message)
    this.flush()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Closes at once; what waits is dropped. `closed` is called before this returns, the first time. */
  close(why: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#reader.stop()
    this.#socket.destroy()
    this.#events.closed(why)
  }

  /** Closes after what was written has gone out. */
  finish(why: string): void {
    if (this.#isClosed) return
    this.flush()
    this.#isClosed = true
    this.#reader.stop()
    this.#socket.end(() => this.#socket.destroy())
    this.#events.closed(why)
  }

  #hear(chunk: Buffer): void {
    if (this.#isClosed) return
    this.bytesHeard += chunk.length
    const fault = this.#reader.push(chunk, this.#take)
    if (fault !== null) this.close(fault)
  }

  readonly #take = (message: PeerMessage): boolean => {
    this.#events.message(message)
    return !this.#isClosed
  }
}
