import { Prng } from '../prng.ts'
import type { FaultClass, FaultEvent } from './fault.ts'
import { drawFaults, faultClasses } from './fault.ts'

/** What a seed stands for. Everything a run decides comes from here or from streams of the seed. */
export interface Plan {
  readonly seed: number
  /** Who founds the group: members 1..size. */
  readonly size: number
  /** How long faults go on before the healing, ms. */
  readonly safetyMs: number
  readonly tickMs: number
  /** Ticks of a node come at a rate in [1 / spread, spread]. */
  readonly tickSpread: number
  readonly core: CorePlan
  readonly host: HostPlan
  readonly network: NetworkPlan
  readonly disk: DiskPlan
  readonly snapshots: SnapshotPlan
  readonly load: LoadPlan
  readonly classes: readonly FaultClass[]
  readonly faults: readonly FaultEvent[]
  /** A planted bug; null: none. */
  readonly mutant: string | null
  /** Another course of the same plan: other delays, losses and orders. */
  readonly salt: number
}

export interface CorePlan {
  readonly electionTick: number
  readonly heartbeatTick: number
  readonly maxInflightMsgs: number
  readonly maxInflightBytes: number
  readonly maxSizePerMsg: number
  readonly maxCommittedSizePerReady: number
  readonly maxApplyingBytes: number
  readonly maxUncommittedBytes: number
  readonly preVote: boolean
  readonly checkQuorum: boolean
  readonly stepDownOnRemoval: boolean
}

export interface HostPlan {
  /** Readies taken and not yet stored. */
  readonly maxReadies: number
  /** A ready is taken this long after the input; 0: at once. */
  readonly flushMs: number
  readonly applyMs: number
  readonly applyBatch: number
  /** Probability, by append, of another that starts further back. */
  readonly rewind: number
}

export interface NetworkPlan {
  readonly minMs: number
  readonly meanMs: number
  /** Probabilities by message. */
  readonly loss: number
  readonly duplicate: number
  readonly replay: number
  readonly keepsOrder: boolean
  /** Messages under way on one link. */
  readonly capacity: number
  /** Messages are deep-frozen: whoever edits one throws. */
  readonly freezes: boolean
  /** Messages go through the codec of the peer links. */
  readonly encodes: boolean
}

export interface DiskPlan {
  readonly meanMs: number
  /** Records in one write. */
  readonly maxBatch: number
  readonly isHarsh: boolean
}

export interface SnapshotPlan {
  /** Entries applied between two. */
  readonly threshold: number
  /** Entries kept in the log behind one. */
  readonly keep: number
  readonly chunks: number
}

export interface LoadPlan {
  /** Mean gap between two, ms. */
  readonly proposalMs: number
  readonly readMs: number
  readonly maxPayload: number
  /** Share of time in which nobody asks for anything. */
  readonly idle: number
}

/** What a replay may change about a seed, so that a smaller run fails alike. */
export interface Overrides {
  readonly off?: readonly FaultClass[]
  /** Ids of the fault events that stay. */
  readonly keep?: readonly number[]
  readonly untilMs?: number
  readonly mutant?: string | null
  readonly salt?: number
}

/** Swarm: each seed has some classes of fault on and others off, and its own sizes and speeds. */
export function drawPlan(seed: number, overrides: Overrides = {}): Plan {
  const random = new Prng(`simulation ${seed}`)
  const shape = random.split('shape')
  const tickMs = shape.pick([10, 20, 50])
  const core = drawCore(random.split('core'))
  const electionMs = core.electionTick * tickMs
  const safetyMs = electionMs * shape.between(60, 240)
  const size = shape.pick([1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7])
  const tickSpread = shape.pick([1, 1, 1.1, 1.5, 2])
  const drawn = drawClasses(random.split('classes'))
  const off = overrides.off ?? []
  const classes = drawn.filter((name) => !off.includes(name))
  const untilMs = Math.min(safetyMs, overrides.untilMs ?? safetyMs)
  const events = drawFaults(random.split('faults'), drawn, safetyMs, electionMs)
  return {
    seed,
    size,
    safetyMs: untilMs,
    tickMs,
    tickSpread,
    core,
    host: drawHost(random.split('host'), classes),
    network: drawNetwork(random.split('network'), classes, tickMs),
    disk: drawDisk(random.split('disk'), classes, tickMs),
    snapshots: drawSnapshots(random.split('snapshots')),
    load: drawLoad(random.split('load'), electionMs),
    classes,
    faults: events.filter((event) => stays(event, overrides, untilMs)),
    mutant: overrides.mutant ?? null,
    salt: overrides.salt ?? 0,
  }
}

