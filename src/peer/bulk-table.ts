import type { NodeIndex } from '../ids/node-index.ts'
import type { Gauge, Metrics } from '../ports.ts'
import { peerKinds } from '../wire/peer-kinds.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { BulkReader } from './bulk-reader.ts'
import { BulkWriter } from './bulk-writer.ts'
import type { Refusal } from './handshake.ts'
import type { PeerAddress, PeerIdentity } from './identity.ts'
import type { Incoming } from './incoming.ts'
import type { LinkSurroundings } from './peer-link.ts'

export type BulkHandler = (from: NodeIndex, header: unknown, chunks: BulkReader) => Promise<void>

interface BulkIn {
  readonly from: NodeIndex
  /** Null until the header has come. */
  reader: BulkReader | null
  lastBeat: number
  lastHeardBytes: number
  lastHeard: number
}

/** All bulk streams of this node, both ways. */
export class BulkTable {
  readonly #around: LinkSurroundings
  readonly #handler: BulkHandler | undefined
  readonly #gauge: Gauge
  readonly #outgoing = new Set<BulkWriter>()
  readonly #incoming = new Map<Incoming, BulkIn>()

  constructor(around: LinkSurroundings, metrics: Metrics, handler: BulkHandler | undefined) {
    this.#around = around
    this.#handler = handler
    this.#gauge = metrics.gauge('peer_bulk_streams', 'Open bulk streams from and to peers')
  }

  open(to: NodeIndex, address: PeerAddress | undefined, header: unknown): BulkWriter {
    const writer: BulkWriter = new BulkWriter(to, address, header, this.#around, () => {
      this.#outgoing.delete(writer)
      this.#count()
    })
    if (address !== undefined) this.#outgoing.add(writer)
    this.#count()
    return writer
  }

  /** A proven connection that wants to carry a stream. A reason: it may not. */
  accept(incoming: Incoming, peer: PeerIdentity): Refusal | null {
    let open = 0
    for (const bulk of this.#incoming.values()) if (bulk.from === peer.index) open++
    if (this.#handler === undefined || open >= this.#around.settings.maxBulkPerPeer) return 'busy'
    const now = this.#around.clock.monotonic()
    this.#incoming.set(incoming, {
      from: peer.index,
      reader: null,
      lastBeat: now,
      lastHeardBytes: 0,
      lastHeard: now,
    })
    this.#count()
    return null
  }

  message(incoming: Incoming, message: PeerMessage): void {
    const bulk = this.#incoming.get(incoming)
    if (bulk === undefined) return
    if (bulk.reader !== null) {
      if (!bulk.reader.receive(message)) incoming.close('frame-malformed')
    } else if (message[0] === peerKinds.bulkOpen) {
      bulk.reader = new BulkReader(incoming.socket, this.#around.settings.maxBulkAheadBytes)
      this.#serve(incoming, bulk.from, message[1], bulk.reader)
    } else {
      incoming.close('frame-malformed')
    }
  }

  closed(incoming: Incoming, why: string): void {
    const bulk = this.#incoming.get(incoming)
    this.#incoming.delete(incoming)
    bulk?.reader?.lost(why)
    this.#count()
  }

  /** Tells senders that we live, and drops those that do not. */
  tick(now: number): void {
    const { pingEveryMs, deadAfterMs } = this.#around.settings
    for (const writer of this.#outgoing) writer.tick(now)
    for (const [incoming, bulk] of this.#incoming) {
      const { socket } = incoming
      if (socket.bytesHeard !== bulk.lastHeardBytes || bulk.reader?.isPaused === true) {
        bulk.lastHeardBytes = socket.bytesHeard
        bulk.lastHeard = now
      }
      if (now - bulk.lastBeat >= pingEveryMs) {
        bulk.lastBeat = now
        socket.send([peerKinds.pong, 0])
      }
      // A sender may wait for its disk between chunks, so it gets far more time than a link.
      if (now - bulk.lastHeard > deadAfterMs * idleTimes && bulk.reader?.isConsumed !== true) {
        socket.close('no sign of life')
      }
    }
  }

  close(): void {
    for (const writer of this.#outgoing) writer.abort()
    for (const incoming of this.#incoming.keys()) incoming.close('closed here')
  }

  #serve(incoming: Incoming, from: NodeIndex, header: unknown, reader: BulkReader): void {
    const handler = this.#handler as BulkHandler
    handler(from, header, reader).then(
      () => {
        if (!reader.isConsumed) {
          incoming.close('the receiver gave the stream up')
          return
        }
        incoming.socket.post([peerKinds.bulkDone])
        incoming.socket.finish('done')
      },
      (error: unknown) => {
        this.#around.report.bulkFailed(from, error)
        incoming.close('the receiver failed')
      },
    )
  }

  #count(): void {
    this.#gauge.set(this.#outgoing.size + this.#incoming.size)
  }
}

/** An idle stream is dropped after this many times `deadAfterMs`. */
const idleTimes = 15
