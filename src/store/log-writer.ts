import { assert } from '../assert.ts'
import { faultPoint, planted } from '../fault-points.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Counter, Gauge, Histogram, Metrics } from '../ports.ts'
import type { Term } from '../raft/entry.ts'
import { confsFrom, withConf } from './conf-history.ts'
import { align, frameHeadBytes, writeFrameHead } from './frame.ts'
import type { GroupState } from './group-log.ts'
import { LogBroken } from './log.ts'
import type { Position } from './position-index.ts'
import type { LogRecord } from './record.ts'
import { recordBytes, writeRecord } from './record.ts'
import type { Incarnation } from './segment.ts'
import type { SegmentChain } from './segment-chain.ts'

/** One record on its way to the disk. */
export interface Job {
  readonly record: LogRecord
  readonly sync: boolean
  /** Told where the record lies, as soon as it is durable, before any `done` of the same write. */
  readonly settled: ((at: Position) => void) | null
  done: (() => void) | null
}

interface Queued extends Job {
  readonly bytes: number
  /** Counts the records in the order of the calls. */
  readonly number: number
  offset: number
}

/** A write takes no further record above this, bytes. One record may exceed it. */
const maxFrameBytes = 8 * 1024 * 1024
/** Records that need no sync wait for one that does, up to these bytes together. Above: written at once. */
const maxRidingBytes = 256 * 1024
/** The frame's buffer is kept for the next one up to this size, bytes. */
const keptBufferBytes = 1024 * 1024

/**
 * The one writer of a log: one write and sync under way, and everything that arrives meanwhile
 * goes with the next. Not bounded by itself: each group has at most its uncommitted bytes and its
 * in-flight windows here. The first error poisons it (STORE-6).
 */
export class LogWriter {
  readonly #chain: SegmentChain
  readonly #incarnation: Incarnation
  readonly #onFatal: (error: Error) => void
  /** What each group is at the point of the log reached by encoding. */
  readonly #states: Map<GroupId, GroupState>
  readonly #rolled: () => void
  readonly #admit: (term: Term) => Promise<void> | null
  readonly #meters: Meters
  #sequence: number
  #queue: Queued[] = []
  #queuedBytes = 0
  /** Number of the last record queued, and of the last that is durable. */
  #queued = 0
  #durable = 0
  /** Records with `sync` that are queued or under way. */
  #outstanding = 0
  #busy = false
  #scheduled = false
  #broken = false
  #buffer = Buffer.alloc(0)
  #view = new DataView(this.#buffer.buffer)
  #idle: (() => void)[] = []

  constructor(deps: {
    chain: SegmentChain
    incarnation: Incarnation
    states: Map<GroupId, GroupState>
    sequence: number
    onFatal: (error: Error) => void
    /** A new segment was started. */
    rolled: () => void
    /** Nothing of `term` may be written before this has resolved. Null: it may. */
    admit: (term: Term) => Promise<void> | null
    metrics: Metrics
  }) {
    this.#chain = deps.chain
    this.#incarnation = deps.incarnation
    this.#states = deps.states
    this.#sequence = deps.sequence
    this.#onFatal = deps.onFatal
    this.#rolled = deps.rolled
    this.#admit = deps.admit
    this.#meters = meters(deps.metrics)
  }

  get broken(): boolean {
    return this.#broken
  }

  /** Sequence of the next frame. */
  get sequence(): number {
    return this.#sequence
  }

  /** Starts the segment of this life. */
  async start(previousEnd: number): Promise<void> {
    await this.#roll(previousEnd)
  }

