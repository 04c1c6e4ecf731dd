import type { GroupId } from '../ids/group-id.ts'
import type { Timers } from '../ports.ts'
import type { Index, Term } from '../raft/entry.ts'
import { GroupLog } from './group-log.ts'
import { ceilingFor } from './high-water.ts'
import type { Log, LogStats, Step } from './log.ts'

export interface MemoryLogOptions {
  readonly timers: Timers
  /** How long a write and sync takes, ms. 0: until the end of the turn. */
  readonly syncMs?: number
  /** Of the newest records so many can be taken away again by a crash, although they were synced. Default 0. */
  readonly losable?: number
}

interface Op {
  readonly sync: boolean
  /** What it does to the image on disk. */
  readonly apply: (disk: Map<GroupId, GroupLog>) => void
  done: (() => void) | null
}

/**
 * The log in memory, with a disk that forgets: what was not synced is lost in a crash. Keeps the
 * order and the one write under way of the real one. For tests and simulated nodes.
 */
export class MemoryLog implements Log {
  readonly #timers: Timers
  readonly #syncMs: number
  readonly #losable: number
  #live = new Map<GroupId, GroupLog>()
  #disk = new Map<GroupId, GroupLog>()
  /** The disk without the newest records, and those: at most `losable`. */
  #base = new Map<GroupId, GroupLog>()
  #newest: Op[] = []
  #ceiling: Term = 0
  #queue: Op[] = []
  #writing: Op[] = []
  #outstanding = 0
  #stalled = false
  #crashed = false
  #sequence = 0
  lostTail = false
  fence: Term = 0

  constructor(options: MemoryLogOptions) {
    this.#timers = options.timers
    this.#syncMs = options.syncMs ?? 0
    this.#losable = options.losable ?? 0
  }

  refilled(): Promise<void> {
    this.lostTail = false
    return Promise.resolve()
  }

  group(id: GroupId): GroupLog {
    return of(this.#live, id)
  }

  groups(): readonly GroupId[] {
    return [...this.#live].filter(([, log]) => !log.isNew).map(([id]) => id)
  }

  append(group: GroupId, step: Step, sync: boolean, done: () => void): void {
    if (this.#crashed) return
    of(this.#live, group).step(step)
    this.#ceiling = Math.max(this.#ceiling, ceilingFor(step.hardState?.term ?? 0))
    this.#enqueue({ sync, done, apply: (disk) => of(disk, group).step(step) })
  }

  compact(group: GroupId, upTo: Index): void {
    if (this.#crashed) return
    of(this.#live, group).compact(upTo)
    this.#enqueue({ sync: false, done: null, apply: (disk) => of(disk, group).compact(upTo) })
  }

  removeGroup(group: GroupId, done: () => void): void {
    if (this.#crashed) return
    forget(this.#live, group)
    this.#enqueue({ sync: true, done, apply: (disk) => forget(disk, group) })
  }

  load(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    for (const op of [...this.#writing, ...this.#queue]) this.#persist(op)
    this.#writing = []
    this.#queue = []
    this.#crashed = true
    return Promise.resolve()
  }

  stats(): LogStats {
    let memoryBytes = 0
    for (const log of this.#live.values()) memoryBytes += log.bytes
    return { segments: 1, segmentBytes: 0, memoryBytes, lastSequence: this.#sequence }
  }

  /** While stalled no write ends: a disk that hangs. */
  stall(stalled: boolean): void {
    this.#stalled = stalled
    if (!stalled) this.#start()
  }

  /**
   * The process dies: what the next one finds. Of the unsynced records the first `survivors` reach
   * the disk all the same, since an operating system writes when it likes. With `lost` a bad disk
   * has forgotten as many of the newest records, acknowledged or not.
   */
  crash(survivors = 0, lost = 0): MemoryLog {
    const unsynced = [...this.#writing, ...this.#queue]
    this.#crashed = true
    for (const op of unsynced.slice(0, survivors)) this.#persist(op)
    const kept = Math.max(0, this.#newest.length - lost)
    if (kept < this.#newest.length) {
      this.#disk = this.#base
      for (const op of this.#newest.slice(0, kept)) op.apply(this.#disk)
      this.lostTail = true
      this.fence = this.#ceiling
    }
    return this.image()
  }

  /** What a crash at this moment would leave, without one. */
  image(): MemoryLog {
    const next = new MemoryLog({
      timers: this.#timers,
      syncMs: this.#syncMs,
      losable: this.#losable,
    })
    for (const [id, log] of this.#disk) {
      for (const image of [next.#disk, next.#live, next.#base]) image.set(id, log.clone())
    }
    next.lostTail = this.lostTail
    next.fence = this.fence
    next.#ceiling = this.#ceiling
    return next
  }

  #persist(op: Op): void {
    op.apply(this.#disk)
    if (this.#losable === 0) return
    this.#newest.push(op)
    if (this.#newest.length > this.#losable) this.#newest.shift()?.apply(this.#base)
  }

  #enqueue(op: Op): void {
    if (op.sync) this.#outstanding++
    else if (this.#outstanding === 0 && op.done !== null) {
      const { done } = op
      queueMicrotask(() => this.#crashed || done())
      op.done = null
    }
    this.#queue.push(op)
    if (op.sync) this.#start()
  }

  #start(): void {
    if (this.#writing.length > 0 || this.#outstanding === 0) return
    const take = (): void => {
      if (this.#crashed || this.#writing.length > 0) return
      this.#writing = this.#queue
      this.#queue = []
      if (this.#syncMs > 0) this.#timers.after(this.#syncMs, () => this.#finish())
      else this.#timers.soon(() => this.#finish())
    }
    queueMicrotask(take)
  }

  #finish(): void {
    if (this.#crashed || this.#writing.length === 0) return
    if (this.#stalled) return void this.#timers.after(1, () => this.#finish())
    this.#sequence++
    const dones: (() => void)[] = []
    for (const op of this.#writing) {
      this.#persist(op)
      if (op.sync) this.#outstanding--
      if (op.done !== null) dones.push(op.done)
    }
    this.#writing = []
    for (const op of this.#queue) {
      if (op.sync) break
      if (op.done !== null) dones.push(op.done)
      op.done = null
    }
    this.#start()
    for (const done of dones) {
      if (this.#crashed) return
      done()
    }
  }
}

function forget(logs: Map<GroupId, GroupLog>, id: GroupId): void {
  const empty = new GroupLog()
  empty.remember(of(logs, id).memory)
  logs.set(id, empty)
}

function of(logs: Map<GroupId, GroupLog>, id: GroupId): GroupLog {
  let log = logs.get(id)
  if (log === undefined) {
    log = new GroupLog()
    logs.set(id, log)
  }
  return log
}
