import type { Prng } from '../prng.ts'
import type { Index, SnapshotMeta } from '../../src/raft/entry.ts'
import { GroupLog, entryBytes } from '../../src/store/group-log.ts'
import type { Step } from '../../src/store/log.ts'
import type { DiskPlan } from './plan.ts'

/** Runs `task` after `ms` if the machine still lives then. */
export type Later = (ms: number, task: () => void) => void

/** Something written to the log: a step of the group, or a cut of its head. */
type DiskRecord = { readonly sync: boolean; readonly bytes: number; done: (() => void) | null } & (
  { readonly step: Step; readonly upTo?: never } | { readonly upTo: Index; readonly step?: never }
)

/** What a crash did to the part that was not synced. */
export interface CrashLoss {
  readonly lostRecords: number
  readonly lostBytes: number
  readonly survivors: number
  /** Records that had reached the platter, but behind one that had not. */
  readonly stranded: number
  readonly wasTorn: boolean
}

const recordHeadBytes = 32

/**
 * The log of one machine as the core and its host use it: what is written can be read at once, is
 * durable after a sync, and of the rest a crash keeps what it likes. Records carry a sequence and a
 * checksum: whatever lies behind the first missing or torn one is dropped when the log is opened.
 */
export class CrashDisk {
  /** As read by the core. */
  live = new GroupLog()
  /** As it would be found if every write that is not synced were lost. */
  synced = new GroupLog()
  /** Writes take this many times as long. */
  slowness = 1
  #isHung = false
  #isBusy = false
  #pending: DiskRecord[] = []
  #owedSyncs = 0
  /** To be told, oldest first. */
  #ended: (() => void)[] = []
  readonly #plan: DiskPlan
  readonly #random: Prng
  readonly #later: Later

  constructor(plan: DiskPlan, random: Prng, later: Later) {
    this.#plan = plan
    this.#random = random
    this.#later = later
  }

  get isHung(): boolean {
    return this.#isHung
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  /** An empty log behind `meta`, durable: how a group is founded. */
  found(step: Step): void {
    this.live.step(step)
    this.synced.step(step)
  }

  /** `done` when `step` and all before it are durable; with `sync` false, all synced ones before it. */
  append(step: Step, sync: boolean, done: () => void): void {
    this.live.step(step)
    this.#push({ step, sync, bytes: stepBytes(step), done })
  }

  /** Drops the head of the log; the caller holds a durable snapshot of it. Rides along. */
  compact(upTo: Index): void {
    this.live.compact(upTo)
    this.#push({ upTo, sync: false, bytes: recordHeadBytes, done: null })
  }

  hang(isHung: boolean): void {
    this.#isHung = isHung
    this.#start()
  }

  /** Power loss, then the log is opened again. */
  crash(random: Prng): CrashLoss {
    const kept = this.#plan.isHarsh
      ? this.#pending.map(() => random.chance(0.6))
      : prefix(this.#pending.length, random.below(this.#pending.length + 1))
    const last = kept.lastIndexOf(true)
    const wasTorn = this.#plan.isHarsh && last >= 0 && random.chance(0.8)
    if (wasTorn) kept[last] = false
    const hole = kept.indexOf(false)
    const survivors = hole < 0 ? kept.length : hole
    for (const record of this.#pending.slice(0, survivors)) write(this.synced, record)
    const lost = this.#pending.slice(survivors)
    this.live = this.synced.clone()
    this.#pending = []
    this.#owedSyncs = 0
    this.#ended = []
    this.#isBusy = false
    this.#isHung = false
    this.slowness = 1
    return {
      lostRecords: lost.length,
      lostBytes: lost.reduce((sum, { bytes }) => sum + bytes, 0),
      survivors,
      stranded: kept.slice(survivors).filter(Boolean).length,
      wasTorn,
    }
  }

  #push(record: DiskRecord): void {
    this.#pending.push(record)
    if (record.sync) this.#owedSyncs++
    else if (this.#owedSyncs === 0 && record.done !== null) {
      this.#ended.push(record.done)
      record.done = null
      if (this.#ended.length === 1) this.#later(0, () => this.#tell())
    }
    this.#start()
  }

  /** One write and sync at a time; what comes meanwhile goes with the next. */
  #start(): void {
    if (this.#isBusy || this.#isHung || this.#owedSyncs === 0) return
    this.#isBusy = true
    const count = Math.min(this.#pending.length, this.#plan.maxBatch)
    const ms = this.#random.exponential(this.#plan.meanMs * this.slowness)
    this.#later(ms, () => this.#finish(count))
  }

  #finish(count: number): void {
    this.#isBusy = false
    // A write that hangs ends when the disk comes back.
    if (this.#isHung) return
    for (const record of this.#pending.splice(0, count)) {
      write(this.synced, record)
      if (record.sync) this.#owedSyncs--
      if (record.done !== null) this.#ended.push(record.done)
    }
    for (const record of this.#pending) {
      if (record.sync) break
      if (record.done !== null) this.#ended.push(record.done)
      record.done = null
    }
    this.#start()
    this.#tell()
  }

  #tell(): void {
    const ended = this.#ended
    this.#ended = []
    for (const done of ended) done()
  }
}

export function foundingStep(meta: SnapshotMeta): Step {
  const hardState = { term: meta.term, vote: 0, commit: meta.index }
  return { hardState, entries: [], snapshot: meta, conf: null }
}

function prefix(length: number, count: number): boolean[] {
  return Array.from({ length }, (_, i) => i < count)
}

function write(log: GroupLog, record: DiskRecord): void {
  if (record.step !== undefined) log.step(record.step)
  else log.compact(record.upTo)
}

function stepBytes({ entries }: Step): number {
  return entries.reduce((sum, entry) => sum + entryBytes(entry), recordHeadBytes)
}
