import { sleep } from '../sleep.ts'
import { impostors } from '../world/world.ts'
import type { Impostor, World } from '../world/world.ts'
import { doubtfulReturn } from './disk-nemeses.ts'
import { pickTarget, scopeOf, spare, usable } from './nemesis.ts'
import type { Complaint, Nemesis } from './nemesis.ts'

/**
 * What a node says when it, or the cluster, finds that its memory is not what it was. RAFT-6: the
 * leader counts on entries that the node no longer has.
 */
const identityWords =
  /wiped|identity|incarnation|another|unknown member|removed|lost|older|old copy|behind|refill|damaged|replace|RAFT-6/i
const readyDeadlineMs = 20_000

/** Nodes that come back as somebody else, or without their memory. */
export const identityNemeses: readonly Nemesis[] = [
  {
    name: 'impostor',
    says: 'P8: a stopped node is started with another’s data, name or cluster; it must refuse.',
    needs: ['processes'],
    async start(context) {
      const { world, prng } = context
      const node = await pickTarget(context)
      const kind = prng.pick<Impostor>(impostors)
      let effect: string | undefined
      let complaint: Complaint | undefined
      return {
        targets: [node],
        scope: scopeOf(1, world),
        how: { kind },
        async carryOut() {
          await world.kill(node)
          const { refused, words } = await world.tryImpostor(node, kind)
          effect = `a server with another ${kind} ${refused ? 'refused' : 'started'}: ${words}`
          if (!refused) complaint = { node, says: effect }
        },
        effect: async () => effect,
        complaint: async () => complaint,
        stop: () => world.restart(node),
      }
    },
  },
  {
    name: 'wipe',
    says: 'D9: a node loses its data and starts under its old identity; it must not be let in.',
    needs: ['disk', 'processes'],
    costsNode: true,
    async start({ world, prng }) {
      const founders = usable(world).filter((node) => world.joined?.has(node) !== true)
      if (spare(world) < 1 || founders.length === 0) return undefined
      const node = prng.pick(founders)
      const wipe = async (): Promise<undefined> => {
        await world.disk(node)?.wipe()
        return undefined
      }
      return {
        ...doubtfulReturn(world, node, identityWords, wipe),
        async complaint() {
          if (!(await world.isReady(node))) return undefined
          return { node, says: `${node} was let in although its data had been wiped` }
        },
        stop: () => world.giveUp(node),
      }
    },
  },
  {
    name: 'old-copy',
    says: 'D10: a node comes back with a copy of its data that is some seconds old.',
    needs: ['disk', 'processes'],
    costsNode: true,
    async start(context) {
      const { world, stepMs } = context
      if (spare(world) < 1) return undefined
      const node = await pickTarget(context)
      const disk = world.disk(node)
      if (!disk) return undefined
      return doubtfulReturn(world, node, identityWords, async () => {
        await disk.copy()
        await world.restart(node)
        await ready(world, node)
        await sleep(stepMs)
        await world.kill(node)
        await disk.restoreCopy()
        return undefined
      })
    },
  },
]

async function ready(world: World, node: string): Promise<void> {
  const deadline = performance.now() + readyDeadlineMs
  while (!(await world.isReady(node)) && performance.now() < deadline) await sleep(100)
}
