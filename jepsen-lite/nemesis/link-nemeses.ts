import type { LinkFault } from '../proxy/link-fault.ts'
import type { Direction } from '../proxy/link-proxy.ts'
import type { Prng } from '../prng.ts'
import { majorityOf } from '../world/world.ts'
import type { Link, World } from '../world/world.ts'
import { sleep } from '../sleep.ts'
import { pickTarget, scopeOf, usable } from './nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from './nemesis.ts'

/** Which links are hit, and whom that concerns. */
interface Cut {
  readonly targets: readonly string[]
  readonly links: readonly (readonly [from: string, to: string])[]
  /** Nodes that no longer belong to the larger side. */
  readonly lost: number
}

type Draw = (context: NemesisContext) => Promise<Cut>

/** Faults of the links between nodes. A cut resets connections, a hole swallows their bytes. */
export const linkNemeses: readonly Nemesis[] = [
  broken(
    'isolate',
    'N1: one node, often the busiest leader, cut off from all others.',
    isolate,
    cutOrHole,
  ),
  broken('partition', 'N2: a minority cut off from the majority.', halves, cutOrHole),
  broken(
    'one-way',
    'N5: one node can send and not receive, or receive and not send.',
    oneWay,
    hole,
  ),
  broken('delay', 'N9: all links of one node slow by 20 to 200 ms, with jitter.', aroundOne, delay),
  broken(
    'clog',
    'N12: nothing moves on the links of one node, then everything.',
    aroundOne,
    () => ({ kind: 'clog' }),
  ),
  broken('bandwidth', 'N12: 100 kB/s on the links of one node.', aroundOne, () => ({
    kind: 'bandwidth',
    bytesPerSecond: 100_000,
  })),
  broken('half-open', 'N13: connections of one node stay up, bytes vanish.', isolate, hole),
  broken(
    'reset',
    'N14: connections break in the middle of a frame, on all links.',
    everywhere,
    () => ({ kind: 'reset', probability: 0.002, midFrame: true }),
  ),
  broken('corrupt', 'N15: bits of frames flip, on all links.', everywhere, () => ({
    kind: 'corrupt',
    probability: 0.001,
  })),
  {
    name: 'reconnect-storm',
    says: 'L4: all connections of all clients break at once, again and again.',
    needs: [],
    start: reconnectStorm,
  },
  {
    name: 'slow-clients',
    says: 'L3: clients of one node read slowly, 4 to 40 kB/s; it must tell them so and not pile up.',
    needs: [],
    async start(context) {
      const { world, prng } = context
      const target = await pickServing(context)
      const link = world.clientLink(target)
      const bytesPerSecond = 4_000 + prng.below(36_000)
      return (
        link && broke([link], [target], 'client', { kind: 'bandwidth', bytesPerSecond }, 'backward')
      )
    },
  },
  {
    name: 'client-cut',
    says: 'N7: clients cannot reach one healthy node.',
    needs: [],
    async start(context) {
      const target = await pickServing(context)
      const link = context.world.clientLink(target)
      return link && broke([link], [target], 'client', cutOrHole(context.prng))
    },
  },
]

/** A node that clients are connected to, if there is one: those whose node was cut off went elsewhere. */
async function pickServing(context: NemesisContext): Promise<string> {
  const { world, prng } = context
  const serves = (node: string): boolean => (world.clientLink(node)?.openConnections ?? 0) > 0
  const target = await pickTarget(context)
  if (serves(target)) return target
  const serving = usable(world).filter(serves)
  return serving.length === 0 ? target : prng.pick(serving)
}

function broken(name: string, says: string, draw: Draw, fault: (prng: Prng) => LinkFault): Nemesis {
  return {
    name,
    says,
    needs: ['links'],
    async start(context) {
      const { world, prng } = context
      const { targets, links, lost } = await draw(context)
      const touched = links.flatMap(([from, to]) => world.link(from, to) ?? [])
      if (touched.length === 0) return undefined
      return broke(touched, targets, scopeOf(lost, world), fault(prng))
    },
  }
}

function broke(
  links: readonly Link[],
  targets: readonly string[],
  scope: ReturnType<typeof scopeOf>,
  fault: LinkFault,
  direction: Direction = 'both',
): NonNullable<Awaited<ReturnType<Nemesis['start']>>> {
  const total = (): number => links.reduce((sum, link) => sum + link.effects, 0)
  const before = total()
  for (const link of links) link.setFault(fault, direction)
  return {
    targets,
    scope,
    how: { ...fault, links: links.length },
    effect: async () => (total() > before ? `${fault.kind} hit ${total() - before}` : undefined),
    stop: async () => {
      for (const link of links) link.heal()
    },
  }
}

/** A cut of no length: whatever is open is reset, and may come back at once. */
async function reconnectStorm({ world, stepMs }: NemesisContext): Promise<Fault | undefined> {
  const links = usable(world).flatMap((node) => world.clientLink(node) ?? [])
  if (links.length === 0) return undefined
  const total = (): number => links.reduce((sum, link) => sum + link.effects, 0)
  const before = total()
  let over = false
  const storming = (async () => {
    while (!over) {
      for (const link of links) link.setFault({ kind: 'cut' })
      for (const link of links) link.heal()
      await sleep(stepMs)
    }
  })()
  return {
    targets: usable(world),
    scope: 'client',
    effect: async () => (total() > before ? `${total() - before} connections reset` : undefined),
    async stop() {
      over = true
      await storming
    },
  }
}

function hole(): LinkFault {
  return { kind: 'blackhole' }
}

function cutOrHole(prng: Prng): LinkFault {
  return { kind: prng.chance(0.5) ? 'cut' : 'blackhole' }
}

function delay(prng: Prng): LinkFault {
  return { kind: 'delay', ms: 20 + prng.below(180), jitterMs: 20 }
}

async function isolate(context: NemesisContext): Promise<Cut> {
  const target = await pickTarget(context)
  return { ...between([target], others(context.world, [target])), targets: [target], lost: 1 }
}

async function halves({ world, prng }: NemesisContext): Promise<Cut> {
  const mixed = prng.shuffled(world.nodes)
  const minority = mixed.slice(majorityOf(world.nodes.length))
  return { ...between(minority, others(world, minority)), targets: minority, lost: minority.length }
}

async function oneWay(context: NemesisContext): Promise<Cut> {
  const target = await pickTarget(context)
  const mute = context.prng.chance(0.5)
  const links = others(context.world, [target]).map((other) =>
    mute ? ([target, other] as const) : ([other, target] as const),
  )
  return { targets: [`${target} ${mute ? 'cannot send' : 'cannot receive'}`], links, lost: 1 }
}

/** The same links as `isolate`; they stay usable, so nobody is lost. */
async function aroundOne(context: NemesisContext): Promise<Cut> {
  return { ...(await isolate(context)), lost: 0 }
}

async function everywhere({ world }: NemesisContext): Promise<Cut> {
  const links = world.nodes.flatMap((from) =>
    others(world, [from]).map((to) => [from, to] as const),
  )
  return { targets: world.nodes, links, lost: 0 }
}

function between(a: readonly string[], b: readonly string[]): Pick<Cut, 'links'> {
  return { links: a.flatMap((x) => b.flatMap((y) => [[x, y] as const, [y, x] as const])) }
}

function others(world: World, without: readonly string[]): string[] {
  return world.nodes.filter((node) => !without.includes(node))
}
