import { Packr } from 'msgpackr'
import { assert } from '../assert.ts'
import {
  frameHeaderBytes,
  frameLimits,
  frameOverheadBytes,
  maskedLength,
  type Checksum,
  type PeerMessage,
} from './peer-frames.ts'
import { minPeerVersion } from './versions.ts'

export interface FrameWriterOptions {
  readonly checksum: Checksum
  readonly maxFrameBytes?: number
  readonly wishedFrameBytes?: number
}

const prefixBytes = frameHeaderBytes + frameOverheadBytes

/**
 * Gathers messages into frames. Each message is encoded when it is added, so it may be edited
 * afterwards and its size counts at once. The frames that `take` gives are never touched again.
 */
export class FrameWriter {
  /**
   * Of the frames to come. A stream begins with the oldest version, which every peer that could
   * agree on one can read; it may be raised to the agreed one once the handshake is done.
   */
  version = minPeerVersion
  readonly #checksum: Checksum
  readonly #maxFrameBytes: number
  readonly #wishedFrameBytes: number
  /** Frames are cut from the front of a slab; the rest of it serves the next ones. */
  #slab: Buffer = Buffer.alloc(0)
  /** Start of the open frame in the slab. */
  #start = 0
  /** Where the next message goes. */
  #end = 0
  /** Messages in the open frame; 0: no frame is open and #start equals #end. */
  #count = 0
  #closed: Buffer[] = []
  #closedBytes = 0

  constructor(options: FrameWriterOptions) {
    this.#checksum = options.checksum
    this.#maxFrameBytes = options.maxFrameBytes ?? frameLimits.maxFrameBytes
    this.#wishedFrameBytes = Math.min(
      this.#maxFrameBytes,
      options.wishedFrameBytes ?? frameLimits.wishedFrameBytes,
    )
  }

  /** Bytes that `take` would give. */
  get bytes(): number {
    return this.#closedBytes + (this.#end - this.#start)
  }

  /** Adds a message. False: it alone is larger than a frame may be, and nothing was added. */
  add(message: PeerMessage): boolean {
    const packed = packr.pack(message)
    if (packed.length + frameOverheadBytes > this.#maxFrameBytes) return false
    this.#makeRoom(packed.length)
    this.#slab.set(packed, this.#end)
    this.#end += packed.length
    this.#count++
    return true
  }

  /** Everything added so far, as whole frames in order; none when nothing was added. */
  take(): readonly Buffer[] {
    this.#closeFrame()
    const frames = this.#closed
    this.#closed = []
    this.#closedBytes = 0
    return frames
  }

  #makeRoom(size: number): void {
    const grown = this.#end - this.#start - frameHeaderBytes + size
    if (this.#count > 0 && grown > this.#wishedFrameBytes) this.#closeFrame()
    const needed = size + (this.#count === 0 ? prefixBytes : 0)
    if (this.#slab.length - this.#end < needed) {
      this.#closeFrame()
      this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, size + prefixBytes))
      this.#start = 0
      this.#end = 0
    }
    if (this.#count === 0) this.#end = this.#start + prefixBytes
  }

  #closeFrame(): void {
    if (this.#count === 0) return
    const frame = this.#slab.subarray(this.#start, this.#end)
    const length = frame.length - frameHeaderBytes
    assert(length <= this.#maxFrameBytes, 'WIRE-1', { length, max: this.#maxFrameBytes })
    frame[frameHeaderBytes] = this.version
    frame[frameHeaderBytes + 1] = array32
    frame.writeUInt32BE(this.#count, frameHeaderBytes + 2)
    frame.writeUInt32BE(length, 0)
    frame.writeUInt32BE(maskedLength(length), 4)
    frame.writeUInt32BE(this.#checksum(frame.subarray(frameHeaderBytes)), 8)
    this.#closed.push(frame)
    this.#closedBytes += frame.length
    this.#start = this.#end
    this.#count = 0
  }
}

/** Memory is asked for in pieces of this size. An idle link holds on to one. */
const slabBytes = 64 * 1024

/** msgpack: an array whose length stands in the next four bytes. */
const array32 = 0xdd

/** No records: a frame must be readable alone. Encoding keeps no state between calls. */
const packr = new Packr({ useRecords: false })
