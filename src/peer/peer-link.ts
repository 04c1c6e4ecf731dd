import { randomBytes } from 'node:crypto'
import { sometimes } from '../assert.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { Cancel, Clock, Random, Timers } from '../ports.ts'
import { peerKinds } from '../wire/peer-kinds.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { Backoff } from './backoff.ts'
import { FrameSocket } from './frame-socket.ts'
import {
  DialerHandshake,
  isExpulsion,
  nonceBytes,
  type Expulsion,
  type HandshakeContext,
} from './handshake.ts'
import type { PeerAddress, PeerIdentity } from './identity.ts'
import type { LinkReport } from './link-report.ts'
import type { PeerSettings } from './peer-settings.ts'
import type { Transport } from './transport.ts'

/** What a link needs from outside. One value serves all links of a node. */
export interface LinkSurroundings {
  readonly context: HandshakeContext
  readonly settings: PeerSettings
  readonly transport: Transport
  readonly timers: Timers
  readonly clock: Clock
  readonly random: Random
  readonly report: LinkReport
  /** A node that knows the secret refused this one for good. */
  expelled(reason: Expulsion, by: string): void
}

export interface PeerLinkEvents {
  /** The peer has proved who it is and knows us: from now on messages may be posted. */
  up(peer: PeerIdentity): void
  /** The link that was up is gone. */
  down(why: string): void
  /** The peer has answered a ping just now. */
  alive(): void
}

/**
 * The connection that this node dials to one peer. Only this side sends application messages on
 * it; the other sends the handshake and signs of life. So each direction between two nodes is a
 * connection of its own and can fail alone. It dials for ever, until closed.
 */
export class PeerLink {
  readonly target: NodeIndex
  readonly #address: PeerAddress
  readonly #around: LinkSurroundings
  readonly #events: PeerLinkEvents
  readonly #backoff: Backoff
  #socket: FrameSocket | null = null
  /** Null until the handshake is done. */
  #peer: PeerIdentity | null = null
  #cancelTimer: Cancel = () => {}
  #isClosed = false
  #isOverfull = false
  #lastHeard = 0
  #lastTick = 0
  #lastPing = 0
  #rttMs: number | undefined

  constructor(
    target: NodeIndex,
    address: PeerAddress,
    around: LinkSurroundings,
    events: PeerLinkEvents,
  ) {
    this.target = target
    this.#address = address
    this.#around = around
    this.#events = events
    const { backoffMinMs, backoffMaxMs } = around.settings
    this.#backoff = new Backoff({ minMs: backoffMinMs, maxMs: backoffMaxMs }, around.random)
  }

  /** Who is at the other end; null while the link is not up. */
  get peer(): PeerIdentity | null {
    return this.#peer
  }

  /** Smoothed time of a ping and its answer, ms; undefined before the first answer. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  get waitingBytes(): number {
    return this.#peer === null ? 0 : (this.#socket?.waitingBytes ?? 0)
  }

  /** Dials now, unless connected or connecting. */
  dial(): void {
    if (this.#isClosed || this.#socket !== null) return
    this.#cancelTimer()
    const { settings, timers, context } = this.#around
    const handshake = new DialerHandshake(context, this.target, 'link', randomBytes(nonceBytes))
    const socket: FrameSocket = new FrameSocket(this.#around.transport.dial(this.#address), {
      message: (message) => this.#receive(socket, handshake, message),
      closed: (why) => this.#lost(why),
    })
    this.#socket = socket
    socket.send(handshake.hello())
    this.#cancelTimer = timers.after(settings.handshakeMs, () => socket.close('deadline'))
  }

