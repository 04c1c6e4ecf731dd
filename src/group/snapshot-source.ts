import { sometimes } from '../assert.ts'
import { planted } from '../fault-points.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Clock, Counter, Gauge, Logger, Metrics, Timers } from '../ports.ts'
import type { Index, SnapshotMeta } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import { groupRange } from '../store/keys.ts'
import type { Pair, Store, StoreSnapshot } from '../store/store.ts'
import { encodeRaft } from '../wire/raft-frames.ts'
import { dataFormat } from '../wire/versions.ts'
import type { Group } from './group.ts'
import type { BulkPort } from './peer-port.ts'
import { Pace } from './pace.ts'
import { encodeChunk } from './snapshot-chunk.ts'

/** Rows in one chunk, bytes; one row may exceed it. */
const chunkBytes = 256 * 1024
/** Snapshots on their way from this node. More are put off: the core asks again. */
const maxStreams = 4
/** A snapshot that was made and not sent is let go after so many ticks. */
const idleTicks = 100

interface Offer {
  readonly index: Index
  readonly view: StoreSnapshot
  users: number
  ticks: number
}

/**
 * Snapshots for followers whose entries are gone: a view of the store at an index that the machine
 * has applied exactly, streamed apart from everything else (pitfalls 55 to 57, 62).
 */
