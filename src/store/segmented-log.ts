import { randomBytes } from 'node:crypto'
import { assert } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Counter, Gauge, Metrics } from '../ports.ts'
import type { Entry, Index, Term } from '../raft/entry.ts'
import type { Disk } from './disk.ts'
import { synced } from './disk.ts'
import type { GroupLog } from './group-log.ts'
import { HighWater, ceilingFor } from './high-water.ts'
import type { Log, LogStats, Step } from './log.ts'
import { LogBroken, LogDamaged } from './log.ts'
import type { LogSlot, MemoryBound } from './log-slot.ts'
import { boundMemory, newSlot, statesOf } from './log-slot.ts'
import { LogWriter } from './log-writer.ts'
import { NodeDisk } from './node-disk.ts'
import type { Position } from './position-index.ts'
import { readEntries } from './read-back.ts'
import { Reclaim } from './reclaim.ts'
import type { LogRecord } from './record.ts'
import { recover } from './recovery.ts'
import { incarnationBytes, segmentName } from './segment.ts'
import { SegmentChain } from './segment-chain.ts'

export interface SegmentedLogOptions {
  /** Told once, at the first error of a write. The process must exit; no `done` runs any more. */
  readonly onFatal: (error: Error) => void
  readonly metrics: Metrics
  /** Size of a segment, allocated ahead. Default 64 MiB. */
  readonly segmentBytes?: number
  /** Bytes of entries in memory over all groups. Default 128 MiB. Above: old ones are read back from the disk. */
  readonly memoryBytes?: number
  /** Bytes of entries that a group keeps in memory in any case. Default 256 KiB. */
  readonly groupFloorBytes?: number
  /** More segments than this: groups that pin the oldest are written again at the end. Default 8. */
  readonly maxSegments?: number
}

const mebibyte = 1024 * 1024
const defaultSegmentBytes = 64 * mebibyte
const defaultMemoryBytes = 128 * mebibyte
const defaultGroupFloorBytes = 256 * 1024
const defaultMaxSegments = 8
/** More segments than this: whoever has entries in the oldest is named, so that it can be cut. */
const manySegments = 4
/** The mark is moved after so many bytes of log, besides at each new segment and at the end. */
const markEveryBytes = 8 * mebibyte

/** The log on disk: segments that are only appended to, one writer for all groups. */
export class SegmentedLog implements Log {
  readonly #disk: Disk
  readonly #chain: SegmentChain
  readonly #writer: LogWriter
  readonly #highWater: HighWater
  readonly #reclaim: Reclaim
  readonly #slots: Map<GroupId, LogSlot>
  /** Removed, but not durably: their entries still pin segments. */
  readonly #leaving = new Set<LogSlot>()
  readonly #bound: MemoryBound
  readonly #segmentBytes: number
  readonly #fatal: (error: Error) => void
  readonly #meters: { readonly memory: Gauge; readonly readBack: Counter }
  #memoryBytes = 0
  #markedAt = 0
  #closing: Promise<void> | null = null

  /** Throws {@link LogDamaged} when the directory is in use, or what it holds cannot be trusted. */
  static open(dir: string, options: SegmentedLogOptions): Promise<SegmentedLog> {
    return SegmentedLog.openOn(new NodeDisk(dir), options)
  }

  static async openOn(disk: Disk, options: SegmentedLogOptions): Promise<SegmentedLog> {
    await disk.lock()
    try {
      return await SegmentedLog.#open(disk, options)
    } catch (error) {
      await disk.close()
      throw error
    }
  }

