import type { PlantedBug } from '../../src/fault-points.ts'
import { compactEvery } from './left-behind.ts'

/** How one planted bug is to be found. */
export interface Case {
  readonly bug: PlantedBug
  readonly workload: string
  /** Names of nemeses; each run draws among them. */
  readonly nemeses: readonly string[]
  /** The bug counts as caught when one of these says invalid. */
  readonly catchers: readonly string[]
  readonly nodes: number
  readonly partitions: number
  /** Operations per second wished for, and clients that share them. */
  readonly rate: number
  readonly lanes: number
  readonly topics: number
  /** Seconds with faults, and clients go on so long after the last heal, ms. */
  readonly seconds: number
  readonly afterHealMs: number
  /** Ranges of the length of a fault and of the rest after it, ms. */
  readonly faultMs: readonly [number, number]
  readonly restMs: readonly [number, number]
  /** Of the nodes, besides the bug: options of theirs. */
  readonly environment: Readonly<Record<string, string>>
}

/** Whatever judges messages by what clients saw. */
const messages = ['durable', 'gapless', 'no-repeat', 'order', 'ack', 'subscriber', 'phantom']

const usual = {
  workload: 'publish',
  catchers: messages,
  nodes: 3,
  partitions: 4,
  rate: 300,
  lanes: 16,
  topics: 4,
  seconds: 12,
  afterHealMs: 3_000,
  faultMs: [1_000, 1_500],
  restMs: [2_500, 3_000],
  environment: {},
} as const

export const cases: readonly Case[] = [
  {
    ...usual,
    bug: 'K2',
    nemeses: ['power-loss-all'],
    catchers: ['leaders', ...messages],
    faultMs: [500, 1_000],
    restMs: [1_000, 1_500],
  },
  {
    ...usual,
    bug: 'K10',
    workload: 'readers',
    nemeses: ['forgotten-owner'],
    catchers: ['linearizable-register'],
    // An account has a partition to itself, so that no write of another holds up its reads.
    partitions: 16,
    rate: 400,
    lanes: 36,
    seconds: 14,
    faultMs: [1_000, 1_500],
    restMs: [800, 1_200],
  },
  {
    ...usual,
    bug: 'K14',
    workload: 'retry',
    nemeses: ['left-behind'],
    catchers: ['digest', 'no-repeat'],
    partitions: 1,
    // Many, so that a slow machine makes few, large batches of entries and not few entries.
    rate: 1_000,
    lanes: 64,
    topics: 6,
    // With 25 entries a second the follower has fallen behind before the clients stop.
    seconds: 24,
    faultMs: [1_200, 1_500],
    environment: { FLOTILLA_COMPACT_EVERY_ENTRIES: String(compactEvery) },
  },
  {
    ...usual,
    bug: 'K16',
    nemeses: ['forgotten-owner'],
    partitions: 2,
    // It shows when the node leads again.
    afterHealMs: 6_000,
  },
  { ...usual, bug: 'K17', nemeses: ['forgotten-owner'] },
  { ...usual, bug: 'K18', nemeses: ['forgotten-owner'] },
  { ...usual, bug: 'K19', nemeses: ['forgotten-owner'], afterHealMs: 6_000 },
  {
    ...usual,
    bug: 'K20',
    nemeses: ['fsync-error', 'write-error'],
    catchers: ['log-lines', ...messages],
    seconds: 14,
    faultMs: [2_000, 3_000],
  },
  {
    ...usual,
    bug: 'K21',
    nemeses: ['flip-in-log'],
    catchers: ['digest', 'log-lines', ...messages],
    partitions: 2,
  },
  {
    ...usual,
    bug: 'K26',
    nemeses: ['wiped-voter'],
    catchers: ['leaders', 'log-lines', ...messages],
    seconds: 14,
  },
  {
    ...usual,
    bug: 'K28',
    nemeses: ['crash-in-apply'],
    catchers: ['digest', ...messages],
    partitions: 2,
  },
]
