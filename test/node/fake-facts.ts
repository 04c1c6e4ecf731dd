import type { Administration } from '../../src/node/administration.ts'
import type { NodeFacts, Readiness } from '../../src/node/facts.ts'
import type { StartNode } from '../../src/node/running-node.ts'

/** Facts of a node that does not exist; `state` may be changed between requests. */
export function fakeFacts(state: { readiness: Readiness; drains: number }): NodeFacts {
  const partition = { partition: 3, replicas: ['n1', 'n2'], wished: 'n1', actual: 'n2', term: 9 }
  return {
    ready: () => state.readiness,
    status: () => ({
      node: { index: 1, name: 'n1', bootId: 'b1', version: '0.0.0', uptimeS: 1.5 },
      cluster: { id: 'id', name: 'c' },
      format: { reads: 1, cluster: 1 },
      members: [],
      groups: [],
      sessions: 4,
      topics: 2,
    }),
    ring: () => ({ version: 2, hash: 'abc', partitions: [partition] }),
    nodes: async () => ({ tableVersion: 2, moving: 0, nodes: [] }),
    locate: (topic) => ({ topic, ...partition }),
    digest: async () => ({ groups: [{ group: 3, applied: 7, digest: 'abc' }] }),
    drain: async () => {
      state.drains++
      state.readiness = { ready: false, reasons: ['draining'] }
    },
  }
}

/** Carries out nothing; `ok` to all. */
export const idleAdministration: Administration = {
  newToken: async (validForMs) => ({
    ok: true,
    value: { id: 'a'.repeat(12), token: 'join-x', expiresAtMs: validForMs },
  }),
  revokeToken: async () => ({ ok: true, value: null }),
  tokens: () => [],
  admit: async () => ({ ok: false, error: 'token-unknown', says: 'no such token' }),
  setState: async (_node, state) => ({ ok: true, value: state }),
  remove: async () => ({ ok: true, value: null }),
}

export interface FakeNode {
  readonly start: StartNode
  readonly calls: string[]
  readonly state: { readiness: Readiness; drains: number }
}

/** A node for tests of what surrounds one: it is ready at once and notes what it is told. */
export function fakeNode(
  behaviour: { failStart?: Error; drain?: () => Promise<void> } = {},
): FakeNode {
  const calls: string[] = []
  const state = { readiness: { ready: true, reasons: [] as string[] }, drains: 0 }
  return {
    calls,
    state,
    start: async () => {
      calls.push('start')
      if (behaviour.failStart !== undefined) throw behaviour.failStart
      return {
        facts: fakeFacts(state),
        administration: idleAdministration,
        drain: async () => {
          calls.push('drain')
          await behaviour.drain?.()
        },
        close: async () => void calls.push('close'),
      }
    },
  }
}
