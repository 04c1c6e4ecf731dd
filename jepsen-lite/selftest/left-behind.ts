import { scopeOf, usable } from '../nemesis/nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from '../nemesis/nemesis.ts'
import { sleep } from '../sleep.ts'
import type { World } from '../world/world.ts'

/**
 * The fewest entries that `compact-every-entries` allows: it cuts a log as often as can be. A leader
 * waits for a follower that lags by up to four times as many, and keeps half of them behind the cut.
 */
export const compactEvery = 100
const enoughEntries = (4 + 1) * compactEvery
/** A group that writes so little will not get there. ms */
const lagDeadlineMs = 60_000
const pollMs = 250

/** A follower that has to get a snapshot, however few entries a second this machine makes. */
export const leftBehind: Nemesis = {
  name: 'left-behind',
  says: 'a follower is down until it lags by more entries than a leader waits for.',
  needs: ['processes'],
  lastsMs: 8_000,
  start,
}

async function start({ world, prng }: NemesisContext): Promise<Fault> {
  const { led } = await world.roles()
  const least = Math.min(...usable(world).map((name) => led.get(name) ?? 0))
  const followers = usable(world).filter((name) => (led.get(name) ?? 0) === least)
  const node = prng.pick(followers)
  const from = (await applied(world)).get(node) ?? 0
  let lag = 0
  return {
    targets: [node],
    scope: scopeOf(1, world),
    async carryOut() {
      await world.kill(node)
      const deadline = performance.now() + lagDeadlineMs
      while (lag < enoughEntries && performance.now() < deadline) {
        await sleep(pollMs)
        lag = Math.max(...(await applied(world)).values()) - from
      }
    },
    effect: async () =>
      lag < enoughEntries ? undefined : `${node} is ${lag} entries behind and was down till then`,
    stop: () => world.restart(node),
  }
}

/** By node, what it has applied of the one partition that there is. */
async function applied(world: World): Promise<ReadonlyMap<string, number>> {
  const rows = new Map<string, number>([['', 0]])
  for (const { f, node = '', value } of await world.observe(false)) {
    if (f !== 'cluster-state') continue
    const { groups } = value as { groups: readonly { group: string; applied: number }[] }
    const partition = groups.find(({ group }) => group !== 'meta')
    if (partition) rows.set(node, partition.applied)
  }
  return rows
}