export class SnapshotSource {
  readonly #store: Store
  readonly #bulk: BulkPort | undefined
  readonly #logger: Logger
  readonly #guard: (task: () => void) => void
  readonly #isExchanging: (id: GroupId) => boolean
  readonly #offers = new Map<Group, Offer>()
  readonly #making = new Set<Group>()
  readonly #pace: Pace
  readonly #meters: {
    readonly sent: Counter
    readonly failed: Counter
    readonly wanted: Counter
    readonly bytes: Counter
    readonly held: Gauge
  }
  #streams = 0

  constructor(deps: {
    store: Store
    bulk?: BulkPort
    logger: Logger
    metrics: Metrics
    clock: Clock
    timers: Timers
    /** Of all streams of this node together. */
    bytesPerSecond: number
    guard: (task: () => void) => void
    /** The rows of the group are being replaced: a view of them now would be of no index. */
    isExchanging: (id: GroupId) => boolean
  }) {
    this.#isExchanging = deps.isExchanging
    this.#pace = new Pace(deps.bytesPerSecond, deps.clock, deps.timers)
    this.#store = deps.store
    this.#bulk = deps.bulk
    this.#logger = deps.logger
    this.#guard = deps.guard
    const { metrics } = deps
    this.#meters = {
      sent: metrics.counter(
        'group_snapshots_sent_total',
        'Snapshots that a follower has installed',
      ),
      failed: metrics.counter('group_snapshots_failed_total', 'Snapshots that did not arrive'),
      wanted: metrics.counter('group_snapshots_wanted_total', 'Snapshots asked for by a core'),
      bytes: metrics.counter('group_snapshot_sent_bytes_total', 'Bytes of rows sent in snapshots'),
      held: metrics.gauge('group_snapshots_held', 'Snapshot streams that wait for their rate'),
    }
  }

  /** The core wants to send one. Without a way to send it, the follower stays behind, and that shows. */
  make(group: Group): void {
    this.#meters.wanted.add()
    if (this.#bulk === undefined || this.#making.has(group)) return
    const offer = this.#offers.get(group)
    if (offer !== undefined && offer.index >= group.log.snapshotFrom) return
    sometimes(offer !== undefined, 'group: a snapshot of members of the past was thrown away')
    this.forget(group)
    this.#making.add(group)
    this.#capture(group).then(
      () => this.#making.delete(group),
      (error: unknown) => {
        this.#making.delete(group)
        this.#logger.error({ group: group.id, error: String(error) }, 'no snapshot could be made')
      },
    )
  }

  /** A message of kind `snapshot`: it travels as the head of a stream of rows. */
  send(group: Group, m: Message): void {
    const offer = this.#offers.get(group)
    const isHeld = offer !== undefined && offer.index === m.snapshot?.meta.index
    if (!isHeld || this.#streams >= maxStreams) {
      sometimes(isHeld, 'group: a snapshot waited for others to be sent')
      group.snapshotSent(m.to, false)
      return
    }
    offer.users++
    this.#streams++
    this.#stream(group, offer, m).then(
      (ok) => this.#sent(group, offer, m, ok),
      (error: unknown) => {
        this.#logger.warn({ group: group.id, to: m.to, error: String(error) }, 'snapshot not sent')
        this.#sent(group, offer, m, false)
      },
    )
  }

  tick(): void {
    for (const [group, offer] of this.#offers) {
      if (offer.users === 0 && --offer.ticks <= 0) this.forget(group)
    }
  }

  forget(group: Group): void {
    const offer = this.#offers.get(group)
    if (offer === undefined) return
    this.#offers.delete(group)
    group.log.offerSnapshot(null)
    // The last stream that still reads it closes it.
    if (offer.users === 0) this.#close(offer)
  }

  close(): void {
    for (const group of this.#offers.keys()) this.forget(group)
    this.#pace.close()
  }

  /**
   * Holds the machine back until the store stands exactly at what it was given, and looks then. Null:
   * it was closed meanwhile, or its rows are being replaced.
   */
  async exactly<T>(group: Group, look: (index: Index) => T): Promise<T | null> {
    const release = group.delivery.hold()
    try {
      await group.delivery.quiet(group.appliedIndex)
      const isWhole = group.isOpen && !this.#isExchanging(group.id)
      return isWhole ? look(group.appliedIndex) : null
    } finally {
      this.#guard(release)
    }
  }

  async #capture(group: Group): Promise<void> {
    const isMade = await this.exactly(group, (index) => {
      const { log } = group
      // A change of members waits for the disk before the machine hears of it: the next tick asks again.
      if (index < log.snapshotFrom) return false
      const meta: SnapshotMeta = { index, term: log.term(index), conf: log.confAt(index) }
      const view = this.#store.snapshot()
      this.#offers.set(group, { index, view, users: 0, ticks: idleTicks })
      log.offerSnapshot({ meta, data: Uint8Array.of(dataFormat) })
      return true
    })
    if (isMade === true) this.#guard(() => group.askAgain())
  }

  async #stream(group: Group, { view }: Offer, m: Message): Promise<boolean> {
    const sink = (this.#bulk as BulkPort).openBulk(m.to, encodeRaft(group.id, m))
    try {
      await view.iterate(groupRange(group.id), chunkBytes, async (pairs) => {
        const chunk = encodeChunk(planted('K14') ? pairs.filter(isNoWindow) : pairs)
        await this.#pass(chunk.length)
        if (group.isOpen) await sink.write(chunk)
        return group.isOpen
      })
      if (group.isOpen) await sink.end()
      else sink.abort()
    } catch (error) {
      sink.abort()
      throw error
    }
    return group.isOpen
  }

  async #pass(bytes: number): Promise<void> {
    const turn = this.#pace.take(bytes)
    this.#meters.held.set(this.#pace.waiting)
    await turn
    this.#meters.held.set(this.#pace.waiting)
    this.#meters.bytes.add(bytes)
  }

  #sent(group: Group, offer: Offer, m: Message, ok: boolean): void {
    this.#streams--
    offer.users--
    ;(ok ? this.#meters.sent : this.#meters.failed).add()
    if (ok) this.#logger.info({ group: group.id, to: m.to, index: offer.index }, 'snapshot sent')
    if (group.isOpen) this.#guard(() => group.snapshotSent(m.to, ok))
    if (offer.users > 0) return
    // The next follower gets a newer one.
    if (this.#offers.get(group) === offer) this.forget(group)
    else this.#close(offer)
  }

  #close({ view }: Offer): void {
    view.close().catch((error: unknown) => {
      this.#logger.error({ error: String(error) }, 'a view of the store could not be closed')
    })
  }
}

/** For the planted bug: rows of section 10, table 4 of a partition hold the windows of producers (P3). */
function isNoWindow([key]: Pair): boolean {
  return key[2] !== 0x10 || key[20] !== 0x04
}
