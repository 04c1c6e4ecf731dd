import { assert, sometimes } from '../assert.ts'
import { refuseNewer } from '../errors.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Counter, Logger, Metrics } from '../ports.ts'
import type { Index, RaftId, SnapshotMeta } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import type { Log } from '../store/log.ts'
import type { Store } from '../store/store.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { decodeRaft } from '../wire/raft-frames.ts'
import { dataFormat } from '../wire/versions.ts'
import type { Group } from './group.ts'
import { forgetGroup } from './removal.ts'
import { decodeChunk } from './snapshot-chunk.ts'
import { clearStaging, forgetMark } from './staged-rows.ts'
import { adopt, markStaged, stage, swapIn } from './staging.ts'

/** Snapshots being taken in at once. More are refused; the leader tries again. */
const maxInstalls = 4

/** The stream is not for this node, comes at the wrong time, or is not whole. */
export class SnapshotRefused extends Error {
  override readonly name = 'SnapshotRefused'
}

/** Takes in snapshots: rows first, beside the old ones; then the exchange; then the core is told. */
export class SnapshotSink {
  readonly #node: RaftId
  readonly #log: Log
  readonly #store: Store
  readonly #logger: Logger
  readonly #guard: (task: () => void) => void
  readonly #installed: Counter
  readonly #installing = new Set<Group>()
  /** Rows are being exchanged; resolves when they are, or when the node is about to stop. */
  readonly #exchanging = new Map<GroupId, Promise<void>>()
  /** Indexes of the snapshots that marks stand for. A later one has taken the place of an earlier one's. */
  readonly #marked = new Map<GroupId, Index>()

  constructor(deps: {
    node: RaftId
    log: Log
    store: Store
    logger: Logger
    metrics: Metrics
    guard: (task: () => void) => void
  }) {
    this.#node = deps.node
    this.#log = deps.log
    this.#store = deps.store
    this.#logger = deps.logger
    this.#guard = deps.guard
    this.#installed = deps.metrics.counter(
      'group_snapshots_installed_total',
      'Snapshots whose rows replaced those of a group here',
    )
  }

  async receive(
    from: RaftId,
    header: unknown,
    chunks: AsyncIterable<Uint8Array>,
    find: (id: GroupId) => Group | undefined,
  ): Promise<void> {
    const decoded = Array.isArray(header) ? decodeRaft(header as unknown as PeerMessage) : null
    const m = decoded?.message
    const group = decoded === null ? undefined : find(decoded.group)
    if (m?.kind !== 'snapshot' || m.snapshot === null || m.from !== from || m.to !== this.#node) {
      throw new SnapshotRefused('the head of the stream is no snapshot for this node')
    }
    if (group === undefined) throw new SnapshotRefused('the group is not open here')
    if (this.#installing.has(group) || this.#installing.size >= maxInstalls) {
      throw new SnapshotRefused('others are being taken in')
    }
    this.#installing.add(group)
    try {
      this.#checkFormat(m.snapshot.data[0])
      await this.#install(group, m, m.snapshot.meta, chunks)
    } finally {
      this.#installing.delete(group)
    }
  }

  /** Its rows are being exchanged: it cannot be opened now. */
  isInstalling(id: GroupId): boolean {
    return this.#exchanging.has(id)
  }

  /** Rows and log of a group that is closed, when nobody writes rows any more. `group`: its last life. */
  async remove(id: GroupId, group: Group | undefined): Promise<void> {
    await this.#exchanging.get(id)
    await group?.machine.restoring?.()
    this.#marked.delete(id)
    await forgetGroup(this.#log, this.#store, id)
  }

  /** This node could never catch up any more: it stops rather than fall behind in silence. */
  #checkFormat(format: number | undefined): void {
    try {
      refuseNewer('a snapshot', format, dataFormat)
    } catch (error) {
      this.#broken(error)
    }
  }

  async #install(
    group: Group,
    m: Message,
    meta: SnapshotMeta,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    await clearStaging(this.#store, group.id)
    for await (const chunk of chunks) {
      const pairs = decodeChunk(chunk)
      if (pairs === null) throw new SnapshotRefused('a chunk is not what was sent')
      if (!group.isOpen) throw new SnapshotRefused('the group was closed')
      await stage(this.#store, group.id, pairs)
    }
    const release = group.delivery.hold()
    try {
      await group.delivery.quiet(group.appliedIndex)
      if (!group.isOpen) throw new SnapshotRefused('the group was closed')
      // What the core has handed out already, the machine gets without it.
      const { delivered, handedOut } = group.delivery
      const isHere = meta.index <= Math.max(delivered, handedOut)
      const isStale = isHere || group.isLeader || m.term < group.term
      sometimes(isStale, 'group: a snapshot came too late')
      if (!isStale) await this.#exchangeAlone(group, meta)
      // Stale or not, the core answers, and the leader learns where this member stands.
      this.#guard(() => group.receive(m))
    } finally {
      this.#guard(release)
    }
  }

  /** Others wait for its end; an error is for the node, not for them. */
  async #exchangeAlone(group: Group, meta: SnapshotMeta): Promise<void> {
    const exchange = this.#exchange(group, meta)
    this.#exchanging.set(
      group.id,
      exchange.catch(() => {}),
    )
    try {
      await exchange
    } catch (error) {
      this.#broken(error)
    } finally {
      this.#exchanging.delete(group.id)
    }
  }

  /** The rows of `meta` become the group's. A crash from here on is completed by finishInstalls. */
  async #exchange(group: Group, meta: SnapshotMeta): Promise<void> {
    await group.machine.restoring?.()
    this.#marked.set(group.id, meta.index)
    await markStaged(this.#store, group.id, meta)
    await swapIn(this.#store, group.id, meta)
    await group.machine.restored()
    const applied = group.machine.applied()
    assert(applied === meta.index, 'GROUP-8', { group: group.id, applied, index: meta.index })
    const forget = (): Promise<void> => this.#forget(group.id, meta.index)
    if (group.isOpen) group.installed(meta.index, () => void forget())
    else {
      // Closed meanwhile: no core will store it.
      await adopt(this.#log, group.id, meta)
      await forget()
    }
    this.#installed.add()
    this.#logger.info({ group: group.id, index: meta.index }, 'snapshot installed')
  }

  /** Half exchanged rows are not to be served: the next start completes them (P11). */
  #broken(error: unknown): never {
    this.#guard(() => {
      throw error
    })
    throw error
  }

  /** The log holds the snapshot at `index`. */
  async #forget(id: GroupId, index: Index): Promise<void> {
    const isLater = this.#marked.get(id) !== index
    sometimes(isLater, 'group: the log took a snapshot when the mark was of another one')
    if (isLater) return
    this.#marked.delete(id)
    try {
      await forgetMark(this.#store, id)
    } catch (error) {
      // The store has told its own onFatal.
      const seen = { group: id, error: String(error) }
      this.#logger.error(seen, 'the mark of a taken snapshot could not be cleared')
    }
  }
}
