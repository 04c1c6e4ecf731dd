import type { Prng } from '../prng.ts'
import type { World } from '../world/world.ts'

/** A kind of fault. It picks its targets by the run's chance and knows how to end what it began. */
export interface Nemesis {
  readonly name: string
  /** One sentence, with the number of the fault catalogue. */
  readonly says: string
  /** Undefined: nothing fits now, for lack of nodes, links or leaders. */
  start(context: NemesisContext): Promise<Fault | undefined>
}

export interface NemesisContext {
  readonly world: World
  readonly prng: Prng
  /** How long each step of a fault of several steps lasts, ms. */
  readonly stepMs: number
}

/** A fault in force. */
export interface Fault {
  readonly targets: readonly string[]
  readonly scope: Scope
  /** Details for the history. */
  readonly how?: Readonly<Record<string, unknown>>
  /** What it did so far, if anything; asked again and again until there is something. */
  effect(): Promise<string | undefined>
  stop(): Promise<void>
}

/** How much of any partition is hit; while it is a minority, all of them must go on serving. */
export type Scope = 'minority' | 'majority' | 'all' | 'client'

/** Whatever happened before: every node runs, no link has a fault. */
export async function heal(world: World): Promise<void> {
  for (const from of world.nodes) {
    world.clientLink(from)?.heal()
    for (const to of world.nodes) world.link(from, to)?.heal()
  }
  for (const node of world.nodes) await world.resume(node)
  for (const node of world.nodes) await world.restart(node)
}

/** A node worth hitting: often one that leads much, sometimes the meta leader, sometimes any. */
export async function pickTarget({ world, prng }: NemesisContext): Promise<string> {
  const { metaLeader, led } = await world.roles()
  const [busiest] = [...led].toSorted(([, a], [, b]) => b - a)
  const draw = prng.fraction()
  if (draw < 0.5 && busiest && busiest[1] > 0) return busiest[0]
  if (draw < 0.7 && metaLeader !== undefined) return metaLeader
  return prng.pick(world.nodes)
}

/** By partitions, not by nodes: two of five nodes hold two of the three replicas of some partition. */
export function scopeOf(lost: number, { nodes, tolerates }: World): Scope {
  if (lost === nodes.length) return 'all'
  return lost <= tolerates ? 'minority' : 'majority'
}
