import type { MetaState } from '../../src/meta/meta-state.ts'
import { seedState } from '../../src/meta/seed.ts'
import type { Seed } from '../../src/meta/seed.ts'

/** A seed of `count` nodes on loopback. */
export function seedOf(count: number): Seed {
  return {
    clusterId: 'test',
    members: Array.from({ length: count }, (_, i) => ({
      name: `node-${i + 1}`,
      address: `127.0.0.1:${7001 + i}`,
      clientAddress: `127.0.0.1:${6001 + i}`,
      zone: '',
    })),
    partitions: 64,
    replicationFactor: 3,
    vnodes: 128,
  }
}

/** Its state, frozen to the bottom: whoever edits it throws. */
export function frozenState(count = 3): MetaState {
  return deepFreeze(seedState(seedOf(count)))
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
