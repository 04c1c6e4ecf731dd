import { changed } from '../../src/raft/confchange.ts'
import type { ConfState } from '../../src/raft/entry.ts'
import { committedIndex } from '../../src/raft/quorum.ts'
import type { ChangeOrder, LedGroup } from '../../src/meta/placement.ts'

/** What a node has of a group on its disk. */
export interface Copy {
  /** It holds everything up to here. */
  last: number
  /** The newest term that it knows of; outlives the copy's rows. */
  term: number
}

export interface ToyNode {
  readonly index: number
  isUp: boolean
  bootId: number
  tableVersion: number
  readonly copies: Map<number, Copy>
  /** Terms of groups that were dropped here. */
  readonly terms: Map<number, number>
}

/**
 * A Raft group reduced to what placement can see and break: members, terms, how much of the log each
 * node has, and changes that take effect when a quorum has them.
 */
export class ToyGroup {
  readonly id: number
  conf: ConfState
  term = 1
  /** 0: nobody. */
  leader: number
  last = 1
  commit = 1
  change: { readonly at: number; readonly conf: ConfState } | null = null
  /** What the leader counts for each member, since it leads or since the member came. */
  match = new Map<number, number>()
  readonly #nodes: ReadonlyMap<number, ToyNode>
  #voters: number[] = []
  #members: number[] = []

  constructor(id: number, conf: ConfState, nodes: ReadonlyMap<number, ToyNode>) {
    this.id = id
    this.conf = conf
    this.#sort()
    this.#nodes = nodes
    this.leader = conf.voters[0]!
    for (const node of conf.voters) this.match.set(node, 1)
  }

  /** One round: an election if it is due, appends, what is committed, a change that takes effect. */
  step(random: () => number, writes: number): void {
    if (!this.#hasQuorum()) {
      if (!this.#isUp(this.leader)) this.leader = 0
      return
    }
    if (this.leader === 0 || !this.#isUp(this.leader) || !this.#votes(this.leader))
      this.elect(random)
    if (this.leader === 0) return
    this.last += writes
    this.#replicate(random)
    if (this.change !== null && this.commit >= this.change.at) this.#adopt(this.change.conf)
    else if (this.change === null && this.conf.outgoing.length > 0 && this.conf.autoLeave) {
      this.#propose([])
    }
  }

  /** The voter with the longest log: it has all that is committed. A change that it lacks is lost. */
  elect(random: () => number, to = 0): void {
    const able = this.#voters.filter((node) => this.#isUp(node) && this.#copy(node) !== undefined)
    const longest = Math.max(...able.map((node) => this.#copy(node)!.last))
    const heirs = able.filter((node) => this.#copy(node)!.last === longest)
    const heir = heirs.includes(to) ? to : heirs[Math.floor(random() * heirs.length)]
    if (heir === undefined || longest < this.commit) {
      throw new Error(`group ${this.id} lost what was committed: ${longest} of ${this.commit}`)
    }
    // What a copy has beyond the new leader's log is replaced by it, sooner or later.
    for (const { copies } of this.#nodes.values()) {
      const copy = copies.get(this.id)
      if (copy !== undefined) copy.last = Math.min(copy.last, longest)
    }
    this.term++
    this.leader = heir
    this.last = longest + 1
    this.match = new Map()
    if (this.change !== null && this.change.at > longest) this.change = null
    const copy = this.#copy(heir)!
    copy.last = this.last
    copy.term = this.term
  }

  /** The leader carries out an order, under the conditions that it names. */
  obey(order: ChangeOrder): void {
    const node = this.#nodes.get(order.to)
    if (this.leader !== order.to || this.term !== order.term || node?.isUp !== true) return
    if (this.change !== null || node.tableVersion !== order.tableVersion) return
    if (JSON.stringify(this.conf) !== JSON.stringify(order.conf)) return
    this.#propose(order.steps)
  }

  seenByLeader(random: () => number): LedGroup {
    const { id, term, conf, commit } = this
    const members = this.#members.map((node) => {
      const match = node === this.leader ? this.last : (this.match.get(node) ?? 0)
      // Now and then the leader has just asked everybody and heard nobody.
      const active = this.#isUp(node) && random() < 0.97
      return { node, match, active, learner: conf.learners.includes(node), snapshot: match === 0 }
    })
    return { group: id, term, conf, pending: this.change !== null, sealed: true, commit, members }
  }

  #propose(steps: ChangeOrder['steps']): void {
    const context = new Uint8Array(0)
    const { conf } = changed(this.conf, { transition: 'auto', steps, context })
    if (conf === undefined) throw new Error(`group ${this.id} cannot do ${JSON.stringify(steps)}`)
    this.last++
    this.change = { at: this.last, conf }
  }

  #adopt(conf: ConfState): void {
    this.conf = conf
    this.#sort()
    this.change = null
    for (const node of this.match.keys()) {
      if (!this.#members.includes(node)) this.match.delete(node)
    }
    if (!this.#votes(this.leader)) this.leader = 0
  }

  #replicate(random: () => number): void {
    for (const node of this.#members) {
      const copy = this.#copy(node)
      if (copy === undefined || !this.#isUp(node)) continue
      if (node !== this.leader && random() < 0.3) continue
      // A leader that was wrong about what a node has could lose data.
      const counted = this.match.get(node) ?? 0
      if (counted > copy.last)
        throw new Error(`group ${this.id}: ${node} lost what it acknowledged`)
      // New copies need some rounds; who is behind goes in steps.
      copy.last = Math.min(this.last, copy.last + 1 + Math.floor(random() * 40))
      copy.term = this.term
      this.match.set(node, copy.last)
    }
    const { voters, outgoing } = this.conf
    const index = committedIndex(voters, outgoing, this.match)
    this.commit = Math.max(this.commit, Math.min(index, this.last))
  }

  #hasQuorum(): boolean {
    const most = (ids: readonly number[]) =>
      ids.length === 0 || ids.filter((it) => this.#isUp(it)).length * 2 > ids.length
    return most(this.conf.voters) && most(this.conf.outgoing)
  }

  #sort(): void {
    const { voters, outgoing, learners } = this.conf
    this.#voters = [...new Set([...voters, ...outgoing])]
    this.#members = [...new Set([...this.#voters, ...learners])]
  }

  #votes(node: number): boolean {
    return this.#voters.includes(node)
  }

  #isUp(node: number): boolean {
    return this.#nodes.get(node)?.isUp === true
  }

  #copy(node: number): Copy | undefined {
    return this.#nodes.get(node)?.copies.get(this.id)
  }
}
