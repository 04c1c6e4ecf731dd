import type { Socket } from 'node:net'
import type { Random } from '../../src/ports.ts'
import type { LinkFault, LinkStats } from './link-fault.ts'

/** Bytes held back per direction and connection. Above: the sender is not read, as if its window were full. */
const maxHeldBytes = 1 << 20
/** A slow link moves in slices of this many ms, so that it trickles and does not jump. */
const sliceMs = 20

/** After a loss the next one is so much more likely; the share of lost chunks stays what it is. */
const lossCorrelation = 0.25
/** A retransmission is given up to the next one so often at most: 200 ms become 12.6 s in all. */
const maxRetransmissions = 6

interface Held {
  readonly chunk: Buffer
  /** ms of the monotonic clock. */
  due: number
  readonly thenReset: boolean
}

/** One direction of one connection: reads `from`, does to the bytes what the fault says, writes `to`. */
export class Flow {
  readonly #from: Socket
  readonly #to: Socket
  readonly #random: Random
  readonly #stats: LinkStats
  readonly #reset: () => void
  readonly #breakOff: (left: readonly Buffer[]) => void
  readonly #queue: Held[] = []
  #fault: LinkFault
  #heldBytes = 0
  #timer: NodeJS.Timeout | undefined
  #swallowed = false
  #ended = false
  #lastDue = 0
  #lostLast = false
  /** Of a connection that is about to break, what its sender has got rid of. */
  #gathered: Buffer[] | undefined
  #isClosed = false

  constructor(options: {
    from: Socket
    to: Socket
    fault: LinkFault
    random: Random
    stats: LinkStats
    reset: () => void
    /** The connection breaks for its sender alone; `left` was on its way. */
    breakOff: (left: readonly Buffer[]) => void
  }) {
    this.#from = options.from
    this.#to = options.to
    this.#fault = options.fault
    this.#random = options.random
    this.#stats = options.stats
    this.#reset = options.reset
    this.#breakOff = options.breakOff
    this.#from.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#from.on('end', () => {
      this.#ended = true
      this.#pump()
    })
    this.#to.on('drain', () => this.#pump())
  }

  setFault(fault: LinkFault): void {
    const before = this.#fault
    this.#fault = fault
    // The swallowed bytes are missing in the stream; going on would be corruption, not a network fault.
    if (before.kind === 'blackhole' && fault.kind !== 'blackhole' && this.#swallowed) {
      this.#reset()
      return
    }
    this.#ungather()
    if (fault.kind === 'pass') {
      this.#lastDue = 0
      for (const held of this.#queue) held.due = 0
    }
    this.#pump()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }

  #take(chunk: Buffer): void {
    if (this.#isClosed) return
    const fault = this.#fault
    switch (fault.kind) {
      case 'blackhole':
        this.#swallowed = true
        this.#stats.swallowedBytes += chunk.length
        return
      case 'reset':
        if (!this.#happens(fault.probability)) return this.#hold(chunk)
        if (fault.midFrame) this.#hold(chunk.subarray(0, chunk.length >> 1), true)
        else this.#reset()
        return
      case 'corrupt':
        return this.#hold(this.#happens(fault.probability) ? this.#corrupted(chunk) : chunk)
      case 'bandwidth': {
        const slice = Math.max(1, Math.floor((fault.bytesPerSecond * sliceMs) / 1000))
        for (let at = 0; at < chunk.length; at += slice) this.#hold(chunk.subarray(at, at + slice))
        return
      }
      case 'cut':
        this.#reset()
        return
      case 'late':
        return this.#gather(chunk, fault)
      case 'pass':
      case 'delay':
      case 'loss':
      case 'clog':
        return this.#hold(chunk)
    }
  }

  #hold(chunk: Buffer, thenReset = false): void {
    const now = performance.now()
    this.#lastDue = this.#dueTime(now, chunk.length)
    if (this.#lastDue > now || this.#fault.kind === 'clog') this.#stats.heldChunks++
    this.#queue.push({ chunk, due: this.#lastDue, thenReset })
    this.#heldBytes += chunk.length
    if (this.#heldBytes > maxHeldBytes) this.#from.pause()
    this.#pump()
  }

  #dueTime(now: number, bytes: number): number {
    const fault = this.#fault
    const soonest = Math.max(now, this.#lastDue)
    if (fault.kind === 'delay')
      return Math.max(soonest, now + fault.ms + this.#random.below(Math.floor(fault.jitterMs) + 1))
    if (fault.kind === 'loss') return Math.max(soonest, now + this.#retransmittedAfter(fault))
    if (fault.kind === 'bandwidth') return soonest + (bytes / fault.bytesPerSecond) * 1000
    return soonest
  }

  /** ms; 0: not lost. */
  #retransmittedAfter({ probability, rtoMs }: LinkFault & { kind: 'loss' }): number {
    const spared = probability * (1 - lossCorrelation)
    this.#lostLast = this.#happens(this.#lostLast ? spared + lossCorrelation : spared)
    if (!this.#lostLast) return 0
    let [rto, after] = [rtoMs, rtoMs]
    for (let i = 1; i < maxRetransmissions && this.#happens(probability); i++) after += rto *= 2
    return after
  }

  #gather(chunk: Buffer, { probability, gatherMs }: LinkFault & { kind: 'late' }): void {
    if (this.#gathered) {
      this.#gathered.push(chunk)
      this.#heldBytes += chunk.length
      if (this.#heldBytes > maxHeldBytes) this.#from.pause()
    } else if (this.#happens(probability)) {
      this.#gathered = [chunk]
      this.#heldBytes += chunk.length
      this.#timer = setTimeout(() => {
        const left = [...this.#queue.map((held) => held.chunk), ...(this.#gathered ?? [])]
        this.#breakOff(left)
      }, gatherMs)
    } else this.#hold(chunk)
  }

  /** The fault is over, or another one, before the connection broke: nothing has happened. */
  #ungather(): void {
    const gathered = this.#gathered ?? []
    this.#gathered = undefined
    clearTimeout(this.#timer)
    for (const chunk of gathered) {
      this.#heldBytes -= chunk.length
      this.#hold(chunk)
    }
  }

  #pump(): void {
    // While a connection is about to break, nothing more goes through, and the timer is for that.
    if (this.#gathered) return
    clearTimeout(this.#timer)
    if (this.#fault.kind === 'clog') return
    const now = performance.now()
    let head = this.#queue[0]
    while (head && head.due <= now) {
      if (this.#to.destroyed || this.#to.writableNeedDrain) return
      this.#queue.shift()
      this.#heldBytes -= head.chunk.length
      this.#stats.passedBytes += head.chunk.length
      this.#to.write(head.chunk, head.thenReset ? () => this.#reset() : undefined)
      head = this.#queue[0]
    }
    if (head) this.#timer = setTimeout(() => this.#pump(), Math.max(1, head.due - now))
    else if (this.#ended && this.#to.writable) this.#to.end()
    if (this.#heldBytes <= maxHeldBytes / 2 && this.#from.isPaused()) this.#from.resume()
  }

  #corrupted(chunk: Buffer): Buffer {
    this.#stats.corruptedChunks++
    const copy = Buffer.from(chunk)
    const at = this.#random.below(copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << this.#random.below(8))
    return copy
  }

  #happens(probability: number): boolean {
    return this.#random.below(1_000_000) < probability * 1_000_000
  }
}
