import type { LinkFault } from '../proxy/link-fault.ts'
import { healLinks, linksOf, scopeOf } from './nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from './nemesis.ts'

/** What Linux waits at least before it sends a segment again, ms. */
const rtoMs = 200
/** Lost chunks of a link, drawn for each direction between two nodes. */
const lossShare = [0.01, 0.3] as const
/** Per chunk: among five nodes about one connection a second breaks so. */
const lateProbability = 0.003
/** A sender that has not heard yet that its connection is gone writes on for so long, ms. */
const gatherMs = 40

/** Faults of the links between nodes in which no byte is missing, and some come late. */
export const lateNemeses: readonly Nemesis[] = [
  {
    name: 'loss',
    says: 'N8: 1 to 30 % of the chunks of each link lost, in bursts; over TCP that is a wait of 200 ms, 400 ms, ...',
    needs: ['links'],
    start: loss,
  },
  {
    name: 'late-bytes',
    says: 'N11: connections break, and what was on its way comes over the old one when a new one is up.',
    needs: ['links'],
    start: lateBytes,
  },
]

async function loss({ world, prng }: NemesisContext): Promise<Fault | undefined> {
  const links = linksOf(world)
  if (links.length === 0) return undefined
  const held = (): number => links.reduce((sum, { stats }) => sum + stats.heldChunks, 0)
  const before = held()
  const shares = links.map((link) => {
    const probability = prng.between(...lossShare)
    const fault: LinkFault = { kind: 'loss', probability, rtoMs }
    link.setFault(fault)
    return probability
  })
  const percent = (share: number): string => `${Math.round(share * 100)} %`
  return {
    targets: world.nodes,
    // All links stay usable, so nobody is lost.
    scope: scopeOf(0, world),
    how: { rtoMs, least: percent(Math.min(...shares)), most: percent(Math.max(...shares)) },
    effect: async () => (held() > before ? `${held() - before} chunks had to wait` : undefined),
    stop: async () => healLinks(world),
  }
}

async function lateBytes({ world }: NemesisContext): Promise<Fault | undefined> {
  const links = linksOf(world)
  if (links.length === 0) return undefined
  const count = (): { bytes: number; refused: number } => ({
    bytes: links.reduce((sum, { stats }) => sum + stats.lateBytes, 0),
    refused: links.reduce((sum, { stats }) => sum + stats.lateRefused, 0),
  })
  const before = count()
  for (const link of links) link.setFault({ kind: 'late', probability: lateProbability, gatherMs })
  return {
    targets: world.nodes,
    scope: scopeOf(0, world),
    how: { probability: lateProbability, gatherMs, links: links.length },
    async effect() {
      const [bytes, refused] = [count().bytes - before.bytes, count().refused - before.refused]
      if (bytes + refused === 0) return undefined
      return `${bytes} bytes came late over old connections; ${refused} others the receiver had closed by then`
    },
    stop: async () => healLinks(world),
  }
}
