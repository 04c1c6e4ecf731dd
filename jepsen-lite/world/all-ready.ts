import { sleep } from '../sleep.ts'
import type { World } from './world.ts'

const pollMs = 100

/**
 * Until every member serves, or the deadline (of the monotonic clock, ms). Who is out for good, or is
 * removed meanwhile, is not waited for.
 */
export async function allReady(world: World, deadline: number): Promise<void> {
  const isAwaited = (node: string): boolean => world.nodes.includes(node) && !world.out.has(node)
  for (const node of world.nodes.slice())
    while (isAwaited(node) && !(await world.isReady(node)) && performance.now() < deadline)
      await sleep(pollMs, deadline)
}
