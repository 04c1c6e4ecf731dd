import { sleep } from '../sleep.ts'
import { majorityOf } from '../world/world.ts'
import type { Roles, World } from '../world/world.ts'
import { healLinks, lasting, usable } from './nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from './nemesis.ts'
import { forecast, Reach, surprise } from './reach.ts'
import type { Forecast, Pair } from './reach.ts'

/** Elections and steps down must be over after so many steps more. */
const settleSteps = 4
/** With fewer, a ring is a full mesh, a chain is a bridge, and all groups have the same voters. */
const fewestNodes = 5
const fewestForBridge = 3
/** Divisions of the nodes that are looked at; there are 15 of five nodes into two, two and one. */
const tries = 60

interface Shape {
  readonly targets: readonly string[]
  readonly pairs: readonly Pair[]
  /** What it is about, for people. */
  readonly about: string
}

type Draw = (context: NemesisContext, seen: Seen) => Shape | undefined

interface Seen {
  readonly groups: Roles['groups']
  /** Topic → its group, of those that clients use. */
  readonly homes: ReadonlyMap<string, string>
}

/**
 * Partitions of the network in which nobody, or not everybody, is on the losing side. Who votes
 * where is asked of the cluster first, so it is known what each group must be able to do.
 */
export const shapeNemeses: readonly Nemesis[] = [
  shaped('bridge', 'N3: two halves that share one node.', bridge, fewestForBridge),
  shaped(
    'majorities-ring',
    'N4: every node hears a majority, and no two hear the same one. Five nodes or more.',
    ring,
  ),
  shaped(
    'chain',
    'N6: each node hears only its neighbours in a row. Five nodes or more.',
    ({ world, prng }) => {
      const row = prng.shuffled(usable(world))
      const pairs = pairsOf(row).filter(([a, b]) => Math.abs(row.indexOf(a) - row.indexOf(b)) > 1)
      return { targets: row, pairs, about: row.join(' – ') }
    },
  ),
  shaped(
    'meta-cut',
    'N16: meta has no majority while partitions have one, or the busiest partition has none and meta has. Five nodes or more.',
    (context, seen) => {
      const [first, second] = context.prng.shuffled([withoutMeta, withoutPartition])
      return first?.(context, seen) ?? second?.(context, seen)
    },
  ),
]

function shaped(name: string, says: string, draw: Draw, fewest = fewestNodes): Nemesis {
  return {
    name,
    says,
    needs: ['links'],
    async start(context): Promise<Fault | undefined> {
      const { world, prng, stepMs } = context
      if (usable(world).length < fewest) return undefined
      const seen = await look(context)
      const shape = draw(context, seen)
      if (!shape) return undefined
      const reach = reachOf(world, shape.pairs)
      const expected = forecast(seen.groups, reach)
      const kind = prng.chance(0.5) ? 'cut' : 'blackhole'
      for (const [a, b] of shape.pairs)
        for (const link of [world.link(a, b), world.link(b, a)]) link?.setFault({ kind })
      return {
        targets: shape.targets,
        // Not even where all groups have a majority does every node hear every owner. What must be
        // served nevertheless, and where, is said apart.
        scope: 'majority',
        how: { kind, about: shape.about, lost: expected.lost, serves: servesOf(expected, seen) },
        // Long enough that what must be served can be told from what comes back.
        carryOut: () => sleep(3 * stepMs),
        effect: () => told(world, expected.lost),
        needsTheRest: true,
        complaint: () => lasting(() => surprise(world, seen.groups, reach), settleSteps * stepMs),
        stop: async () => healLinks(world),
      }
    },
  }
}

async function look({ world, topics }: NemesisContext): Promise<Seen> {
  const { groups } = await world.roles()
  const homes = new Map<string, string>()
  for (const topic of topics?.() ?? []) {
    const home = await world.locate(topic)
    if (home !== undefined) homes.set(topic, home)
  }
  return { groups, homes }
}

function servesOf({ kept }: Forecast, { homes }: Seen): Record<string, readonly string[]> {
  return Object.fromEntries(
    [...homes].flatMap(([topic, home]) => {
      const nodes = kept[home]
      return nodes ? [[topic, nodes]] : []
    }),
  )
}

