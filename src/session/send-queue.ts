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

/** Above this share of its bounds a queue is slow: nothing is streamed to it, only answered. */
const highShare = 1 / 2
/** At or below this share it is not slow any more. Between the two, it stays what it was. */
const lowShare = 1 / 8
/** Bytes given to a socket that has not drained at once: by such slices it is seen that a peer takes anything. */
const sliceBytes = 256 * 1024

/** Sockets written to before the event loop gets its turn; the rest follow in the next. About 1 ms of work. */
const socketsPerSlice = 200
/** Frames of one flush up to this many bytes are joined into one buffer; above, they are written as a vector. */
const maxJoinedBytes = 64 * 1024
/** Joined buffers remembered within a slice, for other sockets that get the same frames. Above: joined anew. */
const maxRemembered = 64

/**
 * Frames on their way to one socket. They gather for a turn of the event loop and then leave in one
 * write. While the socket has not drained they stay here: as references that a thousand queues may
 * share, not as copies. The queue is bounded with what the socket still holds counted in. Above the
 * high mark it is slow until it has drained to the low one; a frame above the bound is not taken,
 * and its owner closes the connection (P10).
 */
export class SendQueue {
  readonly #outlet: Outlet
  readonly #flusher: TurnFlusher
  readonly #onEased: () => void
  #frames: Buffer[] = []
  #bytes = 0
  /** Frames written and not yet drained; only counted while the socket holds something. */
  #inSocket = 0
  #planned = false
  /** The socket has asked to wait for its drain. */
  #stalled = false
  #slow = false
  #closed = false
  /** Counts what the peer took: a slice, or all there was. */
  progress = 0

  /** `onEased`: called at the end of the turn in which the queue ceased to be slow. */
  constructor(outlet: Outlet, flusher: TurnFlusher, onEased: () => void = () => {}) {
    this.#outlet = outlet
    this.#flusher = flusher
    this.#onEased = onEased
  }

  /** Frames and bytes that the client's machine has not taken yet. */
  get frames(): number {
    return this.#frames.length + this.#inSocket
  }
  get bytes(): number {
    return this.#bytes + this.#outlet.writableLength
  }

  /** Its client reads too slowly for what is streamed to it. */
  get isSlow(): boolean {
    return this.#slow
  }

  /** Takes a whole frame. False: it would be over the bound, or the queue is closed; nothing was taken. */
  push(frame: Buffer): boolean {
    if (this.#closed) return false
    const { bounds, high } = this.#flusher
    if (this.#frames.length >= high.frames || this.#bytes >= high.bytes) this.#relieve()
    const frames = this.frames + 1
    const bytes = this.bytes + frame.length
    // One frame alone is always taken: else a message above the bound could never be sent to anybody.
    if ((frames > bounds.frames || bytes > bounds.bytes) && bytes > frame.length) return false
    this.#frames.push(frame)
    this.#bytes += frame.length
    if (frames >= high.frames || bytes >= high.bytes) this.#crowded()
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
    this.#write(sliceBytes)
  }

  /** Nothing is taken any more. `flushing`: what has gathered is given to the socket first, drained or not. */
  close(flushing: boolean): void {
    if (this.#closed) return
    if (flushing && this.#frames.length > 0) this.#write(Infinity)
    this.#closed = true
    this.#frames = []
    this.#bytes = 0
  }

  /** Much in one turn is no sign of a slow reader: a socket that takes it gets it before the turn ends. */
  #relieve(): void {
    if (!this.#stalled || this.#outlet.writableLength === 0) this.#write(sliceBytes)
  }

  /** Slow is only one whose socket has asked to wait: its drain is what ends it. */
  #crowded(): void {
    if (this.#slow) return
    this.#relieve()
    const { high } = this.#flusher
    if (!this.#stalled || (this.frames < high.frames && this.bytes < high.bytes)) return
    sometimes(true, 'session: a reader became slow')
    this.#slow = true
  }

  #easeOff(): void {
    if (!this.#slow) return
    const { low } = this.#flusher
    const hasWritten = !this.#stalled && this.#frames.length === 0
    if (!hasWritten && (this.frames > low.frames || this.bytes > low.bytes)) return
    this.#slow = false
    this.#flusher.soon(() => {
      if (!this.#closed && !this.#slow) this.#onEased()
    })
  }

  /** Gives the socket up to `most` bytes at a time, for as long as it passes them on at once. */
  #write(most: number): void {
    do {
      const all = this.#bytes
      const frames = this.#take(most)
      const bytes = this.#frames.length === 0 ? all : sizeOf(frames)
      this.#bytes -= bytes
      this.#flusher.written(frames.length, bytes)
      if (this.#writeAll(frames, bytes)) {
        this.progress++
        continue
      }
      // The socket took it and wants no more for now; it may have passed it on within the same turn.
      if (this.#outlet.writableLength === 0) this.progress++
      else this.#inSocket += frames.length
      if (this.#stalled) continue
      this.#stalled = true
      this.#outlet.once('drain', () => this.#drained())
    } while (
      this.#frames.length > 0 &&
      (most === Infinity || !this.#stalled || this.#outlet.writableLength === 0)
    )
    this.#easeOff()
  }

  /** The first frames, `most` bytes of them; at least one. */
  #take(most: number): Buffer[] {
    const frames = this.#frames
    let count = frames.length
    if (this.#bytes > most) {
      let bytes = 0
      for (count = 0; count < frames.length && bytes < most; count++) {
        bytes += (frames[count] as Buffer).length
      }
    }
    this.#frames = count === frames.length ? [] : frames.slice(count)
    return count === frames.length ? frames : frames.slice(0, count)
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
    this.progress++
    this.#easeOff()
    if (this.#closed || this.#frames.length === 0 || this.#planned) return
    sometimes(true, 'session: a stalled socket drained and went on')
    this.#planned = true
    this.#flusher.plan(this)
  }
}

/** Flushes the queues that were written to in this turn, a slice at a time. One for all sockets of a node. */
export class TurnFlusher {
  readonly bounds: QueueBounds
  readonly high: QueueBounds
  readonly low: QueueBounds
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
    this.high = { frames: bounds.frames * highShare, bytes: bounds.bytes * highShare }
    this.low = { frames: bounds.frames * lowShare, bytes: bounds.bytes * lowShare }
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

function sizeOf(frames: readonly Buffer[]): number {
  let bytes = 0
  for (const frame of frames) bytes += frame.length
  return bytes
}

function isSameList(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}
