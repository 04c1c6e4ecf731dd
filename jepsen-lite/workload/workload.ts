import type { HistoryWriter } from '../history.ts'
import type { Prng } from '../prng.ts'
import type { World } from '../world/world.ts'
import type { Load, LoadKind } from './load.ts'

/** What clients do during a run. Its operations and what they mean are listed in README.md. */
export interface Workload {
  readonly name: string
  /** One sentence, with the number of the guide. */
  readonly says: string
  /** Operations that must each have succeeded at least once. */
  readonly mustSucceed: readonly string[]
  /** Faults of load that mean nothing here, and why; they are skipped. */
  readonly withoutLoad?: Readonly<Partial<Record<LoadKind, string>>>
  /** Accounts, topics, whatever clients need; before any fault. Rejects with CouldNotRun. */
  prepare(context: WorkloadContext): Promise<Prepared>
}

export interface WorkloadContext {
  readonly world: World
  readonly history: HistoryWriter
  readonly prng: Prng
  /** Operations per second, all lanes together. */
  readonly rate: number
  readonly lanes: number
  /** What faults of load want of the clients. It has lanes of its own for bursts. */
  readonly load: Load
  readonly topics: number
  /** Of a single call, ms. */
  readonly callDeadlineMs: number
}

export interface Prepared {
  /** Runs all lanes until `until` (of the monotonic clock, ms). */
  run(until: number): Promise<void>
  /** After the last heal: final reads, catching up. Within `deadlineMs`, done or not. */
  finish(deadlineMs: number): Promise<void>
}
