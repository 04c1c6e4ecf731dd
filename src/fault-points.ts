/**
 * Places where a test can make a server die or stall, and bugs that it can plant, to prove that the
 * checks see them (docs/testing.md). A process is armed at most once, before anything else runs, and
 * only by the command line; a production cluster refuses. Unarmed, a point costs one read.
 */
export const plantedBugs = {
  K2: 'an append is acknowledged before it is synced',
  K10: 'a strong read is not confirmed by a quorum',
  K14: 'a snapshot omits the windows of the producers',
  K16: 'a proposal of a lost term is proposed again in a later one',
  K17: 'a publish is acknowledged when it is proposed',
  K18: 'a publish is fanned out when it is proposed',
  K19: 'an owner goes on with what it has in memory from an earlier term',
  K20: 'an error of the log is swallowed',
  K21: 'checksums and contiguity are not looked at when the log is opened',
  K26: 'a node whose disk was wiped keeps its identity',
  K28: 'the applied index is written before what it stands for',
} as const

export type PlantedBug = keyof typeof plantedBugs

export const faultPoints = {
  'before-append': 'a write of the log is about to start',
  'before-fsync': 'it is written, not synced',
  'after-fsync': 'it is synced, nobody was told',
  'after-append': 'everybody was told',
  'before-send': 'a message to another member is about to leave',
  'before-apply': 'committed rows are about to be written to the store',
  'after-apply': 'the store has them, nobody was told',
  'snapshot-write': 'rows of a snapshot are about to be gathered beside the old ones',
  'after-staging': 'all of them are gathered, the old ones still in place',
  'during-install': 'they are taking the place of the old ones',
  'before-log-cut': 'the store is synced, the log is about to be cut',
  'config-apply': 'a change of members is applied in memory, not stored',
  'before-ack': 'a publish is committed, its sender was not told',
  'after-ack': 'its sender was told',
  turn: 'a turn of the groups begins',
} as const

export type FaultPoint = keyof typeof faultPoints

/** What the command line lends: this file touches no process. */
export interface FaultDoor {
  /** Ends the process at once, without a chance to tidy up. */
  kill(): void
  /** Blocks the event loop. */
  stall(ms: number): void
}

interface Trap {
  readonly point: FaultPoint
  /** Springs at this passage; a stall again after as many more. */
  readonly passage: number
  /** null: crash. */
  readonly stallMs: number | null
}

export interface FaultPlan {
  readonly plants: ReadonlySet<PlantedBug>
  readonly traps: readonly Trap[]
}

/** The text names something that does not exist; the message lists what does. */
export class UnknownFault extends Error {
  override readonly name = 'UnknownFault'
}

/** A stall that says nothing else comes at every so many passages. */
const stallEvery = 100

/** `plant:K17`, `crash:after-append:3`, `stall:turn:500ms`, `stall:turn:500ms:20`; several with commas. Throws UnknownFault. */
export function parseFaults(text: string): FaultPlan {
  const plants = new Set<PlantedBug>()
  const traps: Trap[] = []
  for (const part of text.split(',')) {
    const [kind, name = '', ...rest] = part.trim().split(':')
    if (kind === 'plant' && rest.length === 0) plants.add(oneOf(plantedBugs, name, part))
    else if (kind === 'crash' || kind === 'stall') traps.push(trapOf(kind, name, rest, part))
    else throw new UnknownFault(`"${part}" is none of plant:BUG, crash:POINT:N, stall:POINT:500ms`)
  }
  return { plants, traps }
}

function trapOf(kind: 'crash' | 'stall', name: string, rest: string[], part: string): Trap {
  const point = oneOf(faultPoints, name, part)
  const ms = kind === 'stall' ? rest.shift() : undefined
  const stallMs = kind === 'stall' ? Number(/^(\d+)ms$/.exec(ms ?? '')?.[1] ?? 0) : null
  const [times = kind === 'stall' ? String(stallEvery) : '1', ...surplus] = rest
  const passage = /^\d+$/.test(times) ? Number(times) : 0
  if (passage < 1 || stallMs === 0 || surplus.length > 0)
    throw new UnknownFault(`"${part}": say ${kind}:POINT${kind === 'stall' ? ':500ms' : ''}:N`)
  return { point, passage, stallMs }
}

function oneOf<T extends object>(table: T, name: string, part: string): keyof T {
  if (Object.hasOwn(table, name)) return name as keyof T
  throw new UnknownFault(`"${part}" is unknown; there are ${Object.keys(table).join(', ')}`)
}

let isArmed = false
let plan: FaultPlan = { plants: new Set(), traps: [] }
let door: FaultDoor | null = null
const passages = new Map<FaultPoint, number>()

/** From here on the plan is in force, for as long as this process lives. */
export function armFaults(faults: FaultPlan, lent: FaultDoor): void {
  plan = faults
  door = lent
  isArmed = true
  passages.clear()
}

/** A line for each fault in force, for the log. */
export function armedFaults(): string[] {
  const bugs = [...plan.plants].map((bug) => `${bug}: ${plantedBugs[bug]}`)
  const traps = plan.traps.map(({ point, passage, stallMs }) =>
    stallMs === null
      ? `crash at passage ${passage} of ${point}`
      : `stall of ${stallMs} ms at every ${passage}. passage of ${point}`,
  )
  return [...bugs, ...traps]
}

/** Whether the code is to behave as if it had this bug. */
export function planted(bug: PlantedBug): boolean {
  return isArmed && plan.plants.has(bug)
}

/** The code passes this place; it may not come back. */
export function faultPoint(point: FaultPoint): void {
  if (isArmed) pass(point)
}

function pass(point: FaultPoint): void {
  const count = (passages.get(point) ?? 0) + 1
  passages.set(point, count)
  for (const trap of plan.traps) {
    if (trap.point !== point) continue
    if (trap.stallMs === null && count === trap.passage) door?.kill()
    if (trap.stallMs !== null && count % trap.passage === 0) door?.stall(trap.stallMs)
  }
}