  /**
   * Adds a message to the next flush. False: the link is not up, or over its bound (it is then
   * reset by the next flush), or the message is larger than any frame. Calls nothing back.
   */
  post(message: PeerMessage): boolean {
    const socket = this.#socket
    if (socket === null || this.#peer === null || this.#isOverfull) return false
    if (!socket.post(message)) {
      this.#around.report.oversize(this.target, message[0])
      return false
    }
    // Only marked here, so that a caller is never called back from inside `post`.
    this.#isOverfull = socket.waitingBytes > this.#around.settings.maxQueueBytes
    return !this.#isOverfull
  }

  /** Writes what was posted. Above the bound everything is dropped and the link starts anew. */
  flush(): void {
    const socket = this.#socket
    if (socket === null || this.#peer === null) return
    if (this.#isOverfull) {
      sometimes(true, 'peer: queue over its bound, link reset')
      this.#around.report.overflow(this.target, socket.waitingBytes)
      socket.close('queue over its bound')
      return
    }
    socket.flush()
  }

  /** Drops the connection, if any, and dials anew. */
  reset(why: string): void {
    this.#socket?.close(why)
  }

  /** The peer is surely there (it dialled us): no use in waiting longer. */
  hurry(): void {
    this.#backoff.reset()
    this.dial()
  }

  /** Asks for a sign of life at once. */
  ping(): void {
    if (this.#peer === null) return
    const now = this.#around.clock.monotonic()
    this.#lastPing = now
    this.#socket?.send([peerKinds.ping, now])
  }

  /** Called several times within `pingEveryMs`: pings, and notices silence. */
  tick(now: number): void {
    const { settings } = this.#around
    const sinceTick = now - this.#lastTick
    this.#lastTick = now
    if (this.#peer === null) return
    if (sinceTick > settings.pingEveryMs * 2) {
      // This process stood still; answers may wait unread in the kernel.
      sometimes(true, 'peer: own stall forgiven to the peer')
      this.#lastHeard = now
    }
    if (now - this.#lastHeard > settings.deadAfterMs) this.#socket?.close('no sign of life')
    else if (now - this.#lastPing >= settings.pingEveryMs) this.ping()
  }

  /** Ends it for good. `down` is called when it was up. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelTimer()
    this.#socket?.close('closed here')
  }

  #receive(socket: FrameSocket, handshake: DialerHandshake, message: PeerMessage): void {
    if (this.#peer !== null) {
      this.#hearPong(message)
      return
    }
    const step = handshake.receive(message)
    if (step.send !== null) socket.send(step.send)
    if (step.refusal !== null) {
      const { host, port, name } = this.#address
      const by = step.told ? 'peer' : 'us'
      const peer = `${name} ${host}:${port}`
      this.#around.report.refused({ by, reason: step.refusal, peer })
      socket.finish(step.refusal)
      if (step.proven && isExpulsion(step.refusal)) this.#around.expelled(step.refusal, peer)
    }
    if (step.peer === null) return
    this.#cancelTimer()
    socket.trust()
    this.#backoff.reset()
    this.#isOverfull = false
    this.#lastHeard = this.#around.clock.monotonic()
    this.#lastTick = this.#lastHeard
    this.#peer = step.peer
    this.#events.up(step.peer)
    this.ping()
  }

  #hearPong(message: PeerMessage): void {
    if (message[0] !== peerKinds.pong) {
      this.#socket?.close('frame-malformed')
      return
    }
    const now = this.#around.clock.monotonic()
    this.#lastHeard = now
    const asked = message[1]
    // A beat without a question says: bytes of yours are arriving.
    if (typeof asked !== 'number' || asked <= 0 || asked > now) return
    const took = now - asked
    this.#rttMs = this.#rttMs === undefined ? took : this.#rttMs + (took - this.#rttMs) / 8
    this.#events.alive()
  }

  #lost(why: string): void {
    const wasUp = this.#peer !== null
    this.#socket = null
    this.#peer = null
    this.#rttMs = undefined
    this.#cancelTimer()
    if (!this.#isClosed) {
      const pause = this.#backoff.next()
      this.#cancelTimer = this.#around.timers.after(pause, () => this.dial())
      this.#around.report.lost(this.target, wasUp, why)
    }
    if (wasUp) this.#events.down(why)
  }
}
