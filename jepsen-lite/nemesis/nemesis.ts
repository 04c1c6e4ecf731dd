import type { Prng } from '../prng.ts'
import type { Load, LoadKind } from '../workload/load.ts'
import { sleep } from '../sleep.ts'
import type { Link, Need, World } from '../world/world.ts'

/** Between two looks at what may pass, ms. */
const lookEveryMs = 200

/** A kind of fault. It picks its targets by the run's chance and knows how to end what it began. */
export interface Nemesis {
  readonly name: string
  /** One sentence, with the number of the fault catalogue. */
  readonly says: string
  /** What the world must be able to do for it. */
  readonly needs: readonly Need[]
  /** What makes it worse and is not missed. */
  readonly wants?: readonly Need[]
  /** The node that is hit may be out afterwards: never two such faults at once. */
  readonly costsNode?: boolean
  /** It takes so long on a machine that is not busy, ms; without so much time left it is not begun, for clients would be gone before its end. */
  readonly lastsMs?: number
  /** What it makes clients do; a workload for which that means nothing skips the fault. `any`: whatever the workload knows. */
  readonly load?: LoadKind | 'any'
  /** Undefined: nothing fits now, for lack of nodes, links or leaders. */
  start(context: NemesisContext): Promise<Fault | undefined>
}

export interface NemesisContext {
  readonly world: World
  readonly prng: Prng
  /** Missing: there are no clients that could be told what to do. */
  readonly load?: Load
  /** How long each step of a fault of several steps lasts, ms. */
  readonly stepMs: number
  /** Topics that clients have written to so far. */
  readonly topics?: () => readonly string[]
}

/** A fault in force. */
export interface Fault {
  readonly targets: readonly string[]
  readonly scope: Scope
  /** Details for the history. */
  readonly how?: Readonly<Record<string, unknown>>
  /** It may well do nothing: a quiet time, a crash at a point that is never passed. */
  readonly optional?: boolean
  /** The steps of a fault that takes some time; its start has been logged by then. */
  carryOut?(): Promise<void>
  /** What it did so far, if anything; asked again and again until there is something. */
  effect(): Promise<string | undefined>
  /** Asked once, right before the end: what a node did that it must not do. A finding like a broken invariant in a log. */
  complaint?(): Promise<Complaint | undefined>
  /** The complaint would be of no worth beside another fault: it counts on the rest being well. */
  readonly needsTheRest?: boolean
  stop(): Promise<void>
}

export interface Complaint {
  readonly node: string
  readonly says: string
}

/**
 * How much of any partition is hit; while it is a minority, all of them must go on serving. `client`: no
 * node and no link between nodes, only what clients do or how they get there; all must go on serving, too.
 */
export type Scope = 'minority' | 'majority' | 'all' | 'client'

/** All links between nodes. */
export function linksOf(world: World): Link[] {
  return world.nodes.flatMap((from) => world.nodes.flatMap((to) => world.link(from, to) ?? []))
}

/** No link between nodes has a fault. */
export function healLinks(world: World): void {
  for (const link of linksOf(world)) link.heal()
}

/** What `find` still finds when the time is up; undefined: it has passed. */
export async function lasting<T>(
  find: () => Promise<T | undefined>,
  withinMs: number,
): Promise<T | undefined> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await find()
    if (found === undefined || performance.now() > deadline) return found
    await sleep(lookEveryMs)
  }
}

/** Whatever happened before: every node runs, no link has a fault. */
export async function heal(world: World): Promise<void> {
  healLinks(world)
  for (const node of world.nodes) world.clientLink(node)?.heal()
  for (const node of world.nodes) {
    world.disk(node)?.order({})
    world.clock(node)?.heal()
    await world.resume(node)
    await world.restart(node)
  }
}

/** Nodes that are not out. */
export function usable(world: World): string[] {
  return world.nodes.filter((node) => !world.out.has(node))
}

/** How many more nodes may be lost for good, or for a while, before a partition has no majority. */
export function spare(world: World): number {
  return world.tolerates - world.out.size
}

/** A node worth hitting: often one that leads much, sometimes the meta leader, sometimes any. */
export async function pickTarget({ world, prng }: NemesisContext): Promise<string> {
  const { metaLeader, led } = await world.roles()
  const [busiest] = [...led]
    .filter(([node]) => !world.out.has(node))
    .toSorted(([, a], [, b]) => b - a)
  const draw = prng.fraction()
  if (draw < 0.5 && busiest && busiest[1] > 0) return busiest[0]
  if (draw < 0.7 && metaLeader !== undefined && !world.out.has(metaLeader)) return metaLeader
  return prng.pick(usable(world))
}

/** By partitions, not by nodes: two of five nodes hold two of the three replicas of some partition. */
export function scopeOf(lost: number, world: World): Scope {
  if (lost >= usable(world).length) return 'all'
  return lost === 0 || lost <= spare(world) ? 'minority' : 'majority'
}
