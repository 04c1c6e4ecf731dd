import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Cancel } from '../ports.ts'
import { firstRoomKind, peerKinds } from '../wire/peer-kinds.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { FrameSocket } from './frame-socket.ts'
import { AcceptorHandshake, isExpulsion, nonceBytes, refusalMessage } from './handshake.ts'
import type { Purpose, Refusal } from './handshake.ts'
import type { PeerIdentity } from './identity.ts'
import type { LinkSurroundings } from './peer-link.ts'

/** What an accepted connection tells; all but `closed` only after it has proved who it is. */
export interface IncomingEvents {
  /** Decides whether to go on. A reason: it is refused with it. */
  proven(incoming: Incoming, peer: PeerIdentity): Refusal | null
  message(incoming: Incoming, message: PeerMessage): void
  closed(incoming: Incoming, why: string): void
}

/**
 * One connection that a peer dialled. As a link it only reads, and answers pings. As the carrier
 * of a bulk stream it hands its messages on as they are.
 */
export class Incoming {
  peer: PeerIdentity | null = null
  readonly socket: FrameSocket
  readonly #around: LinkSurroundings
  readonly #events: IncomingEvents
  readonly #handshake: AcceptorHandshake
  readonly #cancelDeadline: Cancel
  #heardAtTick = 0
  #lastHeard = 0
  #lastTick: number
  #lastBeat = 0

  constructor(socket: Socket, around: LinkSurroundings, events: IncomingEvents) {
    this.#around = around
    this.#events = events
    this.#lastTick = around.clock.monotonic()
    this.#handshake = new AcceptorHandshake(around.context, randomBytes(nonceBytes))
    this.socket = new FrameSocket(socket, {
      message: (message) => this.#receive(message),
      closed: (why) => this.#closed(why),
    })
    this.#cancelDeadline = around.timers.after(around.settings.handshakeMs, () => {
      this.#refuse('deadline')
    })
  }

  get purpose(): Purpose {
    return this.#handshake.purpose
  }

  /** Says that bytes are arriving, when no ping came to be answered; notices silence. */
  tick(now: number): void {
    if (this.peer === null || this.purpose !== 'link') return
    const { settings } = this.#around
    const stalled = now - this.#lastTick > settings.pingEveryMs * 2
    this.#lastTick = now
    if (this.socket.bytesHeard !== this.#heardAtTick || stalled) {
      this.#heardAtTick = this.socket.bytesHeard
      this.#lastHeard = now
      if (now - this.#lastBeat >= settings.pingEveryMs) this.#beat(0, now)
    } else if (now - this.#lastHeard > settings.deadAfterMs) {
      this.socket.close('no sign of life')
    }
  }

  close(why: string): void {
    this.socket.close(why)
  }

  #receive(message: PeerMessage): void {
    if (this.peer === null) this.#prove(message)
    else if (this.purpose === 'bulk') this.#events.message(this, message)
    else if (message[0] >= firstRoomKind) this.#events.message(this, message)
    else if (message[0] === peerKinds.ping && typeof message[1] === 'number') {
      this.#beat(message[1], this.#around.clock.monotonic())
    } else this.socket.close('frame-malformed')
  }

  #prove(message: PeerMessage): void {
    const step = this.#handshake.receive(message)
    if (step.refusal !== null) {
      this.#refuse(step.refusal, step.told, step.send ?? undefined)
      if (step.proven && isExpulsion(step.refusal)) {
        this.#around.expelled(step.refusal, this.socket.remote)
      }
      return
    }
    if (step.peer !== null) {
      const refusal = this.#events.proven(this, step.peer)
      if (refusal !== null) {
        this.#refuse(refusal)
        return
      }
      this.#cancelDeadline()
      this.peer = step.peer
      this.socket.trust()
      this.#lastHeard = this.#around.clock.monotonic()
    }
    if (step.send !== null) this.socket.send(step.send)
  }

  #beat(asked: number, now: number): void {
    this.#lastBeat = now
    this.socket.send([peerKinds.pong, asked])
  }

  #refuse(reason: Refusal, told = false, message = refusalMessage(reason)): void {
    const by = told ? 'peer' : 'us'
    this.#around.report.refused({ by, reason, peer: this.socket.remote })
    if (!told) this.socket.post(message)
    this.socket.finish(reason)
  }

  #closed(why: string): void {
    this.#cancelDeadline()
    this.#events.closed(this, why)
  }
}
