import type { Entry, Index, Term } from '../../src/raft/entry.ts'
import type { Prng } from '../prng.ts'
import { encodeCommand, registerCount } from './replica-state.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { World } from './world.ts'

/** A write that waits at the leader that took it. */
interface Waiting {
  readonly term: Term
  readonly id: number
  readonly life: number
}

interface Read {
  readonly register: number
}

/** Writes and reads of registers, asked of whoever leads or seems to; each write is unique. */
export class Clients {
  acknowledged = 0
  readsAnswered = 0
  readonly #world: World
  readonly #random: Prng
  readonly #waiting = new Map<SimulatedNode, Map<Index, Waiting>>()
  readonly #reads = new Map<number, Read>()
  #lastId = 0
  #lastContext = 0

  constructor(world: World, random: Prng) {
    this.#world = world
    this.#random = random
  }

  start(): void {
    const { load } = this.#world.plan
    this.#every(load.proposalMs, () => this.#proposeSome())
    this.#every(load.readMs, () => this.read(this.#target()))
  }

  /** Asks `node` to write. What is not acknowledged may or may not have happened. */
  propose(node: SimulatedNode): void {
    const { checker, plan } = this.#world
    const id = ++this.#lastId
    const register = this.#random.below(registerCount)
    const data = encodeCommand({ id, register }, this.#random.below(plan.load.maxPayload))
    node.input((raft) => {
      const result = raft.propose(data)
      if (result.error !== undefined) {
        this.#world.counts.add(`propose: ${result.error}`)
        return
      }
      const { term, index } = result
      if (index <= checker.logs.lastCommitted) {
        // A deposed leader that does not know yet: its entry can never be committed.
        this.#world.counts.add('propose: to a deposed leader')
      }
      this.#waitingAt(node).set(index, { term, id, life: node.life })
    })
  }

  read(node: SimulatedNode): void {
    const { checker, counts } = this.#world
    const context = ++this.#lastContext
    node.input((raft) => {
      checker.clients.asked(context, checker.logs.lastCommitted)
      const { error } = raft.readIndex(context)
      if (error === undefined)
        this.#reads.set(context, { register: this.#random.below(registerCount) })
      else counts.add(`read: ${error}`)
    })
  }

  applied(node: SimulatedNode, { index, term }: Entry): void {
    const at = this.#waiting.get(node)
    const waiting = at?.get(index)
    if (at === undefined || waiting === undefined) return
    at.delete(index)
    if (waiting.term !== term || waiting.life !== node.life) {
      this.#world.counts.add('propose: another entry stands there')
      return
    }
    this.#world.checker.clients.acknowledged(index, term, waiting.id)
    this.acknowledged++
  }

  answered(node: SimulatedNode, context: number): void {
    const read = this.#reads.get(context)
    if (read === undefined) return
    this.#reads.delete(context)
    this.#world.checker.clients.answered(node.id, context, read.register, node.store.live)
    this.readsAnswered++
    this.#world.counts.add('read: confirmed')
  }

  #waitingAt(node: SimulatedNode): Map<Index, Waiting> {
    let at = this.#waiting.get(node)
    if (at === undefined) {
      at = new Map()
      this.#waiting.set(node, at)
    }
    return at
  }

  /** Independent events, with stretches in which nobody asks for anything. */
  #every(meanMs: number, act: () => void): void {
    const { queue, plan, electionMs } = this.#world
    const again = (): void => {
      if (this.#world.isHealed) return
      act()
      const isIdle = this.#random.chance((plan.load.idle * meanMs) / (4 * electionMs))
      queue.after(this.#random.exponential(isIdle ? 4 * electionMs : meanMs), again)
    }
    queue.after(this.#random.exponential(meanMs), again)
  }

  #proposeSome(): void {
    const node = this.#target()
    for (let i = this.#random.below(10) === 0 ? 8 : 1; i > 0; i--) this.propose(node)
  }

  /** Mostly one that believes it leads, also when it stands still or is cut off. */
  #target(): SimulatedNode {
    const all = [...this.#world.nodes.values()]
    const leaders = all.filter((node) => node.status()?.role === 'leader')
    return this.#random.pick(leaders.length > 0 && this.#random.chance(0.8) ? leaders : all)
  }
}
