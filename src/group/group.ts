import { assert, sometimes } from '../assert.ts'
import { faultPoint, planted } from '../fault-points.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { ConfChange } from '../raft/confchange.ts'
import { decodeConfChange } from '../raft/confchange.ts'
import type { RaftConfig } from '../raft/config.ts'
import type { ConfState, Entry, Index, RaftId, Term } from '../raft/entry.ts'
import { none } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import { message } from '../raft/message.ts'
import { Raft } from '../raft/raft.ts'
import type { Ready, Role } from '../raft/ready.ts'
import type { RaftStatus } from '../raft/status.ts'
import type { GroupLog } from '../store/group-log.ts'
import { Delivery } from './delivery.ts'
import { DiskWatch } from './disk-watch.ts'
import type { GroupSurroundings } from './group-surroundings.ts'
import { bestHeir } from './heir.ts'
import type { ReadDone } from './reads.ts'
import { Reads } from './reads.ts'
import type { StateMachine } from './state-machine.ts'
import { Stores } from './stores.ts'

export type ProposeOutcome = ReturnType<Raft['propose']>
export type ConfChangeOutcome = ReturnType<Raft['proposeConfChange']>

/** Readies of one group in one turn. More wait for the next turn, so that groups share the loop. */
const maxReadiesPerTurn = 8

/** One Raft group on this node: its core, its part of the log, and the machine it drives. */
export class Group {
  readonly id: GroupId
  /** Kept by the host: `turn` is due. */
  isDirty = false
  /** Given by the host: which one of those that it opened, from 1. */
  opened = 0
  readonly #around: GroupSurroundings
  readonly #machine: StateMachine
  readonly #raft: Raft
  readonly #log: GroupLog
  readonly #delivery: Delivery
  readonly #reads: Reads
  #role: Role = 'follower'
  #term: Term
  #lead: RaftId = none
  /** The term that the machine was told to lead; 0: none. */
  #leads: Term = 0
  /** Where this node's own first entry of the term stands, once committed; 0: not yet. */
  #leadsFrom: Index = 0
  #applied: Index
  readonly #diskWatch: DiskWatch
  readonly #stores: Stores
  #isReading = false
  #isClosed = false

