import type { Counter, Gauge, Histogram, Metrics } from '../ports.ts'
import type { KeyRange, Op } from './store.ts'
import { StoreBroken } from './store.ts'

/** What the queue drives; one call at a time. */
export interface BatchTarget {
  batch(ops: BatchOp[]): Promise<void>
  clear(range: KeyRange): Promise<void>
  flush(): Promise<void>
}

/** A batch operation as abstract-level takes it. */
export type BatchOp =
  { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array }

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

type Job =
  | { readonly kind: 'batch'; readonly ops: BatchOp[]; bytes: number; readonly waiters: Waiter[] }
  | { readonly kind: 'clear'; readonly range: KeyRange; readonly waiters: Waiter[] }
  | { readonly kind: 'flush'; readonly waiters: Waiter[] }

/** A batch takes no further call above this, bytes; the next batch does. A call is never split. */
const maxBatchBytes = 4 * 1024 * 1024

/**
 * One batch under way; the calls made meanwhile share the next one, in their order. Not bounded by
 * itself: what waits here is bounded by what Raft hands out for applying (maxApplyingBytes per group).
 */
export class WriteQueue {
  readonly #target: BatchTarget
  readonly #onFatal: (error: Error) => void
  readonly #waiting: Gauge
  readonly #batches: Counter
  readonly #opsPerBatch: Histogram
  #jobs: Job[] = []
  #busy: Promise<void> | null = null
  #flushes: Promise<void> = Promise.resolve()
  #waitingBytes = 0
  #error: StoreBroken | null = null

  constructor(target: BatchTarget, options: { onFatal: (error: Error) => void; metrics: Metrics }) {
    const { metrics } = options
    this.#target = target
    this.#onFatal = options.onFatal
    this.#waiting = metrics.gauge('store_waiting_bytes', 'Bytes that wait for the batch under way')
    this.#batches = metrics.counter('store_batches_total', 'Batches written to the store')
    this.#opsPerBatch = metrics.histogram(
      'store_batch_ops',
      'Keys in one batch of the store',
      [1, 4, 16, 64, 256, 1024, 4096],
    )
  }

  get broken(): boolean {
    return this.#error !== null
  }

  write(ops: readonly Op[]): Promise<void> {
    if (ops.length === 0)
      return this.#error === null ? Promise.resolve() : Promise.reject(this.#error)
    let job = this.#jobs[this.#jobs.length - 1]
    if (job?.kind !== 'batch' || job.bytes > maxBatchBytes) {
      job = { kind: 'batch', ops: [], bytes: 0, waiters: [] }
      this.#jobs.push(job)
    }
    let bytes = 0
    for (const { key, value } of ops) {
      bytes += key.length + (value === null ? 0 : value.length)
      job.ops.push(value === null ? { type: 'del', key } : { type: 'put', key, value })
    }
    job.bytes += bytes
    this.#waitingBytes += bytes
    return this.#enter(job)
  }

  clear(range: KeyRange): Promise<void> {
    const job: Job = { kind: 'clear', range, waiters: [] }
    this.#jobs.push(job)
    return this.#enter(job)
  }

  /** Calls that wait for the same flush share it. */
  flush(): Promise<void> {
    let job = this.#jobs[this.#jobs.length - 1]
    if (job?.kind !== 'flush') {
      job = { kind: 'flush', waiters: [] }
      this.#jobs.push(job)
    }
    return this.#enter(job)
  }

  /** Waits until nothing is under way; later calls are refused. */
  async end(): Promise<void> {
    while (this.#busy !== null) await this.#busy
    await this.#flushes
    this.#error ??= new StoreBroken('the store is closed')
  }

  #enter(job: Job): Promise<void> {
    if (this.#error !== null) {
      this.#jobs = []
      return Promise.reject(this.#error)
    }
    const answer = new Promise<void>((resolve, reject) => {
      job.waiters.push({ resolve, reject })
    })
    // A turn's calls share the first batch too: it starts when they are all made.
    this.#busy ??= Promise.resolve().then(() => this.#run())
    return answer
  }

  async #run(): Promise<void> {
    for (;;) {
      const job = this.#jobs.shift()
      if (job === undefined || this.#error !== null) break
      this.#waiting.set(this.#waitingBytes)
      if (job.kind === 'flush') {
        this.#flushes = this.#flushInBackground(this.#flushes, job)
        continue
      }
      try {
        await this.#carryOut(job)
        for (const { resolve } of job.waiters) resolve()
      } catch (error) {
        this.#poison(error, job)
      }
    }
    this.#busy = null
  }

  /** Holds what was written before it; the batches behind it need not wait. One flush at a time. */
  async #flushInBackground(before: Promise<void>, job: Job): Promise<void> {
    try {
      await Promise.all([this.#target.flush(), before])
      if (this.#error !== null) throw this.#error
      for (const { resolve } of job.waiters) resolve()
    } catch (error) {
      this.#poison(error, job)
    }
  }

  async #carryOut(job: Job): Promise<void> {
    switch (job.kind) {
      case 'batch':
        this.#waitingBytes -= job.bytes
        this.#batches.add()
        this.#opsPerBatch.observe(job.ops.length)
        return this.#target.batch(job.ops)
      case 'clear':
        return this.#target.clear(job.range)
      case 'flush':
        return // in the background
    }
  }

  /** Something else of the store has failed: nothing is written any more either, and who waits is told. */
  fail(says: string, cause: unknown): StoreBroken {
    const isFirst = this.#error === null
    const broken = this.#error ?? new StoreBroken(says, { cause })
    this.#error = broken
    const jobs = this.#jobs
    this.#jobs = []
    if (isFirst) this.#onFatal(broken)
    for (const job of jobs) for (const { reject } of job.waiters) reject(broken)
    return broken
  }

  #poison(cause: unknown, failed: Job): void {
    const broken = this.fail('a write of the store failed; what it held is unknown', cause)
    for (const { reject } of failed.waiters) reject(broken)
  }
}
