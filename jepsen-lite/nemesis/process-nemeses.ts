import { majorityOf } from '../world/world.ts'
import type { World } from '../world/world.ts'
import { pickTarget, scopeOf } from './nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from './nemesis.ts'

type Choose = (context: NemesisContext) => Promise<readonly string[]>

const one: Choose = async (context) => [await pickTarget(context)]
const majority: Choose = async ({ world, prng }) =>
  prng.shuffled(world.nodes).slice(0, majorityOf(world.nodes.length))
const all: Choose = async ({ world }) => world.nodes

/** Faults of whole processes. */
export const processNemeses: readonly Nemesis[] = [
  ends(
    'kill',
    'P1: SIGKILL of one node, often the busiest leader; restarted at the end.',
    one,
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
  paused('pause-majority', 'X2: SIGSTOP of a random majority.', majority),
]

function ends(name: string, says: string, pick: Choose, how: 'kill' | 'terminate'): Nemesis {
  return {
    name,
    says,
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
