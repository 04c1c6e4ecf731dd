import { CommandFailed } from '../../src/cli/exit-codes.ts'
import { ceilingSystem } from './ceiling/ceiling-system.ts'
import { etcdSystem } from './etcd/etcd-system.ts'
import { flotillaSystem } from './flotilla/flotilla-system.ts'
import { missingOf, requireInstalled } from './installed.ts'
import { natsSystem } from './nats/nats-system.ts'
import { rabbitmqSystem } from './rabbitmq/rabbitmq-system.ts'
import type { System } from './system.ts'

/** Every system that can be measured, in the order of the table. */
export const catalog: readonly System[] = [
  flotillaSystem,
  natsSystem('default'),
  natsSystem('always'),
  etcdSystem,
  rabbitmqSystem,
  ceilingSystem(),
]

/** The systems named, in their order; without names all that are installed. Throws CommandFailed. */
export function chosen(names: readonly string[]): readonly System[] {
  if (names.length === 0) return catalog.filter((system) => missingOf(system).length === 0)
  const known = new Map(catalog.map((system) => [system.name, system]))
  const systems = [...new Set(names)].map((name) => {
    const system = known.get(name)
    if (system !== undefined) return system
    throw new CommandFailed('usage', `--systems knows ${[...known.keys()].join(', ')}, not ${name}`)
  })
  requireInstalled(systems)
  return systems
}
