import { sleep } from '../sleep.ts'
import { majorityOf } from '../world/world.ts'
import type { World } from '../world/world.ts'
import { pickTarget, scopeOf, usable } from './nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from './nemesis.ts'

type Choose = (context: NemesisContext) => Promise<readonly string[]>

const one: Choose = async (context) => [await pickTarget(context)]
const owner: Choose = async (context) => {
  const { led } = await context.world.roles()
  const [most] = [...led].toSorted(([, a], [, b]) => b - a)
  return most && most[1] > 0 ? [most[0]] : one(context)
}
const majority: Choose = async ({ world, prng }) =>
  prng.shuffled(usable(world)).slice(0, majorityOf(world.nodes.length))
const all: Choose = async ({ world }) => usable(world)

/** Faults of whole processes. */
export const processNemeses: readonly Nemesis[] = [
  ends(
    'kill',
    'P1: SIGKILL of one node, often the busiest leader; restarted at the end.',
    one,
    'kill',
  ),
  ends(
    'kill-owner',
    'P1: SIGKILL of the node that leads most partitions; restarted at the end.',
    owner,
    'kill',
  ),
  ends('kill-majority', 'P1: SIGKILL of a random majority at once.', majority, 'kill'),
  ends(
    'kill-all',
    'P1: SIGKILL of all nodes at once; every acknowledged write must survive.',
    all,
    'kill',
  ),
  ends('drain', 'P2: SIGTERM of one node; it hands over and leaves.', one, 'terminate'),
  paused(
    'pause',
    'P4: SIGSTOP of one node, often the busiest leader, past its election timeout.',
    one,
  ),
  paused('pause-majority', 'P4: SIGSTOP of a random majority.', majority),
  {
    name: 'restart-storm',
    says: 'P3: SIGKILL of one node or another every one to two seconds, each started again at once.',
    needs: ['processes'],
    start: storm,
  },
  {
    name: 'stall',
    says: 'P5: the event loop of one node, often the busiest leader, stands still for 0.2 to 5 s.',
    needs: ['pauses'],
    async start(context) {
      const { world, prng, stepMs } = context
      const node = await pickTarget(context)
      const ms = Math.max(shortestStallMs, Math.round(stepMs * prng.between(0.08, 2)))
      await world.stall(node, ms)
      const over = performance.now() + ms
      let mute = false
      return {
        targets: [node],
        scope: scopeOf(1, world),
        how: { ms },
        async effect() {
          const asked = performance.now()
          // A short one only makes the answer late.
          const isHeard = (await world.isReady(node)) && performance.now() - asked < ms / 2
          mute ||= asked < over && !isHeard
          return mute ? `${node} mute for ${ms} ms` : undefined
        },
        stop: () => sleep(over - performance.now()),
      }
    },
  },
  {
    name: 'crash-point',
    says: 'P6: one node dies at a place in its code where a crash is worst; started again at the end.',
    needs: ['processes'],
    start: crashAtPoint,
  },
]

/** Shorter ones cannot be seen from outside. */
const shortestStallMs = 50

/** Each node comes back as the next one goes. */
async function storm({ world, prng, stepMs }: NemesisContext): Promise<Fault> {
  const killed: string[] = []
  let over = false
  const storming = (async () => {
    while (!over) {
      const node = prng.pick(usable(world))
      await world.kill(node)
      killed.push(node)
      await world.restart(node)
      await sleep(stepMs * prng.between(0.4, 0.8))
    }
  })()
  return {
    targets: usable(world),
    // A node that has just started serves later than the next one dies.
    scope: 'majority',
    effect: async () => (killed.length > 1 ? `killed ${killed.join(', ')}` : undefined),
    async stop() {
      over = true
      await storming
    },
  }
}

/**
 * Names of src/fault-points.ts, and how many passages may go by first: between any two points
 * something has been promised, or has not.
 */
const points = {
  'before-append': 100,
  'before-fsync': 100,
  'after-fsync': 100,
  'after-append': 100,
  'before-send': 300,
  'before-apply': 100,
  'after-apply': 100,
  'before-log-cut': 3,
  'after-staging': 1,
  'during-install': 1,
  'config-apply': 3,
  'before-ack': 50,
  'after-ack': 50,
} as const

/** The node starts with a trap and dies in it after so many passages; a trap that is never sprung has no effect. */
async function crashAtPoint(context: NemesisContext): Promise<Fault> {
  const { world, prng } = context
  const node = await pickTarget(context)
  const [point, most] = prng.pick(Object.entries(points))
  const passage = 1 + prng.below(most)
  return {
    targets: [node],
    scope: scopeOf(1, world),
    how: { point, passage },
    optional: true,
    async carryOut() {
      await world.kill(node)
      world.allowEnd(node, anyWords)
      await world.restart(node, `crash:${point}:${passage}`)
      const deadline = performance.now() + startDeadlineMs
      while (!world.endOf(node) && performance.now() < deadline) {
        if (await world.isReady(node)) return
        await sleep(100)
      }
    },
    async effect() {
      const end = world.endOf(node)
      return end && `${node} died at passage ${passage} of ${point} (${end.how})`
    },
    async stop() {
      await world.kill(node)
      world.allowEnd(node, undefined)
      await world.restart(node)
    },
  }
}

/** Traps count from the start of the process, and may be sprung before it serves. ms */
const startDeadlineMs = 20_000

/** A process that is killed has no last words; whatever it said before does not matter. */
const anyWords = /(?:)/

function ends(name: string, says: string, pick: Choose, how: 'kill' | 'terminate'): Nemesis {
  return {
    name,
    says,
    needs: ['processes'],
    async start(context) {
      const { world } = context
      const targets = await pick(context)
      const { led } = await world.roles()
      const leaderships = targets.reduce((sum, node) => sum + (led.get(node) ?? 0), 0)
      await Promise.all(targets.map((node) => world[how](node)))
      return fault(world, targets, {
        effect: async () => `${targets.join(', ')} gone, with ${leaderships} leaderships`,
        stop: async () => {
          for (const node of targets) await world.restart(node)
        },
      })
    },
  }
}

function paused(name: string, says: string, pick: Choose): Nemesis {
  return {
    name,
    says,
    needs: ['pauses'],
    async start(context) {
      const { world } = context
      const targets = await pick(context)
      await Promise.all(targets.map((node) => world.pause(node)))
      return fault(world, targets, {
        async effect() {
          const ready = await Promise.all(targets.map((node) => world.isReady(node)))
          return ready.includes(true) ? undefined : `${targets.join(', ')} mute`
        },
        stop: async () => {
          for (const node of targets) await world.resume(node)
        },
      })
    },
  }
}

function fault(
  world: World,
  targets: readonly string[],
  doing: Pick<Fault, 'effect' | 'stop'>,
): Fault {
  return { targets, scope: scopeOf(targets.length, world), ...doing }
}

type Pick<T, K extends keyof T> = { [P in K]: T[P] }
