import { assert } from '../assert.ts'
import { faultPoint } from '../fault-points.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Cancel, Clock, Logger, Metrics, Random, Timers } from '../ports.ts'
import type { RaftEvent } from '../raft/config.ts'
import type { ConfState, Index, RaftId } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import type { RaftStatus } from '../raft/status.ts'
import type { Log } from '../store/log.ts'
import type { Store } from '../store/store.ts'
import { Beats } from './beats.ts'
import { Compaction } from './compaction.ts'
import { Group } from './group.ts'
import type { GroupSurroundings } from './group-surroundings.ts'
import type { GroupOptions } from './group-options.ts'
import type { HostMeters } from './host-meters.ts'
import { hostMeters } from './host-meters.ts'
import { isBehindFence } from './lost-tail.ts'
import { GroupLeaving, checkFits, prepareLog } from './opening.ts'
import { defaultGroupOptions } from './group-options.ts'
import type { BulkPort, PeerPort } from './peer-port.ts'
import { SnapshotSink } from './snapshot-sink.ts'
import { SnapshotSource } from './snapshot-source.ts'
import type { StateMachine } from './state-machine.ts'

export interface GroupHostDeps {
  /** This node's Raft id in every group. */
  readonly node: RaftId
  readonly log: Log
  /** The store that the machines write to: synced before a log is cut, and copied by snapshots. */
  readonly store: Store
  readonly timers: Timers
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly peers: PeerPort
  /** Without it no snapshot can be sent, and logs are not cut behind a live follower. */
  readonly bulk?: BulkPort
  readonly options?: Partial<GroupOptions>
  /** Told once. The process must exit: a group's state is not to be trusted any more. */
  readonly onFatal: (error: Error) => void
}

export interface GroupStatus extends RaftStatus {
  readonly group: GroupId
  readonly first: Index
  readonly last: Index
  /** In joint consensus those of the new half. */
  readonly voters: readonly RaftId[]
  /** It does not vote until it is refilled: this node lost records of it, or had given it up. */
  readonly isMuted: boolean
  /** Larger than that of every replica that this process opened before: one that came back is another. */
  readonly opened: number
}

/**
 * All groups of a node: one timer, one turn in which all that came is answered, one log writer and
 * one frame of heartbeats per node. Nothing happens before `start`.
 */
export class GroupHost {
  readonly #deps: GroupHostDeps
  readonly #options: GroupOptions
  readonly #groups = new Map<GroupId, Group>()
  #opened = 0
  readonly #removals = new Map<GroupId, Promise<void>>()
  readonly #around: GroupSurroundings
  readonly #beats: Beats
  readonly #compaction: Compaction
  readonly #source: SnapshotSource
  readonly #sink: SnapshotSink
  readonly #meters: HostMeters
  #dirty: Group[] = []
  #isScheduled = false
  #ticking: Cancel | null = null
  #isStopped = false
  #isGuarded = false
  /** Read contexts: a random half per life, so that none is ever used again. */
  #readContext: number