  enqueue(job: Job): void {
    if (this.#broken) return
    const queued: Queued = {
      ...job,
      bytes: recordBytes(job.record),
      number: ++this.#queued,
      offset: 0,
    }
    if (job.sync) this.#outstanding++
    else if (this.#outstanding === 0 && job.done !== null) {
      queueMicrotask(job.done)
      queued.done = null
    }
    this.#queue.push(queued)
    this.#queuedBytes += queued.bytes
    if (job.sync || this.#queuedBytes > maxRidingBytes) this.#kick()
  }

  /** Resolves when everything queued is durable, or the log is broken. */
  async flush(): Promise<void> {
    while (!this.#broken && (this.#busy || this.#queue.length > 0)) {
      const settled = new Promise<void>((resolve) => this.#idle.push(resolve))
      if (!this.#busy) this.#start()
      await settled
    }
  }

  /** Starts when this run of code ends, so that all groups of a turn share a write. */
  #kick(): void {
    if (this.#busy || this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#busy) this.#start()
    })
  }

  #start(): void {
    if (this.#queue.length === 0 || this.#broken) return
    this.#busy = true
    const jobs = this.#take()
    let bytes = frameHeadBytes
    let term = 0
    for (const job of jobs) {
      bytes += job.bytes
      term = Math.max(term, job.record.hardState?.term ?? 0)
    }
    const admitted = this.#admit(term)
    if (admitted === null) return this.#place(jobs, bytes)
    admitted.then(
      () => this.#place(jobs, bytes),
      (error: unknown) => this.#poison(error),
    )
  }

  #place(jobs: Queued[], bytes: number): void {
    if (this.#chain.fits(bytes)) return this.#write(jobs, bytes)
    this.#roll(this.#chain.offset).then(
      () => this.#write(jobs, bytes),
      (error: unknown) => this.#poison(error),
    )
  }

  #take(): Queued[] {
    let count = 0
    let bytes = 0
    for (const job of this.#queue) {
      if (count > 0 && bytes + job.bytes > maxFrameBytes) break
      bytes += job.bytes
      count++
    }
    this.#queuedBytes -= bytes
    if (count < this.#queue.length) return this.#queue.splice(0, count)
    const all = this.#queue
    this.#queue = []
    return all
  }

  #write(jobs: Queued[], bytes: number): void {
    const { current, offset } = this.#chain
    const frame = this.#encode(jobs, bytes, current.number, offset)
    this.#meters.records.observe(jobs.length)
    this.#meters.bytes.add(bytes)
    this.#meters.waiting.set(this.#queuedBytes)
    faultPoint('before-append')
    this.#chain.append(frame, (error) => {
      if (error === null || planted('K20')) this.#complete(jobs, current.number)
      else this.#poison(error)
    })
  }

  #complete(jobs: Queued[], segment: number): void {
    assert(!this.#broken, 'STORE-6', { segment })
    const dones: (() => void)[] = []
    for (const { number, sync, settled, done, offset, bytes } of jobs) {
      assert(number === this.#durable + 1, 'STORE-1', { number, durable: this.#durable })
      this.#durable = number
      if (sync) this.#outstanding--
      if (settled !== null) settled({ segment, offset, bytes })
      if (done !== null) dones.push(done)
    }
    // What rides along waits only for the synced records before it.
    for (const job of this.#queue) {
      if (job.sync) break
      if (job.done !== null) dones.push(job.done)
      job.done = null
    }
    this.#busy = false
    // The disk is not left idle while the answers are worked on.
    if (this.#outstanding > 0 || this.#queuedBytes > maxRidingBytes) this.#start()
    for (const done of dones) done()
    faultPoint('after-append')
    if (!this.#busy) this.#wakeIdle()
  }

  #encode(jobs: readonly Queued[], bytes: number, segment: number, offset: number): Buffer {
    if (this.#buffer.length < bytes || this.#buffer.length > Math.max(bytes, keptBufferBytes)) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(align(bytes), 64 * 1024))
      this.#view = new DataView(this.#buffer.buffer)
    }
    let at = frameHeadBytes
    for (const job of jobs) {
      job.offset = offset + at
      at = writeRecord(job.record, this.#buffer, this.#view, at)
      this.#advance(job.record)
    }
    this.#head(this.#buffer, at - frameHeadBytes, segment, offset)
    return this.#buffer.subarray(0, at)
  }

  #head(to: Buffer, bodyBytes: number, segment: number, offset: number): void {
    const sequence = this.#sequence++
    const incarnation = this.#incarnation
    writeFrameHead({ sequence, bodyBytes, offset, durable: offset, segment, incarnation }, to, 0)
  }

  async #roll(previousEnd: number): Promise<void> {
    await this.#chain.roll(this.#sequence, previousEnd, (segment, offset) => {
      const records = [...this.#states].map(([group, state]) => stateRecord(group, state))
      let bytes = frameHeadBytes
      for (const record of records) bytes += recordBytes(record)
      const frame = Buffer.allocUnsafeSlow(bytes)
      const view = new DataView(frame.buffer)
      let at = frameHeadBytes
      for (const record of records) at = writeRecord(record, frame, view, at)
      this.#head(frame, at - frameHeadBytes, segment, offset)
      return frame
    })
    this.#meters.segments.add()
    this.#rolled()
  }

  #advance(record: LogRecord): void {
    const before = this.#states.get(record.group) ?? emptyState
    const isGone = record.hardState === null && record.owed === null
    if (record.kind === 'removed' && isGone) this.#states.delete(record.group)
    else this.#states.set(record.group, nextState(before, record))
  }

  #poison(cause: unknown): void {
    if (this.#broken) return
    this.#broken = true
    this.#queue = []
    this.#onFatal(
      new LogBroken('the log cannot be written; what was under way is unknown', { cause }),
    )
    this.#wakeIdle()
  }

  #wakeIdle(): void {
    for (const wake of this.#idle.splice(0)) wake()
  }
}

export const emptyState: GroupState = {
  hardState: { term: 0, vote: 0, commit: 0 },
  marker: { index: 0, term: 0 },
  owed: null,
  confs: [],
}

/** What a group is behind `record`. */
export function nextState(state: GroupState, record: LogRecord): GroupState {
  if (record.kind === 'removed') {
    return { ...emptyState, hardState: record.hardState ?? emptyState.hardState, owed: record.owed }
  }
  const hardState = record.hardState ?? state.hardState
  const { owed } = state
  const marker = record.marker ?? state.marker
  if (record.kind === 'compact')
    return { hardState, marker, owed, confs: confsFrom(state.confs, marker.index) }
  if (record.marker !== null) return { hardState, marker, owed, confs: record.confs }
  let { confs } = state
  for (const conf of record.confs) confs = withConf(confs, conf)
  return { hardState, marker, owed, confs }
}

function stateRecord(group: GroupId, state: GroupState): LogRecord {
  return { kind: 'state', group, ...state, entries: [] }
}

interface Meters {
  readonly records: Histogram
  readonly bytes: Counter
  readonly waiting: Gauge
  readonly segments: Counter
}

function meters(metrics: Metrics): Meters {
  const sizes = [1, 4, 16, 64, 256, 1024, 4096]
  return {
    records: metrics.histogram('log_write_records', 'Records in one write of the log', sizes),
    bytes: metrics.counter('log_written_bytes_total', 'Bytes written to the log'),
    waiting: metrics.gauge('log_waiting_bytes', 'Bytes that wait for the write under way'),
    segments: metrics.counter('log_segments_total', 'Segments started'),
  }
}