  static async #open(disk: Disk, options: SegmentedLogOptions): Promise<SegmentedLog> {
    const bound: MemoryBound = {
      maxBytes: options.memoryBytes ?? defaultMemoryBytes,
      floorBytes: options.groupFloorBytes ?? defaultGroupFloorBytes,
    }
    const highWater = await openHighWater(disk)
    const { incarnation } = highWater
    const found = await recover(disk, incarnation, highWater.mark, bound)
    const segments = []
    for (const number of found.segments) {
      segments.push({ number, file: await disk.open(segmentName(number)), readers: 0 })
    }
    // What a killed process wrote last may be in the machine's memory alone, and counts from now on.
    const last = segments.at(-1)
    if (last !== undefined) await synced(last.file)
    const segmentBytes = options.segmentBytes ?? defaultSegmentBytes
    const chain = new SegmentChain(disk, incarnation, segmentBytes, segments)
    // What the lost records promised, they promised in a term up to the ceiling.
    const { ceiling, fence } = highWater.mark
    if (found.isShort) await highWater.save({ lost: true, fence: Math.max(fence, ceiling) })
    const log = new SegmentedLog({ disk, chain, highWater, bound, segmentBytes, found, options })
    await log.#writer.start(found.end)
    await log.#mark()
    return log
  }

  private constructor(deps: {
    disk: Disk
    chain: SegmentChain
    highWater: HighWater
    bound: MemoryBound
    segmentBytes: number
    found: { slots: Map<GroupId, LogSlot>; nextSequence: number }
    options: SegmentedLogOptions
  }) {
    const { chain, found, options } = deps
    this.#disk = deps.disk
    this.#chain = chain
    this.#highWater = deps.highWater
    this.#bound = deps.bound
    this.#segmentBytes = deps.segmentBytes
    this.#slots = found.slots
    this.#fatal = once(options.onFatal)
    for (const { log } of found.slots.values()) this.#memoryBytes += log.bytes
    const { metrics } = options
    this.#meters = {
      memory: metrics.gauge('log_memory_bytes', 'Bytes of entries in memory'),
      readBack: metrics.counter('log_read_back_total', 'Reads of old entries from the disk'),
    }
    this.#writer = new LogWriter({
      chain,
      incarnation: deps.highWater.incarnation,
      states: statesOf(found.slots.values()),
      sequence: found.nextSequence,
      onFatal: this.#fatal,
      rolled: () => this.#rolled(),
      admit: (term) => this.#admit(term),
      metrics,
    })
    this.#reclaim = new Reclaim({
      chain,
      slots: this.#slots,
      leaving: this.#leaving,
      maxSegments: options.maxSegments ?? defaultMaxSegments,
      load: (id, lo, hi) => this.load(id, lo, hi),
      again: (slot, entries) => this.#again(slot, entries),
      onFatal: (cause) => this.#fatal(broken(cause)),
      metrics,
    })
  }

  get lostTail(): boolean {
    return this.#highWater.mark.lost
  }

  get fence(): Term {
    return this.#highWater.mark.fence
  }

  refilled(): Promise<void> {
    return this.#highWater.save({ lost: false })
  }

  group(id: GroupId): GroupLog {
    return this.#slot(id).log
  }

  groups(): readonly GroupId[] {
    return [...this.#slots.values()].filter(({ log }) => !log.isNew).map(({ id }) => id)
  }

  append(group: GroupId, step: Step, sync: boolean, done: () => void): void {
    const slot = this.#slot(group)
    const { log, positions } = slot
    const before = log.bytes
    log.step(step)
    this.#memoryBytes += log.bytes - before
    const { hardState, entries, snapshot, conf } = step
    const confs = snapshot !== null ? [{ index: snapshot.index, conf: snapshot.conf }] : []
    if (conf !== null) confs.push(conf)
    const marker = snapshot === null ? null : { index: snapshot.index, term: snapshot.term }
    const record: LogRecord = {
      ...nothing,
      kind: 'step',
      group,
      hardState,
      marker,
      confs,
      entries,
    }
    const [first, last] = [entries[0], entries[entries.length - 1]]
    const moves = first !== undefined || snapshot !== null
    const settled = (at: Position): void => {
      if (snapshot !== null) positions.clear()
      if (first !== undefined && last !== undefined) positions.add(first.index, last.index, at)
      this.#reclaim.consider()
    }
    this.#writer.enqueue({ record, sync, settled: moves ? settled : null, done })
    if (this.#memoryBytes > this.#bound.maxBytes) this.#forget()
    this.#markIfFar()
  }

  compact(group: GroupId, upTo: Index): void {
    const slot = this.#slots.get(group)
    if (slot === undefined || upTo < slot.log.firstIndex()) return
    const { log, positions } = slot
    const before = log.bytes
    log.compact(upTo)
    this.#memoryBytes += log.bytes - before
    const { marker } = log
    const record: LogRecord = { ...nothing, kind: 'compact', group, marker }
    const settled = (): void => {
      positions.dropTo(marker.index)
      this.#reclaim.consider()
    }
    this.#writer.enqueue({ record, sync: false, settled, done: null })
  }

  removeGroup(group: GroupId, done: () => void): void {
    const slot = this.#slots.get(group)
    if (slot === undefined) return queueMicrotask(done)
    this.#memoryBytes -= slot.log.bytes
    const { memory } = slot.log
    this.#slots.set(group, newSlot(group, memory))
    const record: LogRecord = { ...nothing, ...memory, kind: 'removed', group }
    this.#leaving.add(slot)
    const settled = (): void => {
      this.#leaving.delete(slot)
      this.#reclaim.consider()
    }
    this.#writer.enqueue({ record, sync: true, settled, done })
  }

  async load(group: GroupId, lo: Index, hi: Index): Promise<void> {
    const slot = this.#slots.get(group)
    if (slot === undefined) return
    this.#meters.readBack.add()
    try {
      const entries = await readEntries(this.#chain, slot, lo, hi)
      if (this.#slots.get(group) === slot && lo >= slot.log.firstIndex()) slot.log.readBack(entries)
    } catch (cause) {
      // Cut meanwhile, together with its segment: nobody needs it.
      if (lo < slot.log.firstIndex() || this.#slots.get(group) !== slot) return
      this.#fatal(broken(cause))
      throw broken(cause)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  pinned(): ReadonlyMap<GroupId, Index> {
    const pinned = new Map<GroupId, Index>()
    if (this.#chain.length <= manySegments) return pinned
    const oldest = this.#chain.oldest.number
    for (const { id, positions } of this.#slots.values()) {
      const found = positions.pinned(oldest)
      if (found !== null) pinned.set(id, found.to)
    }
    return pinned
  }

  stats(): LogStats {
    return {
      segments: this.#chain.length,
      segmentBytes: this.#segmentBytes,
      memoryBytes: this.#memoryBytes,
      lastSequence: this.#writer.sequence - 1,
    }
  }

  async #close(): Promise<void> {
    await this.#reclaim.end()
    await this.#writer.flush()
    if (!this.#writer.broken) await this.#mark()
    await this.#highWater.close()
    await this.#chain.close()
    await this.#disk.close()
  }

  #slot(id: GroupId): LogSlot {
    let slot = this.#slots.get(id)
    if (slot === undefined) {
      assert(Number.isInteger(id) && id >= 0 && id < 0xffff, 'STORE-7', { group: id })
      slot = newSlot(id)
      this.#slots.set(id, slot)
    }
    return slot
  }

  #again(slot: LogSlot, entries: readonly Entry[]): void {
    const [first, last] = [entries[0], entries[entries.length - 1]]
    if (first === undefined || last === undefined) return
    const record: LogRecord = { ...nothing, kind: 'again', group: slot.id, entries }
    const settled = (at: Position): void => {
      if (last.index < slot.log.firstIndex()) return
      slot.positions.relocate(first.index, last.index, at)
      this.#reclaim.consider()
    }
    this.#writer.enqueue({ record, sync: true, settled, done: null })
  }

  #forget(): void {
    this.#memoryBytes = boundMemory(this.#slots.values(), this.#memoryBytes, this.#bound)
    this.#meters.memory.set(this.#memoryBytes)
  }

  #rolled(): void {
    this.#markInBackground()
    this.#reclaim.consider()
  }

  #markIfFar(): void {
    if (this.#chain.offset - this.#markedAt > markEveryBytes) this.#markInBackground()
  }

  #markInBackground(): void {
    this.#mark().catch((cause: unknown) => this.#fatal(broken(cause)))
  }

  /** Everything before the current end is durable. */
  #mark(): Promise<void> {
    this.#markedAt = this.#chain.offset
    return this.#highWater.save({ segment: this.#chain.current.number, offset: this.#markedAt })
  }

  /** A term that the mark does not know of must not be promised: it could not be fenced off later (STORE-8). */
  #admit(term: Term): Promise<void> | null {
    if (term <= this.#highWater.mark.ceiling) return null
    return this.#highWater.save({ ceiling: ceilingFor(term) })
  }
}

const nothing = { hardState: null, marker: null, owed: null, confs: [], entries: [] } as const

/** The file is made before the first segment, so segments without it are damage. */
async function openHighWater(disk: Disk): Promise<HighWater> {
  const found = await HighWater.open(disk)
  if (found !== null) return found
  if ((await disk.list()).some((name) => name.endsWith('.seg'))) {
    throw new LogDamaged('bad-high-water', 'there are segments, but not the file beside them')
  }
  return HighWater.create(disk, randomBytes(incarnationBytes))
}

function broken(cause: unknown): LogBroken {
  return cause instanceof LogBroken ? cause : new LogBroken('the log has failed', { cause })
}

function once(tell: (error: Error) => void): (error: Error) => void {
  let told = false
  return (error) => {
    if (told) return
    told = true
    tell(error)
  }
}
