import type { RaftEvent } from '../../src/raft/config.ts'
import type { Entry, RaftId } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import type { RaftStatus } from '../../src/raft/status.ts'
import type { Prng } from '../prng.ts'
import type { Checker } from './checker.ts'
import type { Counts } from './counts.ts'
import type { CrashLoss } from './crash-disk.ts'
import type { EventQueue } from './event-queue.ts'
import type { Network } from './network.ts'
import type { Plan } from './plan.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Where a trap may wait for a node to pass: the next moment is a bad one to lose power. */
export const trapPoints = [
  'vote written',
  'entries written',
  'members changed',
  'snapshot received',
  'install step',
  'elected',
  'committed',
] as const

export type TrapPoint = (typeof trapPoints)[number]

/** What a simulated node finds around it. */
export interface Surroundings {
  readonly plan: Plan
  readonly queue: EventQueue
  readonly random: Prng
  readonly checker: Checker
  readonly counts: Counts
  readonly network: Network
  /** Mean time to apply a page, ms. */
  readonly applyMs: number
  /** Time of one write, ms. */
  delayOfDisk(random: Prng): number
  /** The core of `id` says what happened in it. */
  told(id: RaftId, event: RaftEvent): void
  crashed(id: RaftId, loss: CrashLoss, wasInstalling: boolean): void
  /** An event at `node` is over. */
  observe(node: SimulatedNode, status: RaftStatus): void
  passes(node: SimulatedNode, point: TrapPoint): void
  applied(node: SimulatedNode, entry: Entry): void
  /** The read `context` may be answered from the state of `node`. */
  answered(node: SimulatedNode, context: number): void
  /** Streams the snapshot that `m` announces, then hands over `m`. */
  sendSnapshot(node: SimulatedNode, m: Message): void
}