/** Once those that lost their majority have no leader any more. */
async function told(world: World, lost: readonly string[]): Promise<string | undefined> {
  const { groups, metaLeader } = await world.roles()
  if (lost.some((group) => groups.get(group)?.leader !== undefined)) return undefined
  const led = [...groups].filter(([group, { leader }]) => group !== 'meta' && leader !== undefined)
  const meta = metaLeader === undefined ? 'nobody' : metaLeader
  const without = lost.length === 0 ? 'all have a majority' : `${lost.join(', ')} without a leader`
  return `${without}; ${meta} leads meta, ${led.length} of ${groups.size - 1} partitions are led`
}

/** Both sides reach a majority through the node in the middle. */
function bridge({ world, prng }: NemesisContext): Shape {
  const [middle = '', ...rest] = prng.shuffled(usable(world))
  const [left, right] = [rest.slice(0, rest.length >> 1), rest.slice(rest.length >> 1)]
  const pairs = left.flatMap((a) => right.map((b) => [a, b] as const))
  const about = `${left.join(', ')} | ${middle} | ${right.join(', ')}`
  return { targets: usable(world), pairs, about }
}

/** Each hears as many to its left as to its right, together with itself just a majority or one more. */
function ring({ world, prng }: NemesisContext): Shape {
  const round = prng.shuffled(usable(world))
  const each = Math.ceil((majorityOf(round.length) - 1) / 2)
  const pairs = pairsOf(round).filter(([a, b]) => {
    const apart = Math.abs(round.indexOf(a) - round.indexOf(b))
    return Math.min(apart, round.length - apart) > each
  })
  return { targets: round, pairs, about: `${round.join(' – ')} – ${round[0]}` }
}

/** Sides of which none has a majority of meta, chosen so that most topics and partitions keep one. */
function withoutMeta({ world, prng }: NemesisContext, { groups, homes }: Seen): Shape | undefined {
  const meta = groups.get('meta')?.voters ?? []
  let best: { readonly shape: Shape; readonly worth: number } | undefined
  for (let i = 0; i < tries && meta.length > 0; i++) {
    const sides = dealt(prng.shuffled(usable(world)), majorityOf(meta.length) - 1)
    const sideOf = new Map(sides.flatMap((side) => side.map((node) => [node, side])))
    const pairs = pairsOf(usable(world)).filter(([a, b]) => sideOf.get(a) !== sideOf.get(b))
    const { lost, kept } = forecast(groups, reachOf(world, pairs))
    const topics = [...homes.values()].filter((home) => kept[home]).length
    const worth = topics * groups.size + Object.keys(kept).length
    if (!lost.includes('meta') || worth <= (best?.worth ?? 0)) continue
    const about = `sides without meta: ${sides.map((side) => side.join(', ')).join(' | ')}`
    best = { shape: { targets: usable(world), pairs, about }, worth }
  }
  return best?.shape
}

/** Sides of at most `most` nodes, so none is a majority of meta whoever votes there. */
function dealt(nodes: readonly string[], most: number): string[][] {
  const sides: string[][] = []
  for (let at = 0; at < nodes.length; at += most) sides.push(nodes.slice(at, at + most))
  return sides
}

/** The replicas of the partition with most topics do not hear each other; all others hear all. */
function withoutPartition(
  { world, prng }: NemesisContext,
  { groups, homes }: Seen,
): Shape | undefined {
  const busy = (group: string): number => [...homes.values()].filter((it) => it === group).length
  const partitions = prng
    .shuffled([...groups.keys()].filter((group) => group !== 'meta'))
    .toSorted((a, b) => busy(b) - busy(a))
  for (const group of partitions) {
    const voters = groups.get(group)?.voters ?? []
    const pairs = pairsOf(voters)
    const { lost } = forecast(groups, reachOf(world, pairs))
    if (!lost.includes(group) || lost.includes('meta')) continue
    return { targets: voters, pairs, about: `the replicas of ${group} apart` }
  }
  return undefined
}

/** A node that is out hears nobody either. */
function reachOf(world: World, pairs: readonly Pair[]): Reach {
  const dead = [...world.out].flatMap((node) => world.nodes.map((other) => [node, other] as const))
  return new Reach(world.nodes, [...pairs, ...dead.filter(([a, b]) => a !== b)])
}

function pairsOf(nodes: readonly string[]): Pair[] {
  return nodes.flatMap((a, i) => nodes.slice(i + 1).map((b) => [a, b] as const))
}
