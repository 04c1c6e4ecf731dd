import { apply } from '../../src/meta/apply.ts'
import type { MetaCommand } from '../../src/meta/command.ts'
import type { MetaFailure, MetaOutcome } from '../../src/meta/meta-group.ts'
import type { MetaState } from '../../src/meta/meta-state.ts'
import type { NodeReport } from '../../src/meta/placement.ts'
import { NodeAdministration } from '../../src/node/node-administration.ts'
import type { Profile } from '../../src/node/cluster-file.ts'
import type { AdministrationDeps } from '../../src/node/node-administration.ts'
import { defaultOptions } from '../../src/node/options.ts'
import type { Options } from '../../src/node/options.ts'
import { seedState } from '../../src/meta/seed.ts'

/** Group 0 without a group: the real rules, applied at once. What a node sees of it may be held back. */
export class FakeMeta {
  #committed: MetaState
  #seen: MetaState
  readonly #listeners = new Set<(state: MetaState) => void>()
  /** While set, nothing is carried out and this is the answer. */
  failing: MetaFailure | null = null
  /** What is carried out is not seen until `catchUp`. */
  isBehind = false

  constructor(state: MetaState = foundedBy(1)) {
    this.#committed = state
    this.#seen = state
  }

  /** As this node sees it. */
  state(): MetaState {
    return this.#seen
  }

  submit(command: MetaCommand): Promise<MetaOutcome> {
    if (this.failing !== null) return Promise.resolve({ ok: false, failed: this.failing })
    const { state, result } = apply(this.#committed, command)
    this.#committed = state as MetaState
    if (!this.isBehind) this.catchUp()
    return Promise.resolve(result)
  }

  catchUp(state = this.#committed): void {
    this.#committed = state
    if (this.#seen === state) return
    this.#seen = state
    for (const listener of this.#listeners) listener(state)
  }

  onChange(listener: (state: MetaState) => void): () => void {
    this.#listeners.add(listener)
    listener(this.#seen)
    return () => this.#listeners.delete(listener)
  }
}

/** Administration over a FakeMeta of the cluster `c1`, whose secret is `secret`. */
export function administrationOf(
  meta: FakeMeta,
  secret: Uint8Array,
  change: Partial<AdministrationDeps> & {
    readonly options?: Partial<Options>
    readonly profile?: Profile
  } = {},
): NodeAdministration {
  const { options, profile = 'development', ...deps } = change
  const cluster = {
    name: 'c',
    profile,
    partitions: 4,
    replicationFactor: 3,
    virtualNodes: 8,
    secret: { kind: 'inline', bytes: secret },
  } as const
  return new NodeAdministration({
    meta,
    config: { cluster, options: { ...defaultOptions(), ...options } },
    clusterId: 'c1',
    secret,
    reports: () => settledReports(meta.state()),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    ...deps,
  })
}

/** All nodes report, and every group is where the table wants it. */
export function settledReports(state: MetaState): Map<number, NodeReport> {
  const live = state.members.filter((it) => it.state !== 'removed').map((it) => it.index)
  const tableVersion = state.table.version
  const groups = [live, ...state.table.partitions.map(({ replicas }) => replicas)]
  const leads = groups.map((voters, group) => ({
    group,
    term: 1,
    conf: { voters, outgoing: [], learners: [], learnersNext: [], autoLeave: false },
    pending: false,
    sealed: true,
    commit: 9,
    members: voters.map((node) => ({
      node,
      match: 9,
      active: true,
      learner: false,
      snapshot: false,
    })),
  }))
  return new Map(
    live.map((node) => {
      const led = leads.filter((it) => it.conf.voters[0] === node)
      const holds = leads.filter((it) => it.conf.voters.includes(node)).map((it) => it.group)
      return [node, { node, bootId: 1, tableVersion, holds, leads: led }]
    }),
  )
}

/** The state of a cluster of n1, n2, … that has just begun. */
export function foundedBy(count: number): MetaState {
  return seedState({
    clusterId: 'c1',
    members: Array.from({ length: count }, (_, i) => ({
      name: `n${i + 1}`,
      address: `127.0.0.1:${7001 + i}`,
      clientAddress: `127.0.0.1:${6001 + i}`,
      zone: '',
    })),
    partitions: 4,
    replicationFactor: 3,
    vnodes: 8,
  })
}