  constructor(
    id: GroupId,
    machine: StateMachine,
    around: GroupSurroundings,
    config: Omit<RaftConfig, 'id' | 'applied'>,
  ) {
    this.id = id
    this.#around = around
    this.#machine = machine
    this.#log = around.log.group(id)
    const applied = machine.applied()
    this.#applied = applied
    // A machine that has not even taken the entry before the start has missed nothing.
    const from = Math.max(applied, this.#log.marker.index)
    this.#log.startAt(from)
    this.#stores = new Stores(id, around, (messages) => this.#stored(messages))
    this.#raft = new Raft({ ...config, id: around.node, applied: from }, this.#log)
    this.#term = this.#log.initialState().hardState.term
    this.#delivery = new Delivery(applied, (entries) => this.#machine.committed(entries))
    this.#diskWatch = new DiskWatch(config.electionTick)
    this.#reads = new Reads(() => around.nextReadContext(), 2 * config.electionTick)
    machine.follow(this.#term, none)
  }

  get isLeader(): boolean {
    return this.#role === 'leader'
  }

  get term(): Term {
    return this.#term
  }

  /** 0: nobody that is known. */
  get lead(): RaftId {
    return this.#lead
  }

  get isOpen(): boolean {
    return !this.#isClosed
  }

  /**
   * This node may have forgotten what it promised in this group, or had given it up: it does not vote
   * or stand until it is refilled (P11).
   */
  get isMuted(): boolean {
    return this.#stores.isMuted
  }

  get appliedIndex(): Index {
    return this.#applied
  }

  get log(): GroupLog {
    return this.#log
  }

  get machine(): StateMachine {
    return this.#machine
  }

  get delivery(): Delivery {
    return this.#delivery
  }

  /** `term` is the one in which the data was evaluated; in any other it is refused (GROUP-3). */
  propose(data: Uint8Array, term: Term): ProposeOutcome {
    let proposed: ProposeOutcome = { error: 'not-leader' }
    if (this.#role !== 'leader' || this.#term !== term || this.#isClosed) return proposed
    this.#around.guard(() => {
      proposed = this.#raft.propose(data)
      if (proposed.error !== undefined) return
      assert(proposed.term === term, 'GROUP-3', { asked: term, got: proposed.term })
      this.#around.dirty(this)
    })
    return proposed
  }

  /** Answered once: an index that is applied here, or null when it could not be confirmed. */
  readIndex(done: ReadDone): void {
    if (this.#isClosed) return done(null)
    if (planted('K10') && this.isLeader) return done(this.#applied)
    this.#reads.ask(done)
    this.#around.dirty(this)
  }

  /** The machine's store holds everything up to `index`. */
  applied(index: Index): void {
    if (this.#isClosed || index <= this.#applied) return
    this.#around.guard(() => {
      const { delivered } = this.#delivery
      assert(index <= delivered, 'GROUP-2', { index, delivered })
      this.#applied = index
      this.#raft.appliedTo(index)
      this.#delivery.appliedTo(index)
      this.#reads.appliedTo(index)
      this.#leadIfDue()
      this.#around.advanced(this)
      this.#around.dirty(this)
    })
  }

  transferLeader(to: RaftId): void {
    this.#raft.transferLeader(to)
    this.#around.dirty(this)
  }

  /** Stands now, without waiting for the election timeout. */
  campaign(): void {
    if (this.isMuted) return
    this.#raft.campaign()
    this.#around.dirty(this)
  }

  /**
   * Index and term of the change, or why there is none. One at a time: `pending-conf-change` until
   * the last one, and the first entry of this leader's term, are applied here.
   */
  proposeConfChange(change: ConfChange): ConfChangeOutcome {
    let proposed: ConfChangeOutcome = { error: 'not-leader' }
    if (this.#role !== 'leader' || this.#isClosed) return proposed
    this.#around.guard(() => {
      proposed = this.#raft.proposeConfChange(change)
      this.#around.dirty(this)
    })
    return proposed
  }

  /** Leader only: `proposeConfChange` would be refused, for one is under way. */
  get confPending(): boolean {
    return this.status().confPending
  }

  status(): RaftStatus {
    return this.#raft.status()
  }

  // --- what the host drives ---

  /** True, once per election timeout: the log, which all groups share, does not answer. */
  tick(): boolean {
    if (!this.isMuted) this.#raft.tick()
    this.#reads.tick()
    this.#around.dirty(this)
    return this.#diskWatch.tick(this.#stores.oldest)
  }

  /**
   * The disk hangs. Heartbeats would keep this leader in office for ever, though it can release
   * nothing (pitfall 32): somebody else takes over, for whom this node's vote is not needed.
   */
  handOver(): void {
    const heir = bestHeir(this.status())
    sometimes(true, 'group: a leader with a hanging disk handed over')
    this.#around.logger.warn(
      { group: this.id, heir },
      'the log does not answer; handing over the lead',
    )
    if (heir !== none) this.#raft.transferLeader(heir)
  }

  receive(m: Message): void {
    if (this.isMuted && wakesOrVotes(m)) return
    this.#raft.step(m)
    this.#around.dirty(this)
  }

  linkLost(id: RaftId): void {
    this.#raft.linkLost(id)
    this.#around.dirty(this)
  }

  snapshotSent(to: RaftId, ok: boolean): void {
    this.#raft.reportSnapshot(to, ok)
    this.#around.dirty(this)
  }

