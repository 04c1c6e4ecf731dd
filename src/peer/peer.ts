import { sometimes } from '../assert.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import type { BootId, PeerAddress, PeerIdentity } from './identity.ts'
import type { Incoming } from './incoming.ts'
import { PeerLink, type LinkSurroundings } from './peer-link.ts'

export interface PeerEvents {
  up(node: NodeIndex, bootId: BootId): void
  down(node: NodeIndex): void
}

/**
 * One other node: the link to it, the link from it, and what the rooms above were told last.
 *
 * Up: our link to it is authenticated. Down: either link broke. When only the incoming one broke,
 * the node is told down at once (a killed process shows there first) and a ping goes out; its
 * answer proves that our own link still holds, and the node is told up again.
 */
export class Peer {
  readonly node: NodeIndex
  readonly address: PeerAddress
  readonly link: PeerLink
  /** Its link has messages that wait for a flush; kept by whoever flushes. */
  isDirty = false
  readonly #around: LinkSurroundings
  readonly #events: PeerEvents
  #incoming: Incoming | null = null
  #isUp = false
  #isClosed = false

  constructor(node: NodeIndex, address: PeerAddress, around: LinkSurroundings, events: PeerEvents) {
    this.node = node
    this.address = address
    this.#around = around
    this.#events = events
    this.link = new PeerLink(node, address, around, {
      up: (identity) => this.#linkUp(identity),
      alive: () => this.#tellUp(),
      down: (why) => this.#tellDown(why),
    })
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** See PeerLink.post; false also while the node is told down. */
  post(message: PeerMessage): boolean {
    return this.#isUp && this.link.post(message)
  }

  /** A connection from the node, proven. It replaces the one before, which is surely dead. */
  accept(incoming: Incoming, identity: PeerIdentity): void {
    const before = this.#incoming
    this.#incoming = incoming
    if (before !== null) {
      sometimes(true, 'peer: a new incoming link replaced one that looked alive')
      before.close('replaced by a newer connection')
      this.#incomingLost('replaced by a newer connection')
    }
    this.#fence(identity)
    this.link.hurry()
  }

  /** The connection from the node broke. */
  lost(incoming: Incoming, why: string): void {
    if (this.#incoming !== incoming) return
    this.#incoming = null
    this.#incomingLost(why)
  }

  tick(now: number): void {
    this.link.tick(now)
    this.#incoming?.tick(now)
  }

  /** Not a member any more, or this node stops. */
  close(): void {
    this.#isClosed = true
    this.link.close()
    const incoming = this.#incoming
    this.#incoming = null
    incoming?.close('closed here')
  }

  #linkUp(identity: PeerIdentity): void {
    const incoming = this.#incoming
    if (incoming?.peer != null && incoming.peer.bootId < identity.bootId) {
      incoming.close('left behind by an earlier start of the node')
    }
    this.#tellUp()
  }

  #incomingLost(why: string): void {
    this.#tellDown(why)
    this.link.ping()
  }

  /** A later start of the node was seen: a link to the earlier one is dead, whatever it looks like. */
  #fence(identity: PeerIdentity): void {
    const linked = this.link.peer
    if (linked !== null && linked.bootId < identity.bootId) {
      sometimes(true, 'peer: a restart showed before the old link broke')
      this.link.reset('the node was started anew')
    }
  }

  #tellUp(): void {
    const identity = this.link.peer
    if (this.#isUp || this.#isClosed || identity === null) return
    this.#isUp = true
    this.#around.report.up(this.node, identity.bootId)
    this.#events.up(this.node, identity.bootId)
  }

  #tellDown(why: string): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#around.report.down(this.node, why)
    this.#events.down(this.node)
  }
}
