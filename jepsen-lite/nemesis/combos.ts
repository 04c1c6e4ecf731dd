import { sleep } from '../sleep.ts'
import { majorityOf } from '../world/world.ts'
import type { World } from '../world/world.ts'
import { cut } from './lost-majority.ts'
import { healLinks, pickTarget, usable } from './nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from './nemesis.ts'

/** How long a step of a combo waits for what it is about, ms. Above: it goes on, and tells what it saw. */
const stepDeadlineMs = 20_000

/** Several faults in an order that hurts. */
export const combos: readonly Nemesis[] = [
  {
    name: 'lost-majority-paused',
    says: 'X2: as lost-majority, with nodes that stand still instead of links that are cut.',
    needs: ['processes', 'pauses'],
    wants: ['disk'],
    start: lostMajorityPaused,
  },
  {
    name: 'stale-leader',
    says: 'X3: the meta leader is isolated, clients go on asking it, and it comes back after three elections.',
    needs: ['links', 'processes'],
    start: staleLeader,
  },
  {
    name: 'install-under-fire',
    says: 'X5: a follower that fell behind gets a snapshot from a leader whose disk is slow and which then dies.',
    needs: ['processes', 'disk'],
    start: installUnderFire,
  },
  {
    name: 'two-leaders',
    says: 'X6: a leader stands still until others lead, then goes on; clients hold connections to both.',
    needs: ['pauses'],
    start: twoLeaders,
  },
  {
    name: 'fast-leader',
    says: 'X7: the clock of a leader runs twice as fast, and the leader is isolated.',
    needs: ['clock', 'links'],
    start: fastLeader,
  },
]

async function lostMajorityPaused({
  world,
  prng,
  stepMs,
}: NemesisContext): Promise<Fault | undefined> {
  if (world.nodes.length < 3 || world.out.size > 0) return undefined
  const mixed = prng.shuffled(world.nodes)
  const needed = majorityOf(world.nodes.length)
  const behind = mixed.slice(0, needed - 1)
  const [crashed = '', ...rest] = mixed.slice(needed - 1)
  return {
    targets: [crashed, ...rest],
    scope: 'majority',
    how: { behind, crashed, paused: rest },
    async carryOut() {
      for (const node of behind) await world.pause(node)
      await sleep(stepMs)
      await world.kill(crashed)
      await world.disk(crashed)?.losePower(prng, prng.chance(0.5))
      for (const node of rest) await world.pause(node)
      for (const node of behind) await world.resume(node)
      await world.restart(crashed)
      await until(async () => (await leaderships(world, [...behind, crashed])) > 0)
    },
    async effect() {
      const led = await leaderships(world, [...behind, crashed])
      if (led === 0) return undefined
      return `${[...behind, crashed].join(', ')} lead ${led} groups`
    },
    async stop() {
      for (const node of [...behind, ...rest]) await world.resume(node)
    },
  }
}

async function staleLeader(context: NemesisContext): Promise<Fault | undefined> {
  const { world, stepMs } = context
  const { metaLeader: old, metaTerm: before } = await world.roles()
  if (old === undefined || world.nodes.length < 3) return undefined
  const others = usable(world).filter((node) => node !== old)
  let term = before
  return {
    targets: [old],
    scope: 'majority',
    how: { elections },
    async carryOut() {
      // Not a cut: the old leader must not be told by its sockets.
      for (const other of others)
        for (const link of [world.link(old, other), world.link(other, old)])
          link?.setFault({ kind: 'blackhole' })
      // A leader that dies is replaced; one that only stands still may lead on when two are left.
      for (let i = 0; i < elections; i++) {
        const { metaLeader, metaTerm } = await world.roles()
        if (metaLeader !== undefined && metaLeader !== old) {
          await world.kill(metaLeader)
          await world.restart(metaLeader)
        }
        await until(async () => (term = (await world.roles()).metaTerm) > metaTerm)
        await sleep(stepMs / 2)
      }
    },
    effect: async () =>
      term > before
        ? `meta's term went from ${before} to ${term} while ${old} was alone`
        : undefined,
    stop: async () => healLinks(world),
  }
}

const elections = 3

async function installUnderFire({
  world,
  prng,
  stepMs,
}: NemesisContext): Promise<Fault | undefined> {
  const { led } = await world.roles()
  const [leader] = [...led].toSorted(([, a], [, b]) => b - a)[0] ?? []
  if (leader === undefined) return undefined
  const followers = usable(world).filter((node) => node !== leader)
  if (followers.length < 2) return undefined
  const follower = prng.pick(followers)
  let done = false
  return {
    targets: [leader, follower],
    scope: 'majority',
    how: { leader, follower },
    async carryOut() {
      await world.kill(follower)
      world.disk(leader)?.order({ syncDelayMs: 100 + prng.below(300) })
      await sleep(2 * stepMs)
      await world.restart(follower)
      await until(() => world.isAlive(follower))
      await sleep(stepMs * prng.between(0, 0.4))
      await world.kill(leader)
      await world.disk(leader)?.losePower(prng, prng.chance(0.5))
      done = true
    },
    effect: async () => (done ? `${follower} was catching up when ${leader} died` : undefined),
    async stop() {
      world.disk(leader)?.order({})
      await world.restart(leader)
    },
  }
}

async function twoLeaders(context: NemesisContext): Promise<Fault | undefined> {
  const { world } = context
  const old = await pickTarget(context)
  const others = usable(world).filter((node) => node !== old)
  let seen: string | undefined
  return {
    targets: [old],
    scope: 'minority',
    async carryOut() {
      const before = await leaderships(world, others)
      await world.pause(old)
      await until(async () => (await leaderships(world, others)) > before)
      const after = await leaderships(world, others)
      await world.resume(old)
      if (after > before)
        seen = `${old} went on after others had taken ${after - before} of its groups`
    },
    effect: async () => seen,
    stop: () => world.resume(old),
  }
}

async function fastLeader(context: NemesisContext): Promise<Fault | undefined> {
  const { world } = context
  const node = await pickTarget(context)
  const clock = world.clock(node)
  if (!clock) return undefined
  const others = usable(world).filter((other) => other !== node)
  const effects = (): number =>
    others.reduce((sum, other) => sum + (world.link(node, other)?.effects ?? 0), 0)
  const before = effects()
  clock.set(0, 2)
  cut(world, [node], others)
  return {
    targets: [node],
    scope: 'minority',
    effect: async () => (effects() > before ? `${node} alone, its clock twice as fast` : undefined),
    async stop() {
      healLinks(world)
      clock.heal()
    },
  }
}

async function leaderships(world: World, nodes: readonly string[]): Promise<number> {
  const { led } = await world.roles()
  return nodes.reduce((sum, node) => sum + (led.get(node) ?? 0), 0)
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + stepDeadlineMs
  while (!(await condition()) && performance.now() < deadline) await sleep(100)
}
