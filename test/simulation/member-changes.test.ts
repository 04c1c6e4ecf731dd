import { describe, expect, test } from 'vitest'
import type { ConfChangeStep } from '../../src/raft/confchange.ts'
import { changed, encodeConfChange } from '../../src/raft/confchange.ts'
import type { ConfState, Entry } from '../../src/raft/entry.ts'
import {
  confsInPlay,
  knownAfterCrash,
  knownNow,
} from '../../jepsen-lite/simulation/member-changes.ts'
import { Narrative } from '../../jepsen-lite/simulation/narrative.ts'
import type { Plan } from '../../jepsen-lite/simulation/plan.ts'
import { drawPlan } from '../../jepsen-lite/simulation/plan.ts'
import type { SimulatedNode } from '../../jepsen-lite/simulation/simulated-node.ts'
import { World } from '../../jepsen-lite/simulation/world.ts'

const transition = 'auto'
const context = new Uint8Array(0)

/** One founder whose core does nothing, so that nothing but the test changes what it holds. */
class Founder {
  readonly world: World
  readonly node: SimulatedNode
  #conf: ConfState
  #index = 1

  constructor() {
    const plan: Plan = { ...drawPlan(1), size: 1, mutant: null }
    this.world = new World(plan, new Narrative(0, null))
    this.node = this.world.nodes.get(1) as SimulatedNode
    this.node.raft = null
    this.#conf = this.node.store.live.conf
  }

  /** Appends and applies a change; nothing of it is durable. */
  change(kind: ConfChangeStep['kind'], id: number): void {
    const change = { transition, steps: [{ kind, id }], context } as const
    const data = encodeConfChange(change)
    const entry: Entry = { index: ++this.#index, term: 1, kind: 'conf-change', data }
    this.node.disk.append(this.#step([entry], this.#index - 1), true, () => undefined)
    this.#conf = changed(this.#conf, change).conf as ConfState
    this.node.store.apply(entry, this.#conf)
    this.world.checker.clients.applied(1, entry, this.node.store.live)
  }

  /** Members that are counted on, by set. */
  counted(known: (node: SimulatedNode) => number): string[] {
    return [...new Set(confsInPlay(this.world, known).map(({ voters }) => voters.join(' ')))].sort()
  }

  /** The log is durable, and with it the commit index as of the last entry. */
  syncLog(): void {
    this.node.disk.synced.step(this.#step([], this.#index - 1))
  }

  /** The log is durable, and it says that all of it is committed. */
  syncCommit(): void {
    this.node.disk.synced.step(this.#step([], this.#index))
  }

  #step(entries: readonly Entry[], commit: number) {
    return { hardState: { term: 1, vote: 1, commit }, entries, snapshot: null, conf: null }
  }
}

describe('sets of members in play', () => {
  test('who does not crash counts on the members of today', () => {
    const founder = new Founder()
    founder.change('add-voter', 2)
    founder.change('remove', 2)
    expect(founder.counted(knownNow)).toEqual(['1'])
  })

  test('a crash may bring back any members since the last sync, also ones that came and went', () => {
    const founder = new Founder()
    founder.change('add-voter', 2)
    founder.change('remove', 2)
    expect(founder.counted(knownAfterCrash)).toEqual(['1', '1 2'])
  })

  test('the entry of the removal does not prove it; the commit index behind it does', () => {
    const founder = new Founder()
    founder.change('add-voter', 2)
    founder.change('remove', 2)
    founder.syncLog()
    expect(founder.counted(knownAfterCrash)).toEqual(['1', '1 2'])
    founder.syncCommit()
    expect(founder.counted(knownAfterCrash)).toEqual(['1'])
  })

  test('a synced state proves it as well', () => {
    const founder = new Founder()
    founder.change('add-voter', 2)
    founder.change('remove', 2)
    founder.node.store.sync()
    expect(founder.counted(knownAfterCrash)).toEqual(['1'])
  })
})
