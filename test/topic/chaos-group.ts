import type { NodeIndex } from '../../src/ids/node-index.ts'
import type { Partition } from '../../src/partition/partition.ts'
import type { Entry } from '../../src/raft/entry.ts'
import type { ChaosTime, Dice } from './chaos-time.ts'

/** One replica in one life of its node, as the machine on it sees the group. */
export interface Replica {
  readonly node: NodeIndex
  readonly alive: () => boolean
  partition: Partition
  term: number
  leads: boolean
  /** Index of its own first entry in the term; the machine leads once that is applied. */
  leadsFrom: number
  ledTold: boolean
  delivered: number
  applied: number
  /** Last index of a deposed leader that does not know it yet. */
  ghost: number
  /** Proposals are refused: it hands over, or tries to. */
  transferring: boolean
  reads: { index: number; confirmed: boolean; done: (index: number | null) => void }[]
}

/**
 * A replicated log as its machines see it: commits come late, leaders change with a tail that may
 * or may not survive, a deposed leader goes on proposing until it hears of the new term, and a new
 * one leads when it has applied all that is before.
 */
export class ChaosGroup {
  readonly id: number
  term = 0
  lead: NodeIndex = 0
  log: Entry[] = []
  committed = 0
  stalled = false
  readonly replicas = new Map<NodeIndex, Replica>()
  /** Told of every entry when it commits. */
  onCommit: (group: number, entry: Entry) => void = () => {}
  calm = false
  readonly #time: ChaosTime
  readonly #dice: Dice

  constructor(id: number, time: ChaosTime, dice: Dice) {
    this.id = id
    this.#time = time
    this.#dice = dice
  }

  join(node: NodeIndex, applied: number, alive: () => boolean): Replica {
    const replica: Replica = {
      node,
      alive,
      partition: undefined as unknown as Partition,
      term: 0,
      leads: false,
      leadsFrom: 0,
      ledTold: false,
      delivered: applied,
      applied,
      ghost: 0,
      transferring: false,
      reads: [],
    }
    this.replicas.set(node, replica)
    return replica
  }

  /** The machine is there: it follows, and replays what it has not applied. */
  begin(replica: Replica): void {
    replica.partition.follow(0, 0)
    this.#time.after(this.#delay(200), () => this.#hear(replica))
  }

  get leader(): Replica | undefined {
    const replica = this.replicas.get(this.lead)
    return replica?.leads === true && replica.term === this.term && replica.alive()
      ? replica
      : undefined
  }

  elect(node: NodeIndex): void {
    const replica = this.replicas.get(node)
    if (replica === undefined || !replica.alive()) return
    const old = this.leader
    if (old !== undefined) old.ghost = this.log.length
    const tail = this.log.length - this.committed
    if (old !== replica) this.log.length = this.committed + this.#dice.below(tail + 1)
    this.term++
    this.lead = node
    this.#follow(replica)
    replica.leads = true
    this.log.push({
      index: this.log.length + 1,
      term: this.term,
      kind: 'normal',
      data: new Uint8Array(0),
    })
    replica.leadsFrom = this.log.length
    for (const other of this.replicas.values()) {
      if (other === replica) continue
      const slow = this.#dice.chance(20) ? 1_500 : 50
      this.#time.after(this.#delay(slow), () => this.#hear(other))
    }
    this.#commitLater()
  }

  propose(replica: Replica, data: Uint8Array, term: number) {
    if (!replica.leads || term !== replica.term) return { error: 'not-leader' }
    if (replica.transferring) return { error: 'transferring' }
    if (this.leader !== replica) return { index: ++replica.ghost, term }
    const index = this.log.length + 1
    this.log.push({ index, term, kind: 'normal', data: Uint8Array.from(data) })
    this.#commitLater()
    return { index, term }
  }

  readIndex(replica: Replica, done: (index: number | null) => void): void {
    const read = { index: this.committed, confirmed: false, done }
    replica.reads.push(read)
    const isLost = !this.calm && this.#dice.chance(5)
    this.#time.after(this.#delay(20), () => {
      if (!replica.alive() || !replica.reads.includes(read)) return
      if (isLost) return this.#drop(replica, read)
      if (this.leader === replica) {
        read.confirmed = true
        this.#answerReads(replica)
      } else this.#time.after(800, () => this.#drop(replica, read))
    })
  }

  applied(replica: Replica, index: number): void {
    replica.applied = Math.max(replica.applied, index)
    this.#leadIfDue(replica)
    this.#answerReads(replica)
  }

  commit(): void {
    if (this.stalled || this.leader === undefined) return
    while (this.committed < this.log.length) {
      this.onCommit(this.id, this.log[this.committed++] as Entry)
    }
    for (const replica of this.replicas.values()) {
      if (replica === this.leader) this.#deliver(replica)
      else this.#time.after(this.#delay(60), () => this.#deliver(replica))
    }
  }

  #commitLater(): void {
    const { term } = this
    this.#time.after(this.#delay(25), () => {
      if (this.term === term) this.commit()
    })
  }

  /** The replica learns of the term as it is now, and then of what has committed. */
  #hear(replica: Replica): void {
    if (!replica.alive() || this.replicas.get(replica.node) !== replica) return
    if (replica.term < this.term) this.#follow(replica)
    this.#deliver(replica)
  }

  #follow(replica: Replica): void {
    const known = replica.term
    replica.term = this.term
    replica.leads = false
    const hadLed = replica.ledTold
    replica.ledTold = false
    replica.leadsFrom = 0
    replica.transferring = false
    for (const { done } of replica.reads.splice(0)) done(null)
    // A fresh leader is told nothing before `lead`, unless it led before.
    if (this.lead !== replica.node || hadLed || known === 0)
      replica.partition.follow(this.term, this.lead)
  }

  #deliver(replica: Replica): void {
    if (!replica.alive() || replica.term !== this.term) return
    const entries = this.log.slice(replica.delivered, this.committed)
    if (entries.length === 0) return
    const cut = this.#dice.chance(20) ? 1 + this.#dice.below(entries.length) : entries.length
    replica.delivered += cut
    replica.partition.committed(entries.slice(0, cut))
    this.#leadIfDue(replica)
    if (cut < entries.length) this.#time.soon(() => this.#deliver(replica))
  }

  #leadIfDue(replica: Replica): void {
    if (!replica.leads || replica.ledTold || replica.term !== this.term) return
    if (replica.applied < replica.leadsFrom || this.committed < replica.leadsFrom) return
    replica.ledTold = true
    replica.partition.lead(replica.term)
  }

  #answerReads(replica: Replica): void {
    const ripe = replica.reads.filter((r) => r.confirmed && r.index <= replica.applied)
    if (ripe.length === 0) return
    replica.reads = replica.reads.filter((r) => !ripe.includes(r))
    for (const { done, index } of ripe) done(index)
  }

  #drop(replica: Replica, read: Replica['reads'][number]): void {
    if (!replica.alive() || !replica.reads.includes(read)) return
    replica.reads = replica.reads.filter((other) => other !== read)
    read.done(null)
  }

  /** Mostly short, now and then long, up to `ms` times five. */
  #delay(ms: number): number {
    if (this.calm) return this.#dice.below(5)
    return this.#dice.below(this.#dice.chance(5) ? ms * 5 + 1 : ms + 1)
  }
}
