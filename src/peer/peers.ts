import type { AddressInfo, Server } from 'node:net'
import type { NodeIndex } from '../ids/node-index.ts'
import type { Cancel, Clock, Gauge, Logger, Metrics, Random, Timers } from '../ports.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { BulkTable } from './bulk-table.ts'
import type { BulkWriter } from './bulk-writer.ts'
import type { BulkReader } from './bulk-reader.ts'
import type { Expulsion, Refusal } from './handshake.ts'
import type { BootId, Members, PeerAddress, PeerIdentity, PeerSelf } from './identity.ts'
import { Incoming } from './incoming.ts'
import { LinkReport } from './link-report.ts'
import { Loopback } from './loopback.ts'
import type { LinkSurroundings } from './peer-link.ts'
import { Peer } from './peer.ts'
import { plainTransport, tlsTransport, type PeerTls } from './transport.ts'
import { defaultPeerSettings, type PeerSettings } from './peer-settings.ts'

/**
 * What the room above does with what arrives. All are called from the event loop, never from
 * inside a call to Peers except `close` and `refresh`. They must not throw.
 */
export interface PeerHandlers {
  /** One message. Those of one node come in the order posted, as long as one connection lives. */
  message(from: NodeIndex, message: PeerMessage): void
  /** Messages may be posted to the node. What was posted before may be lost, never doubled. */
  up(node: NodeIndex, bootId: BootId): void
  down(node: NodeIndex): void
  /** A bulk stream; the promise settles when it has been used or given up. Without this: refused. */
  bulk?(from: NodeIndex, header: unknown, chunks: BulkReader): Promise<void>
  /** A member proved that the cluster refuses this node for good. May come again and again. */
  expelled?(reason: Expulsion, by: string): void
}

export interface PeersOptions {
  readonly self: PeerSelf
  /** The cluster secret; the same bytes on all nodes. */
  readonly secret: Uint8Array
  /** The member list as of now; `refresh` is called after it changed. May contain this node. */
  readonly members: () => Members
  /** Was a member and is none any more: it is told so. Left out: nobody was. */
  readonly isRemoved?: (node: NodeIndex) => boolean
  readonly timers: Timers
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly handlers: PeerHandlers
  readonly settings?: Partial<PeerSettings>
  /** Plain TCP unless given. */
  readonly tls?: PeerTls
}

/** The links between this node and all the others. */
export class Peers {
  readonly #self: PeerSelf
  readonly #members: () => Members
  readonly #handlers: PeerHandlers
  readonly #settings: PeerSettings
  readonly #around: LinkSurroundings
  readonly #report: LinkReport
  readonly #upGauge: Gauge
  readonly #queueGauge: Gauge
  readonly #unprovenGauge: Gauge
  readonly #peers = new Map<NodeIndex, Peer>()
  readonly #unproven = new Set<Incoming>()
  readonly #newestBoots = new Map<NodeIndex, BootId>()
  readonly #bulks: BulkTable
  readonly #loopback: Loopback
  /** Peers with messages that wait for the end of this turn. */
  #dirty: Peer[] = []
  #server: Server | null = null
  #cancelTick: Cancel
  #isClosed = false

