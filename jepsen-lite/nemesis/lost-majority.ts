import { sleep } from '../sleep.ts'
import { majorityOf } from '../world/world.ts'
import type { World } from '../world/world.ts'
import { healLinks } from './nemesis.ts'
import type { Nemesis } from './nemesis.ts'

/** K must be back, and the new majority must lead, ms. Above: the fault shows no effect. */
const restartDeadlineMs = 20_000

/**
 * One crash plus two partitions. A minority A is cut off while the others go on; one of the others,
 * K, is killed; then the rest is cut off instead, so that A and K are the majority now, and K starts
 * again. All that it acknowledged before must still be there: of the new majority only K has it.
 */
export const lostMajority: Nemesis = {
  name: 'lost-majority',
  says: 'X1: a majority is replaced by another one that shares a single, crashed node with it.',
  needs: ['processes', 'links'],
  wants: ['disk'],
  async start({ world, prng, stepMs }) {
    if (world.nodes.length < 3 || world.out.size > 0) return undefined
    const mixed = prng.shuffled(world.nodes)
    const needed = majorityOf(world.nodes.length)
    const behind = mixed.slice(0, needed - 1)
    const [crashed = '', ...rest] = mixed.slice(needed - 1)
    const leaderships = async (): Promise<number> => {
      const { led } = await world.roles()
      return [...behind, crashed].reduce((sum, node) => sum + (led.get(node) ?? 0), 0)
    }
    return {
      targets: [crashed, ...rest],
      // While K is down nobody has a majority.
      scope: 'majority',
      how: { behind, crashed, cutOff: rest },
      async carryOut() {
        cut(world, behind, [crashed, ...rest])
        await sleep(stepMs)
        await world.kill(crashed)
        // With a disk of ours the crash takes what was never synced, too.
        await world.disk(crashed)?.losePower(prng, prng.chance(0.5))
        healLinks(world)
        cut(world, rest, [...behind, crashed])
        await world.restart(crashed)
        const deadline = performance.now() + restartDeadlineMs
        while ((await leaderships()) === 0 && performance.now() < deadline) await sleep(100)
      },
      async effect() {
        const led = await leaderships()
        return led === 0 ? undefined : `${[...behind, crashed].join(', ')} lead ${led} groups`
      },
      async stop() {
        healLinks(world)
      },
    }
  },
}

export function cut(world: World, side: readonly string[], other: readonly string[]): void {
  for (const a of side)
    for (const b of other) {
      world.link(a, b)?.setFault({ kind: 'cut' })
      world.link(b, a)?.setFault({ kind: 'cut' })
    }
}
