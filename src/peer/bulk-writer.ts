import { randomBytes } from 'node:crypto'
import type { NodeIndex } from '../ids/node-index.ts'
import type { Cancel } from '../ports.ts'
import { peerKinds } from '../wire/peer-kinds.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { FrameSocket } from './frame-socket.ts'
import { DialerHandshake, nonceBytes } from './handshake.ts'
import type { PeerAddress } from './identity.ts'
import type { LinkSurroundings } from './peer-link.ts'

/** The stream broke; what arrived is not known. The other side knows that it is not whole. */
export class BulkBroken extends Error {
  override readonly name = 'BulkBroken'
}

/**
 * The sending end of a bulk stream. One write at a time: wait for each before the next. Every
 * promise settles: when the receiver gives no sign of life, with BulkBroken.
 */
export class BulkWriter {
  readonly #around: LinkSurroundings
  readonly #header: unknown
  readonly #closed: () => void
  readonly #socket: FrameSocket | null = null
  readonly #handshake: DialerHandshake
  #cancelDeadline: Cancel = () => {}
  #isOpen = false
  #isEndSent = false
  /** The receiver has used everything up to the end. */
  #isDone = false
  #broken: string | null = null
  #lastHeard = 0
  #chunks = 0
  /** Callers that wait for the stream to open, to drain, or to be acknowledged. */
  #waiters: (() => void)[] = []

  constructor(
    to: NodeIndex,
    address: PeerAddress | undefined,
    header: unknown,
    around: LinkSurroundings,
    closed: () => void,
  ) {
    this.#around = around
    this.#header = header
    this.#closed = closed
    this.#handshake = new DialerHandshake(around.context, to, 'bulk', randomBytes(nonceBytes))
    if (address === undefined) {
      this.#broken = 'unknown-member'
      return
    }
    this.#socket = new FrameSocket(around.transport.dial(address), {
      message: (message) => this.#receive(message),
      closed: (why) => this.#lost(why),
      drained: () => this.#wake(),
    })
    this.#socket.send(this.#handshake.hello())
    this.#cancelDeadline = around.timers.after(around.settings.handshakeMs, () => {
      this.#socket?.close('deadline')
    })
  }

  /**
   * Sends one chunk (not empty, at most 4 MiB); its bytes may be reused at once. Resolves when the
   * next one is welcome. Rejects with BulkBroken.
   */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#until(() => this.#isOpen)
    this.#chunks++
    this.#socket?.send([peerKinds.bulkChunk, chunk])
    await this.#until(() => (this.#socket?.waitingBytes ?? 0) < highWaterBytes)
  }

  /** Resolves when the receiver has used all of it. Rejects with BulkBroken. */
  async end(): Promise<void> {
    await this.#until(() => this.#isOpen)
    this.#isEndSent = true
    this.#socket?.send([peerKinds.bulkEnd, this.#chunks])
    await this.#until(() => this.#isDone)
  }

  /** Breaks the stream; waiting writes reject. May be called at any time, also after the end. */
  abort(): void {
    this.#broken ??= 'aborted'
    this.#socket?.close('aborted')
    this.#wake()
  }

  /** Notices a receiver that is silent. It beats all the time, also while it works. */
  tick(now: number): void {
    const silent = now - this.#lastHeard > this.#around.settings.deadAfterMs * 2
    if (this.#isOpen && silent) this.#socket?.close('no sign of life')
  }

  #receive(message: PeerMessage): void {
    this.#lastHeard = this.#around.clock.monotonic()
    if (this.#isOpen) {
      if (message[0] !== peerKinds.bulkDone) return
      this.#isDone = this.#isEndSent
      this.#socket?.finish('done')
      return
    }
    const step = this.#handshake.receive(message)
    if (step.send !== null) this.#socket?.send(step.send)
    if (step.refusal !== null) this.#socket?.finish(step.refusal)
    if (step.peer === null) return
    this.#cancelDeadline()
    this.#socket?.trust()
    this.#isOpen = true
    this.#socket?.send([peerKinds.bulkOpen, this.#header])
    this.#wake()
  }

  #lost(why: string): void {
    this.#cancelDeadline()
    if (!this.#isDone) this.#broken ??= why
    this.#closed()
    this.#wake()
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#broken !== null) break
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
    if (this.#broken !== null) throw new BulkBroken(this.#broken)
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

/** Bytes that may wait for the kernel before a write has to wait. */
const highWaterBytes = 512 * 1024
