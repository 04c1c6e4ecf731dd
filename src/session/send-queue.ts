import { sometimes } from '../assert.ts'
import type { Timers } from '../ports.ts'

/** What a queue writes to; a `net.Socket` fits. Frames of others (pongs, close) may go in between, whole. */
export interface Outlet {
  readonly writableLength: number
  write(bytes: Buffer): boolean
  cork(): void
  uncork(): void
  once(event: 'drain', listener: () => void): unknown
}

export interface QueueBounds {
  readonly frames: number
  readonly bytes: number
}

/** Sockets written to before the event loop gets its turn; the rest follow in the next. About 1 ms of work. */
const socketsPerSlice = 200
/** Frames of one flush up to this many bytes are joined into one buffer; above, they are written as a vector. */
const maxJoinedBytes = 64 * 1024
/** Joined buffers remembered within a slice, for other sockets that get the same frames. Above: joined anew. */
const maxRemembered = 64

/**
 * Frames on their way to one socket. They gather for a turn of the event loop and then leave in one
 * write. While the socket has not drained they stay here: as references that a thousand queues may
 * share, not as copies. The queue is bounded with what the socket still holds counted in; a frame
 * above the bound is not taken, and its owner closes the connection (P10).
 */
export class SendQueue {
  readonly #outlet: Outlet
  readonly #flusher: TurnFlusher
  #frames: Buffer[] = []
  #bytes = 0
  /** Frames written and not yet drained; only counted while stalled. */
  #inSocket = 0
  #planned = false
  /** The socket has asked to wait for its drain. */
  #stalled = false
  #closed = false

  constructor(outlet: Outlet, flusher: TurnFlusher) {
    this.#outlet = outlet
    this.#flusher = flusher
  }

  /** Frames and bytes that the client's machine has not taken yet. */
  get frames(): number {
    return this.#frames.length + this.#inSocket
  }
  get bytes(): number {
    return this.#bytes + this.#outlet.writableLength
  }

  /** Takes a whole frame. False: it would be over the bound, or the queue is closed; nothing was taken. */
  push(frame: Buffer): boolean {
    if (this.#closed) return false
    const bounds = this.#flusher.bounds
    if (this.frames >= bounds.frames || this.bytes + frame.length > bounds.bytes) return false
    this.#frames.push(frame)
    this.#bytes += frame.length
    if (!this.#planned && !this.#stalled) {
      this.#planned = true
      this.#flusher.plan(this)
    }
    return true
  }

  /** Writes what has gathered, unless the socket is stalled. */
  flush(): void {
    this.#planned = false
    if (this.#closed || this.#stalled || this.#frames.length === 0) return
    this.#write()
  }

  /** Nothing is taken any more. `flushing`: what has gathered is given to the socket first, drained or not. */
  close(flushing: boolean): void {
    if (this.#closed) return
    if (flushing && this.#frames.length > 0) this.#write()
    this.#closed = true
    this.#frames = []
    this.#bytes = 0
  }

  #write(): void {
    const frames = this.#frames
    const bytes = this.#bytes
    this.#frames = []
    this.#bytes = 0
    this.#flusher.written(frames.length, bytes)
    if (this.#writeAll(frames, bytes)) return
    // The socket took it and wants no more for now; it may have drained within the same turn.
    this.#inSocket += frames.length
    if (this.#stalled) return
    this.#stalled = true
    this.#outlet.once('drain', () => this.#drained())
  }

  #writeAll(frames: Buffer[], bytes: number): boolean {
    if (frames.length === 1) return this.#outlet.write(frames[0] as Buffer)
    if (bytes <= maxJoinedBytes) return this.#outlet.write(this.#flusher.joined(frames, bytes))
    this.#outlet.cork()
    let roomy = true
    for (const frame of frames) roomy = this.#outlet.write(frame)
    this.#outlet.uncork()
    return roomy
  }

  #drained(): void {
    this.#stalled = false
    this.#inSocket = 0
    if (this.#closed || this.#frames.length === 0 || this.#planned) return
    sometimes(true, 'session: a stalled socket drained and went on')
    this.#planned = true
    this.#flusher.plan(this)
  }
}

/** Flushes the queues that were written to in this turn, a slice at a time. One for all sockets of a node. */
export class TurnFlusher {
  readonly bounds: QueueBounds
  readonly #timers: Timers
  readonly #onWritten: (frames: number, bytes: number) => void
  #dirty: SendQueue[] = []
  #running = false
  readonly #run = (): void => this.#slice()
  /** Joined buffers of this slice by the first of their frames. */
  readonly #joined = new Map<Buffer, { readonly frames: Buffer[]; readonly whole: Buffer }>()

  constructor(
    timers: Timers,
    bounds: QueueBounds,
    onWritten: (frames: number, bytes: number) => void = () => {},
  ) {
    this.#timers = timers
    this.bounds = bounds
    this.#onWritten = onWritten
  }

  /** `queue` is to be flushed at the end of this turn. The queue asks once until it is flushed. */
  plan(queue: SendQueue): void {
    this.#dirty.push(queue)
    if (this.#running) return
    this.#running = true
    this.#timers.soon(this.#run)
  }

  /** The frames as one buffer. Many sockets that get the same list in a slice share one. */
  joined(frames: Buffer[], bytes: number): Buffer {
    const first = frames[0] as Buffer
    const known = this.#joined.get(first)
    if (known !== undefined && isSameList(known.frames, frames)) return known.whole
    const whole = Buffer.concat(frames, bytes)
    if (this.#joined.size < maxRemembered) this.#joined.set(first, { frames, whole })
    return whole
  }

  /** Runs `task` at the end of this turn. */
  soon(task: () => void): void {
    this.#timers.soon(task)
  }

  written(frames: number, bytes: number): void {
    this.#onWritten(frames, bytes)
  }

  #slice(): void {
    const slice =
      this.#dirty.length <= socketsPerSlice ? this.#dirty : this.#dirty.slice(0, socketsPerSlice)
    this.#dirty = this.#dirty.length <= socketsPerSlice ? [] : this.#dirty.slice(socketsPerSlice)
    for (const queue of slice) queue.flush()
    this.#joined.clear()
    this.#running = this.#dirty.length > 0
    if (this.#running) this.#timers.soon(this.#run)
  }
}

function isSameList(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}