  constructor(options: PeersOptions) {
    const { self, secret, timers, clock, random, logger, metrics, handlers } = options
    this.#self = self
    this.#members = options.members
    this.#handlers = handlers
    this.#settings = { ...defaultPeerSettings, ...options.settings }
    this.#report = new LinkReport(logger, metrics, clock)
    this.#upGauge = metrics.gauge('peer_up', 'Peers that messages can be posted to')
    this.#queueGauge = metrics.gauge('peer_queue_bytes', 'Bytes that wait for peers, all links')
    this.#unprovenGauge = metrics.gauge('peer_unproven', 'Connections in the handshake')
    this.#around = {
      context: {
        self,
        secret,
        members: options.members,
        isRemoved: options.isRemoved ?? (() => false),
        newestBoot: (node) => this.#newestBoots.get(node) ?? 0,
      },
      settings: this.#settings,
      transport:
        options.tls === undefined
          ? plainTransport
          : tlsTransport(options.tls, this.#settings.handshakeMs),
      timers,
      clock,
      random,
      report: this.#report,
      expelled: (reason, by) => handlers.expelled?.(reason, by),
    }
    this.#bulks = new BulkTable(this.#around, metrics, handlers.bulk?.bind(handlers))
    this.#loopback = new Loopback(timers, metrics, this.#settings.maxLoopback, (message) => {
      handlers.message(self.index, message)
    })
    this.#cancelTick = timers.every(this.#settings.pingEveryMs / 2, () => this.#tick())
  }

  /** Accepts peers at `port` (0: any) and dials all members. Rejects when the port cannot be had. */
  async listen(host: string, port: number): Promise<void> {
    const server = this.#around.transport.serve((socket) => {
      if (this.#isClosed || this.#unproven.size >= this.#settings.maxUnproven) socket.destroy()
      else this.#unproven.add(new Incoming(socket, this.#around, this.#incomingEvents))
    })
    this.#server = server
    server.maxConnections = this.#settings.maxConnections
    server.on('tlsClientError', (error: Error) => this.#report.tlsRefused(error))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        server.on('error', (error) => this.#around.report.serverFailed(error))
        resolve()
      })
    })
    this.refresh()
  }

  /** The port that `listen` got; 0 before. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0
  }

  /** The member list changed: links to new members are dialled, those to others are closed. */
  refresh(): void {
    if (this.#isClosed) return
    const members = this.#members()
    for (const [node, peer] of this.#peers) {
      const address = members.get(node)
      if (address === undefined || !isSame(address, peer.address)) this.#drop(peer)
    }
    for (const [node, address] of members) {
      if (node === this.#self.index || this.#peers.has(node)) continue
      const peer = new Peer(node, address, this.#around, this.#peerEvents)
      this.#peers.set(node, peer)
      peer.link.dial()
    }
  }

  /**
   * Queues a message; everything queued in one turn of the event loop leaves in one write. False:
   * certainly not sent, because the node is down, its queue is over the bound, or no frame could
   * hold the message. A message to this node itself is handed over at the end of the turn as it
   * is, not encoded. The message may be edited afterwards, except when it goes to this node.
   */
  post(to: NodeIndex, message: PeerMessage): boolean {
    if (to === this.#self.index) return this.#loopback.post(message)
    const peer = this.#peers.get(to)
    if (peer === undefined || !peer.isUp) return false
    if (!peer.isDirty) {
      peer.isDirty = true
      if (this.#dirty.push(peer) === 1) this.#around.timers.soon(this.#flush)
    }
    return peer.post(message)
  }

  /** Can messages be posted to it? True for this node itself. */
  isUp(node: NodeIndex): boolean {
    return node === this.#self.index || this.#peers.get(node)?.isUp === true
  }

  /** Smoothed round trip, ms; 0 for this node itself, undefined when not known. */
  rtt(node: NodeIndex): number | undefined {
    return node === this.#self.index ? 0 : this.#peers.get(node)?.link.rttMs
  }

  /** Bytes that wait for the node. */
  waitingBytes(node: NodeIndex): number {
    return this.#peers.get(node)?.link.waitingBytes ?? 0
  }

  /**
   * A stream of chunks to one node on a connection of its own, so that it never delays messages.
   * `header` tells the other side what it is. Never fails at once: the first write does.
   */
  openBulk(to: NodeIndex, header: unknown): BulkWriter {
    return this.#bulks.open(to, this.#members().get(to), header)
  }

  /** Closes all links; `down` is told for those that were up. May be called twice. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelTick()
    this.#server?.close()
    for (const incoming of this.#unproven) incoming.close('closed here')
    for (const peer of this.#peers.values()) this.#drop(peer)
    this.#bulks.close()
    this.#loopback.close()
  }

  readonly #incomingEvents = {
    proven: (incoming: Incoming, peer: PeerIdentity) => this.#proven(incoming, peer),
    message: (incoming: Incoming, message: PeerMessage) => {
      if (incoming.purpose === 'bulk') this.#bulks.message(incoming, message)
      else if (incoming.peer !== null) this.#handlers.message(incoming.peer.index, message)
    },
    closed: (incoming: Incoming, why: string) => {
      this.#unproven.delete(incoming)
      this.#report.closedIncoming(incoming.peer?.name ?? incoming.socket.remote, why)
      if (incoming.purpose === 'bulk') this.#bulks.closed(incoming, why)
      else if (incoming.peer !== null) this.#peers.get(incoming.peer.index)?.lost(incoming, why)
    },
  }

  readonly #peerEvents = {
    up: (node: NodeIndex, bootId: BootId) => {
      this.#sawBoot(node, bootId)
      this.#countUp()
      this.#handlers.up(node, bootId)
    },
    down: (node: NodeIndex) => {
      this.#countUp()
      this.#handlers.down(node)
    },
  }

  #proven(incoming: Incoming, identity: PeerIdentity): Refusal | null {
    this.#unproven.delete(incoming)
    const peer = this.#peers.get(identity.index)
    // The list may have changed during the handshake, or `refresh` is still owed.
    if (peer === undefined) return 'unknown-member'
    this.#sawBoot(identity.index, identity.bootId)
    if (incoming.purpose === 'bulk') return this.#bulks.accept(incoming, identity)
    peer.accept(incoming, identity)
    return null
  }

  #sawBoot(node: NodeIndex, bootId: BootId): void {
    if (bootId > (this.#newestBoots.get(node) ?? 0)) this.#newestBoots.set(node, bootId)
  }

  #drop(peer: Peer): void {
    this.#peers.delete(peer.node)
    peer.close()
  }

  readonly #flush = (): void => {
    const dirty = this.#dirty
    this.#dirty = []
    for (const peer of dirty) {
      peer.isDirty = false
      peer.link.flush()
    }
  }

  #tick(): void {
    const now = this.#around.clock.monotonic()
    let waiting = 0
    for (const peer of this.#peers.values()) {
      peer.tick(now)
      waiting += peer.link.waitingBytes
    }
    this.#queueGauge.set(waiting)
    this.#unprovenGauge.set(this.#unproven.size)
    this.#bulks.tick(now)
  }

  #countUp(): void {
    let count = 0
    for (const peer of this.#peers.values()) if (peer.isUp) count++
    this.#upGauge.set(count)
  }
}

function isSame(a: PeerAddress, b: PeerAddress): boolean {
  return a.name === b.name && a.host === b.host && a.port === b.port
}
