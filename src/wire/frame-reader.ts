import { Unpackr } from 'msgpackr'
import {
  frameHeaderBytes,
  frameLimits,
  frameOverheadBytes,
  maskedLength,
  type Checksum,
  type FrameFault,
  type PeerMessage,
} from './peer-frames.ts'
import { minPeerVersion, peerVersion } from './versions.ts'

export interface FrameReaderOptions {
  readonly checksum: Checksum
  readonly maxFrameBytes?: number
}

/** What takes the messages of a frame. False: stop reading; the rest of the bytes is dropped. */
export type TakeMessage = (message: PeerMessage) => boolean | void

/**
 * Turns a stream of chunks, cut anywhere, into messages. Buffers inside the messages are views of
 * the chunk or of the frame: who keeps one for long copies it (raft-frames.ts does). A chunk that
 * was pushed must not be written to again.
 */
export class FrameReader {
  /** May be raised while reading, once the sender has proved who it is. */
  maxFrameBytes: number
  readonly #checksum: Checksum
  #fault: FrameFault | null = null
  #stopped = false
  readonly #header = Buffer.alloc(frameHeaderBytes)
  #headerFill = 0
  /** The body of a frame that did not come in one chunk; null between frames. */
  #body: Buffer | null = null
  #bodyFill = 0

  constructor(options: FrameReaderOptions) {
    this.#checksum = options.checksum
    this.maxFrameBytes = options.maxFrameBytes ?? frameLimits.maxFrameBytes
  }

  /** True in the middle of a frame: an end of the stream here has cut it. */
  get midFrame(): boolean {
    return this.#headerFill > 0 || this.#body !== null
  }

  /**
   * Hands every message that `chunk` completes to `take`, in order. A fault is final: it is told
   * again by each later call and nothing is read any more.
   */
  push(chunk: Buffer, take: TakeMessage): FrameFault | null {
    let at = 0
    while (at < chunk.length && this.#fault === null && !this.#stopped) {
      at = this.#body === null ? this.#readHeader(chunk, at, take) : this.#fill(chunk, at, take)
    }
    return this.#fault
  }

  /** Drops what is buffered and reads nothing more. */
  stop(): void {
    this.#stopped = true
    this.#body = null
  }

  #readHeader(chunk: Buffer, at: number, take: TakeMessage): number {
    let length: number
    let again: number
    let crc: number
    let next: number
    if (this.#headerFill === 0 && chunk.length - at >= frameHeaderBytes) {
      length = chunk.readUInt32BE(at)
      again = chunk.readUInt32BE(at + 4)
      crc = chunk.readUInt32BE(at + 8)
      next = at + frameHeaderBytes
    } else {
      next = Math.min(chunk.length, at + frameHeaderBytes - this.#headerFill)
      chunk.copy(this.#header, this.#headerFill, at, next)
      this.#headerFill += next - at
      if (this.#headerFill < frameHeaderBytes) return next
      length = this.#header.readUInt32BE(0)
      again = this.#header.readUInt32BE(4)
      crc = this.#header.readUInt32BE(8)
    }
    if (again !== maskedLength(length)) {
      this.#fault = 'frame-length'
      return next
    }
    if (length > this.maxFrameBytes || length < frameOverheadBytes) {
      this.#fault = 'frame-too-large'
      return next
    }
    const end = next + length
    if (end <= chunk.length) {
      this.#headerFill = 0
      this.#decode(chunk.subarray(next, end), crc, take)
      return end
    }
    this.#header.writeUInt32BE(crc, 8)
    this.#headerFill = frameHeaderBytes
    this.#body = Buffer.allocUnsafeSlow(length)
    this.#bodyFill = 0
    return next
  }

  #fill(chunk: Buffer, at: number, take: TakeMessage): number {
    const body = this.#body as Buffer
    const next = Math.min(chunk.length, at + body.length - this.#bodyFill)
    chunk.copy(body, this.#bodyFill, at, next)
    this.#bodyFill += next - at
    if (this.#bodyFill === body.length) {
      this.#body = null
      this.#headerFill = 0
      this.#decode(body, this.#header.readUInt32BE(8), take)
    }
    return next
  }

  #decode(body: Buffer, crc: number, take: TakeMessage): void {
    if (this.#checksum(body) !== crc) {
      this.#fault = 'frame-checksum'
      return
    }
    const version = body[0] as number
    if (version < minPeerVersion || version > peerVersion) {
      this.#fault = 'frame-version'
      return
    }
    const messages = unpack(body.subarray(1))
    if (messages === null) {
      this.#fault = 'frame-malformed'
      return
    }
    for (const message of messages) {
      if (this.#stopped) return
      if (take(message) === false) this.stop()
    }
  }
}

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' })

function unpack(payload: Buffer): readonly PeerMessage[] | null {
  let value: unknown
  try {
    value = unpackr.unpack(payload)
  } catch {
    return null
  }
  if (!Array.isArray(value)) return null
  for (const message of value) {
    if (!Array.isArray(message) || typeof message[0] !== 'number') return null
  }
  return value as PeerMessage[]
}