  /** Carries out what is outstanding. True: there is more, for the next turn. */
  turn(): boolean {
    if (this.#isClosed) return false
    this.#passStart()
    this.#reads.flush(this.#raft)
    for (let i = 0; i < maxReadiesPerTurn; i++) {
      if (!this.#raft.hasReady()) break
      this.#carryOut(this.#raft.ready())
    }
    this.#stores.settleInstalled(() => this.#raft.status().applied)
    this.#serveMissing()
    return this.#raft.hasReady()
  }

  /** The machine's rows were replaced by those of a snapshot, and it has read them. */
  installed(index: Index, stored: () => void): void {
    // Of what the core has handed out already, the machine will report nothing more.
    const handedOut = Math.min(index, this.#delivery.handedOut)
    this.#applied = index
    this.#delivery.reset(index)
    this.#stores.installed(index, stored)
    this.#raft.appliedTo(handedOut)
    this.#reads.appliedTo(index)
  }

  /** The core tries again what it could not read before; the step itself changes nothing. */
  askAgain(): void {
    if (this.#isClosed) return
    const { node } = this.#around
    this.#raft.step(message('propose', { from: node, to: node }))
    this.#around.dirty(this)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#leads !== 0) this.#machine.follow(this.#term, none)
    this.#leads = 0
    this.#reads.close()
    this.#delivery.close()
  }

  // --- one ready ---

  #carryOut(rd: Ready): void {
    this.#noteRole(rd)
    // Appends leave before this node's own write has ended (thesis 10.2.1).
    for (const m of rd.messages) this.#send(m)
    for (const m of this.#stores.put(rd)) this.#send(m)
    if (rd.committed.length > 0) this.#takeCommitted(rd)
    if (rd.reads.length > 0) this.#reads.confirm(rd.reads, this.#applied)
  }

  /** The machine hears of a lost term before it hears of what another term put in its place. */
  #noteRole({ role, term, lead }: Ready): void {
    if (role === this.#role && term === this.#term && lead === this.#lead) return
    const isSameLead = term === this.#term && lead === this.#lead
    const wasLeader = this.isLeader
    this.#role = role
    this.#term = term
    this.#lead = lead
    if (isSameLead) return
    this.#around.logger.debug({ group: this.id, role, term, lead }, 'the leader changed')
    const isReading = wasLeader && this.#reads.waiting > 0
    sometimes(isReading, 'group: lost the lead with reads waiting')
    const hadLed = this.#leads !== 0
    this.#leads = 0
    this.#leadsFrom = 0
    this.#reads.drop()
    // A fresh leader is told nothing before `lead`: it was told that it follows when it stood.
    if (role !== 'leader' || hadLed) this.#machine.follow(term, lead)
  }

  #send(m: Message): void {
    if (m.to !== this.#around.node) faultPoint('before-send')
    if (m.to === this.#around.node) this.#raft.step(m)
    else if (m.kind === 'snapshot') this.#around.sendSnapshot(this, m)
    else this.#around.post(this, m)
  }

  #stored(messages: readonly Message[]): void {
    if (this.#isClosed) return
    for (const m of messages) this.#send(m)
    this.#around.dirty(this)
  }

  #takeCommitted({ committed, role, term }: Ready): void {
    if (role === 'leader' && this.#leadsFrom === 0) {
      this.#leadsFrom = committed.find((entry) => entry.term === term)?.index ?? 0
    }
    let plain = 0
    for (let i = 0; i < committed.length; i++) {
      const entry = committed[i] as Entry
      if (entry.kind !== 'conf-change') continue
      this.#delivery.add(committed.slice(plain, i))
      this.#changeMembers(entry)
      plain = i + 1
    }
    this.#delivery.add(plain === 0 ? committed : committed.slice(plain))
    // Entries that a snapshot had brought already.
    const last = (committed[committed.length - 1] as Entry).index
    if (last <= this.#applied) this.#raft.appliedTo(last)
    this.#leadIfDue()
  }

  #changeMembers(entry: Entry): void {
    const change = decodeConfChange(entry.data)
    assert(change !== null, 'GROUP-4', { group: this.id, index: entry.index })
    const conf: ConfState = this.#raft.applyConfChange(change)
    faultPoint('config-apply')
    this.#around.logger.info({ group: this.id, index: entry.index, conf }, 'members changed')
    const ready = this.#delivery.addChange(entry)
    const step = {
      hardState: null,
      entries: [],
      snapshot: null,
      conf: { index: entry.index, conf },
    }
    this.#around.log.append(this.id, step, true, () => this.#around.guard(ready))
  }

  #leadIfDue(): void {
    const isDue = this.#leadsFrom > 0 && this.#applied >= this.#leadsFrom
    if (!isDue || this.#role !== 'leader' || this.#leads === this.#term || this.#isClosed) return
    this.#leads = this.#term
    this.#machine.lead(this.#term)
  }

  /** The first log of a group starts behind an entry that only says so; the machine gets one all the same. */
  #passStart(): void {
    const { index, term } = this.#log.marker
    if (this.#delivery.delivered >= index) return
    const data = new Uint8Array(0)
    this.#delivery.add([{ index, term, kind: 'normal', data }])
  }

  #serveMissing(): void {
    if (this.#log.takeSnapshotWanted()) this.#around.makeSnapshot(this)
    const missing = this.#log.takeMissing()
    if (missing === null || this.#isReading) return
    this.#isReading = true
    this.#around.log.load(this.id, missing.lo, missing.hi).then(
      () => {
        this.#isReading = false
        this.#around.guard(() => this.askAgain())
      },
      () => {
        this.#isReading = false // the log is broken and has told the node
      },
    )
  }
}

/** Whatever makes a muted node stand or vote. */
function wakesOrVotes(m: Message): boolean {
  return m.kind === 'vote' || m.kind === 'pre-vote' || m.kind === 'timeout-now'
}