  constructor(deps: GroupHostDeps) {
    this.#deps = deps
    const options = { ...defaultGroupOptions, ...deps.options }
    assert(options.compactEvery >= 10, 'GROUP-6', { compactEvery: options.compactEvery })
    this.#options = options
    this.#readContext = deps.random.below(2 ** 20) * 2 ** 32
    this.#beats = new Beats(deps.peers)
    this.#meters = hostMeters(deps.metrics)
    const { log, logger, metrics, store, clock } = deps
    const guard = (task: () => void): void => this.#guard(task)
    const bytesPerSecond = options.snapshotBytesPerSecond
    this.#sink = new SnapshotSink({ ...deps, guard })
    const isExchanging = (id: GroupId): boolean => this.#sink.isInstalling(id)
    this.#source = new SnapshotSource({ ...deps, bytesPerSecond, guard, isExchanging })
    this.#compaction = new Compaction({
      log,
      sync: () => store.sync(),
      clock,
      every: options.compactEvery,
      canSnapshot: deps.bulk !== undefined,
      // The store has told its own onFatal; the log is only not cut.
      onError: (error) => logger.error({ error: String(error) }, 'the store could not be synced'),
      metrics,
    })
    if (log.lostTail)
      logger.error(
        {},
        'acknowledged records are missing: groups do not vote until they are refilled',
      )
    this.#around = this.#surroundings()
  }

  /**
   * Opens a group on what the log holds. A group that was never here starts with `bootstrap`, the
   * same on every member, or without members when that is null: a leader will add it. One that was
   * removed is never founded again. Throws GroupDamaged when machine and log do not fit together,
   * TailLost when this node has lost what nobody else has, GroupLeaving while it is being removed.
   */
  open(
    id: GroupId,
    { machine, bootstrap }: { machine: StateMachine; bootstrap: ConfState | null },
  ): Group {
    assert(!this.#groups.has(id) && !this.#sink.isInstalling(id), 'GROUP-7', { id })
    if (this.#removals.has(id)) throw new GroupLeaving(id)
    const { log, node } = this.#deps
    prepareLog(log, id, node, bootstrap)
    checkFits(log, id, machine)
    const group = new Group(id, machine, this.#around, {
      ...this.#options,
      preVote: true,
      checkQuorum: true,
      stepDownOnRemoval: true,
      random: this.#deps.random,
      trace: (event) => this.#trace(id, event),
    })
    this.#groups.set(id, group)
    group.opened = ++this.#opened
    this.#meters.groups.set(this.#groups.size)
    this.#mark(group)
    return group
  }

  /** Time begins, and messages are taken. */
  start(): void {
    if (this.#ticking !== null || this.#isStopped) return
    this.#ticking = this.#deps.timers.every(this.#options.tickMs, () => this.#tick())
    this.#schedule()
    this.#refilled(null)
  }

  /** The group stays on disk. May be called for one that is not open. */
  close(id: GroupId): void {
    const group = this.#groups.get(id)
    if (group === undefined) return
    this.#groups.delete(id)
    this.#compaction.forget(group)
    this.#source.forget(group)
    group.close()
    this.#meters.groups.set(this.#groups.size)
  }

  /**
   * Closes a group and forgets rows and log; its term and vote stay, and how far it had come. What a
   * crash interrupts, finishInstalls completes. Asked twice, both wait for the same.
   */
  remove(id: GroupId): Promise<void> {
    let removal = this.#removals.get(id)
    if (removal === undefined) {
      const group = this.#groups.get(id)
      this.close(id)
      removal = this.#sink.remove(id, group).finally(() => {
        this.#removals.delete(id)
        this.#refilled(null)
      })
      this.#removals.set(id, removal)
    }
    return removal
  }

  /** When a group that is being removed will be gone; undefined: it is not being removed. */
  removing(id: GroupId): Promise<void> | undefined {
    return this.#removals.get(id)
  }

  get(id: GroupId): Group | undefined {
    return this.#groups.get(id)
  }

  /** A message of another node; `from` is whose link it came over. */
  receive(id: GroupId, m: Message, from: RaftId = m.from): void {
    const group = this.#groups.get(id)
    const isOurs = m.to === this.#deps.node && m.from === from
    if (group === undefined || !isOurs || this.#ticking === null || isNoLinkMessage(m)) {
      this.#meters.strays.add()
      return
    }
    this.#guard(() => group.receive(m))
  }

  /** The receiving end of a bulk stream. Rejects when it is not for us, or breaks. */
  receiveBulk(from: RaftId, header: unknown, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#sink.receive(from, header, chunks, (id) => this.#groups.get(id))
  }

  linkUp(_id: RaftId): void {
    // The next heartbeat finds out where the node's groups stand.
  }

  /** Followers of that node doubt it at once, and stand after a short random delay; leaders probe it. */
  linkDown(id: RaftId): void {
    this.#guard(() => {
      for (const group of this.#groups.values()) {
        if (group.lead === id || group.isLeader) group.linkLost(id)
      }
    })
  }

  /**
   * Calls `look` when the store stands exactly at an applied index of the group. Null: it is not open
   * here, or its rows are being replaced.
   */
  async exactly<T>(id: GroupId, look: (index: Index) => T): Promise<T | null> {
    const group = this.#groups.get(id)
    return group === undefined ? null : this.#source.exactly(group, look)
  }

  /** Ends all groups. Nothing is sent, stored or told any more. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#ticking?.()
    this.#ticking = null
    for (const id of this.#groups.keys()) this.close(id)
    this.#source.close()
  }

  statuses(): GroupStatus[] {
    return [...this.#groups.values()].map((group) => {
      const status = group.status()
      const [first, last] = [group.log.firstIndex(), group.log.lastIndex()]
      const { id, isMuted, opened } = group
      return { ...status, group: id, first, last, voters: status.config.voters, isMuted, opened }
    })
  }

  // --- turns ---

  #tick(): void {
    this.#guard(() => {
      let led = 0
      let muted = 0
      let hangs = false
      for (const group of this.#groups.values()) {
        hangs = group.tick() || hangs
        if (group.isLeader) led++
        if (group.isMuted) muted++
      }
      this.#meters.led.set(led)
      this.#meters.muted.set(muted)
      if (hangs) this.#handOver()
      this.#compaction.tick()
      this.#source.tick()
    })
  }

  /** One that has nothing to write would notice only when somebody waits for it. */
  #handOver(): void {
    for (const group of this.#groups.values()) if (group.isLeader) group.handOver()
  }

  #mark(group: Group): void {
    if (group.isDirty) return
    group.isDirty = true
    this.#dirty.push(group)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isStopped || this.#ticking === null) return
    this.#isScheduled = true
    this.#deps.timers.soon(() => {
      this.#isScheduled = false
      this.#guard(() => this.#turn())
    })
  }

  /** Everything that came since the last turn, group by group; then one write and one frame for all. */
  #turn(): void {
    faultPoint('turn')
    const groups = this.#dirty
    this.#dirty = []
    for (const group of groups) group.isDirty = false
    for (const group of groups) if (group.turn()) this.#mark(group)
    this.#beats.flush()
    this.#meters.turn.observe(groups.length)
  }

  /** Called from inside a core: only counts and logs. */
  #trace(group: GroupId, event: RaftEvent): void {
    if (event.kind === 'role' && event.role === 'candidate') {
      this.#meters.elections.add()
      this.#meters.electionsBy[event.cause].add()
    } else if (event.kind === 'quorum-lost') {
      this.#deps.logger.warn({ group, term: event.term }, 'this leader has lost its quorum')
    }
  }

  /** A core that threw is in no state to go on with (P11). */
  #guard(task: () => void): void {
    if (this.#isStopped) return
    // Called from inside a guarded task: what is thrown passes through it, and ends that too.
    if (this.#isGuarded) return task()
    this.#isGuarded = true
    try {
      task()
    } catch (error) {
      const { logger, onFatal } = this.#deps
      logger.error({ error: String(error) }, 'a group broke; this node stops')
      this.#isStopped = true
      this.#ticking?.()
      onFatal(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#isGuarded = false
    }
  }

  #surroundings(): GroupSurroundings {
    const { node, log, logger, peers } = this.#deps
    return {
      node,
      log,
      logger,
      refilled: (id) => this.#refilled(id),
      post: (group, m) => {
        if (!this.#beats.take(group.id, m)) peers.post(m.to, group.id, m)
      },
      dirty: (group) => this.#mark(group),
      sendSnapshot: (group, m) => this.#source.send(group, m),
      makeSnapshot: (group) => this.#source.make(group),
      guard: (task) => this.#guard(task),
      advanced: (group) => this.#compaction.consider(group),
      nextReadContext: () => ++this.#readContext,
    }
  }

  /** `id` votes again; null: look. With the last group the loss is made good, and that is noted for good. */
  #refilled(id: GroupId | null): void {
    const { log, logger } = this.#deps
    if (id !== null) logger.info({ group: id }, 'refilled by its peers: this group votes again')
    const isBehind = (here: GroupId): boolean => isBehindFence(log.group(here), log.fence)
    const muted = [...this.#groups.values()].filter((group) => group.isMuted).length
    this.#meters.muted.set(muted)
    if (!log.lostTail || this.#groups.size === 0) return
    if (muted > 0 || log.groups().some(isBehind)) return
    log.refilled().then(
      () => logger.info({}, 'all groups are refilled: the lost tail of the log is made good'),
      (error: unknown) =>
        this.#guard(() => {
          throw error
        }),
    )
  }
}

/** Kinds that no link brings: a node's own, and snapshots, which come as the head of their rows. */
function isNoLinkMessage({ kind }: Message): boolean {
  return kind === 'storage-append-response' || kind === 'forget-leader' || kind === 'snapshot'
}