function stays(event: FaultEvent, { off = [], keep }: Overrides, untilMs: number): boolean {
  if (event.at >= untilMs || off.includes(event.class)) return false
  return keep === undefined || keep.includes(event.id)
}

/** Every sixteenth seed is quiet; the others have each class with one probability of their own. */
function drawClasses(random: Prng): FaultClass[] {
  const share = random.pick([0.2, 0.4, 0.6, 0.8])
  const isQuiet = random.below(16) === 0
  return faultClasses.filter(() => random.chance(share) && !isQuiet)
}

function drawCore(random: Prng): CorePlan {
  const electionTick = random.pick([5, 10, 10, 20])
  return {
    electionTick,
    heartbeatTick: random.pick([1, 1, 2, 3]),
    maxInflightMsgs: random.pick([1, 2, 4, 16, 256]),
    maxInflightBytes: random.pick([64, 400, 1 << 20]),
    maxSizePerMsg: random.pick([1, 100, 400, 4_096]),
    maxCommittedSizePerReady: random.pick([1, 100, 1 << 20]),
    maxApplyingBytes: random.pick([1, 200, 1 << 20]),
    maxUncommittedBytes: random.pick([100, 1_000, 1 << 20]),
    preVote: !random.chance(0.12),
    checkQuorum: !random.chance(0.12),
    stepDownOnRemoval: !random.chance(0.1),
  }
}

function drawHost(random: Prng, classes: readonly FaultClass[]): HostPlan {
  return {
    maxReadies: random.pick([1, 2, 4, 64]),
    flushMs: random.pick([0, 0, 0, 1, 4]),
    applyMs: random.pick([0, 0.1, 1, 10]),
    applyBatch: random.pick([1, 4, 64]),
    rewind: classes.includes('rewind') ? 0.3 : 0,
  }
}

function drawNetwork(random: Prng, classes: readonly FaultClass[], tickMs: number): NetworkPlan {
  const loss = random.pick([0.01, 0.05, 0.15, 0.3])
  const duplicate = random.pick([0.05, 0.2, 0.5])
  const replay = random.pick([0.01, 0.05, 0.2])
  const minMs = random.pick([0, 0.2, 1])
  const meanMs = tickMs * random.pick([0.05, 0.1, 0.5, 1])
  const capacity = random.pick([4, 10, 20])
  return {
    minMs,
    meanMs,
    loss: classes.includes('loss') ? loss : 0,
    duplicate: classes.includes('duplicate') ? duplicate : 0,
    replay: classes.includes('replay') ? replay : 0,
    keepsOrder: !classes.includes('reorder'),
    capacity: classes.includes('capacity') ? capacity : Infinity,
    freezes: random.chance(0.5),
    encodes: random.chance(0.25),
  }
}

function drawDisk(random: Prng, classes: readonly FaultClass[], tickMs: number): DiskPlan {
  return {
    meanMs: tickMs * random.pick([0.01, 0.1, 0.5, 1]),
    maxBatch: random.pick([1, 4, Infinity]),
    isHarsh: classes.includes('harsh'),
  }
}

function drawSnapshots(random: Prng): SnapshotPlan {
  return {
    threshold: random.pick([5, 10, 30, 100, 1_000]),
    keep: random.pick([0, 0, 2, 20]),
    chunks: random.pick([1, 2, 5]),
  }
}

function drawLoad(random: Prng, electionMs: number): LoadPlan {
  return {
    proposalMs: electionMs * random.pick([0.05, 0.1, 0.3, 1]),
    readMs: electionMs * random.pick([0.1, 0.3, 1]),
    maxPayload: random.pick([8, 40, 200]),
    idle: random.pick([0, 0, 0.2, 0.5]),
  }
}
