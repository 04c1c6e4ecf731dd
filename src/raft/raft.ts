import { assert } from '../assert.ts'
import type { RaftConfig } from './config.ts'
import { checkConfig } from './config.ts'
import type { ConfChange } from './confchange.ts'
import type { ConfState, Entry, Index, RaftId } from './entry.ts'
import { none } from './entry.ts'
import {
  becomeFollower,
  campaign,
  takeOver,
  onVoteRequest,
  onVoteResponse,
  refuseVote,
  sticksToLeader,
} from './election.ts'
import { checkInvariants } from './invariants.ts'
import type { ConfChangeProposeResult, ProposeResult } from './membership.ts'
import {
  applyConfChange,
  leaveIfDue,
  leaveJointIfDue,
  propose,
  proposeConfChange,
} from './membership.ts'
import type { Message } from './message.ts'
import { refuseAppend } from './outbox.ts'
import type { ReadIndexResult } from './read-index.ts'
import {
  askRead,
  onReadConfirmed,
  onReadIndex,
  onReadIndexResponse,
  startReadRound,
} from './read-index.ts'
import type { ReadState, Ready } from './ready.ts'
import {
  onAppend,
  onAppendResponse,
  onHeartbeat,
  onHeartbeatResponse,
  releaseUncommitted,
  sendAppends,
} from './replication.ts'
import { onSnapshot } from './snapshot.ts'
import { Core, drawElectionTimeout, hardStateOf } from './state.ts'
import type { LeaderState } from './state.ts'
import type { RaftStatus } from './status.ts'
import { statusOf } from './status.ts'
import { askForCompletion, onSnapshotStored, onStored } from './stored.ts'
import type { StorageView } from './storage-view.ts'
import { Unavailable } from './storage-view.ts'
import { tickFollower, tickLeader } from './tick.ts'
import { continueTransfer, forwardTransfer, startTransfer } from './transfer.ts'

/** Campaigns after a broken connection that follow each other within about half an election timeout. */
const hastyCampaigns = 3

const noMessages: readonly Message[] = []
const noEntries: readonly Entry[] = []
const noReads: readonly ReadState[] = []

const termless: ReadonlySet<Message['kind']> = new Set([
  'propose',
  'read-index',
  'transfer-leader',
  'forget-leader',
])

/**
 * One member of one Raft group. Inputs go in by the methods, everything that follows from them
 * comes out of `ready()`. Nothing waits, nothing is read from a clock; a given sequence of inputs
 * and random numbers gives the same outputs.
 *
 * Behaves as etcd/raft with asynchronous storage; see docs/internals/raft.md for the differences.
 */
export class Raft {
  readonly #core: Core

  constructor(config: RaftConfig, storage: StorageView) {
    checkConfig(config)
    this.#core = new Core(config, storage)
  }

  /** One unit of time. After a stall call it once, not once for each missed tick. */
  tick(): void {
    const core = this.#core
    this.#retryReads()
    if (core.leader === null) tickFollower(core)
    else tickLeader(core, core.leader)
  }

  /** A message from another member, or one of `afterStore` to this node itself, once that is durable. */
  step(m: Message): void {
    this.#retryReads()
    const { term } = this.#core
    if (m.term > term) this.#stepNewer(m)
    else if (m.term < term && !this.#isOfNoTerm(m)) this.#stepOlder(m)
    else this.#stepCurrent(m)
  }

  /** Stands now, without waiting for the election timeout. */
  campaign(): void {
    campaign(this.#core, this.#core.config.preVote ? 'pre' : 'real', 'asked')
  }

  /** Where `data` will stand in the log if this leader's term lasts. Anything else that lands there is not it. */
  propose(data: Uint8Array): ProposeResult {
    return propose(this.#core, data)
  }

  /** At most one change is under way. See confchange.ts for what the errors mean. */
  proposeConfChange(change: ConfChange): ConfChangeProposeResult {
    return proposeConfChange(this.#core, change)
  }

  /**
   * To be called when a `conf-change` entry is applied, before `appliedTo`. Returns the members from
   * now on. A snapshot voids what was handed out before it: after `step`, take the ready first.
   */
  applyConfChange(change: ConfChange): ConfState {
    return applyConfChange(this.#core, change)
  }

  /** Hands leadership to a voter. Called off when it has not happened within an election timeout. */
  transferLeader(to: RaftId): void {
    const core = this.#core
    if (core.leader === null) forwardTransfer(core, to)
    else startTransfer(core, core.leader, to)
  }

  /** A follower gives up its leader without standing itself, and may vote for another at once. */
  forgetLeader(): void {
    if (this.#core.role === 'follower') this.#core.lead = none
  }

  /**
   * Asks for an index at which a linearizable read may be answered. `context` comes back with it in
   * `Ready.reads`; it must never be used for another read, not even after a restart. No answer comes
   * if the leader changes: the host gives up when it sees a new term.
   */
  readIndex(context: number): ReadIndexResult {
    return askRead(this.#core, context)
  }

  /** The connection broke or a message to `id` was dropped: what was under way is not to be relied on. */
  reportUnreachable(id: RaftId): void {
    const peer = this.#core.leader?.find(id) ?? null
    if (peer === null || id === this.#core.id) return
    if (peer.state === 'replicate') peer.becomeProbe()
  }

  /** How the sending of a snapshot to `id` ended. Until told, the leader sends nothing else there. */
  reportSnapshot(id: RaftId, ok: boolean): void {
    const peer = this.#core.leader?.find(id) ?? null
    if (peer === null || peer.state !== 'snapshot') return
    if (!ok) peer.pendingSnapshot = 0
    peer.becomeProbe()
    // It answers by itself when it has installed; if that is lost, the next heartbeat asks.
    peer.probeSent = true
  }

  /**
   * A hint that the connection to `id` broke. A leader probes again. A follower no longer counts the
   * leader as fresh: it grants votes to others, and stands for pre-vote after one to three ticks.
   */
  linkLost(id: RaftId): void {
    const core = this.#core
    this.reportUnreachable(id)
    if (core.role !== 'follower' || core.lead !== id || core.leaderSuspect) return
    core.leaderSuspect = true
    if (!core.config.preVote) return
    core.suspectTicks = 1 + core.config.random.below(3)
    core.hasteLeft = hastyCampaigns
  }

  /** True when `ready()` would have something in it. */
  hasReady(): boolean {
    const core = this.#core
    this.#send()
    if (core.messages.length > 0 || core.afterStore.length > 0 || core.reads.length > 0) return true
    if (core.log.unstable.hasNext) return true
    if (core.log.hasCommitted && !core.applyAwaitsRead) return true
    if (core.log.committed !== core.seenCommit || core.term !== core.seenTerm) return true
    return core.vote !== core.seenVote || core.role !== core.seenRole || core.lead !== core.seenLead
  }

  /** Takes everything outstanding. The next one may be taken before the disk is done with this one. */
  ready(): Ready {
    const core = this.#core
    const { log } = core
    this.#send()
    const committed = this.#takeCommitted()
    const entries = log.unstable.takeEntries()
    const snapshot = log.unstable.takeSnapshot()
    const isNewVote = core.term !== core.seenTerm || core.vote !== core.seenVote
    const mustSync = isNewVote || entries.length > 0 || snapshot !== null
    const hardState = isNewVote || log.committed !== core.seenCommit ? hardStateOf(core) : null
    if (mustSync) askForCompletion(core, snapshot)
    const ready: Ready = {
      role: core.role,
      lead: core.lead,
      term: core.term,
      hardState,
      entries,
      snapshot,
      mustSync,
      messages: core.messages.length > 0 ? core.messages : noMessages,
      afterStore: core.afterStore.length > 0 ? core.afterStore : noMessages,
      committed,
      reads: core.reads.length > 0 ? core.reads : noReads,
    }
    this.#forgetTaken()
    return ready
  }

  /** The host has applied everything up to `index`. */
  appliedTo(index: Index): void {
    const core = this.#core
    core.log.appliedTo(index)
    leaveJointIfDue(core)
    if (core.takesOver && core.role === 'follower') takeOver(core)
  }

  /** For hosts that store and apply `rd` before they take the next: both completions at once. */
  advance(rd: Ready): void {
    const { id } = this.#core
    for (const m of rd.afterStore) if (m.to === id) this.step(m)
    const last = rd.committed[rd.committed.length - 1]
    if (last !== undefined) this.appliedTo(last.index)
  }

  status(): RaftStatus {
    return statusOf(this.#core)
  }

  /** Throws when any invariant of the whole state is broken: for test drivers, after every step. */
  check(): void {
    checkInvariants(this.#core)
  }

  /** Wishes are of no term: whoever leads when they come may grant them. */
  #isOfNoTerm({ kind }: Message): boolean {
    // The mutant must not be found out by its healthy answers.
    if (kind === 'heartbeat-response') return this.#core.mutant === 'K23'
    return termless.has(kind)
  }

  #stepNewer(m: Message): void {
    const core = this.#core
    if (m.kind === 'vote' || m.kind === 'pre-vote') {
      if (sticksToLeader(core, m)) return
    }
    // A pre-vote is about a term that nobody has entered; a grant of one comes back with it.
    const isHypothetical = m.kind === 'pre-vote' || (m.kind === 'pre-vote-response' && !m.reject)
    if (!isHypothetical) {
      const { role, electionElapsed } = core
      becomeFollower(core, m.term, isFromLeader(m) ? m.from : none)
      // A vote that is refused must not quieten this node: only the grant starts its timer anew.
      if (m.kind === 'vote' && role !== 'leader') core.electionElapsed = electionElapsed
    }
    this.#stepCurrent(m)
  }

  /** Whoever is behind is told so, or it would stay behind: its own requests are refused by stickiness. */
  #stepOlder(m: Message): void {
    const core = this.#core
    if (isFromLeader(m)) refuseAppend(core, m.from, m.index, { index: 0, term: 0 })
    else if (m.kind === 'pre-vote' || m.kind === 'vote') refuseVote(core, m)
    else if (m.kind === 'storage-append-response') onSnapshotStored(core, m)
  }

  #stepCurrent(m: Message): void {
    const core = this.#core
    switch (m.kind) {
      case 'append':
      case 'heartbeat':
      case 'snapshot':
        this.#onLeader(m)
        return
      case 'vote':
      case 'pre-vote':
        onVoteRequest(core, m)
        return
      case 'vote-response':
      case 'pre-vote-response':
        onVoteResponse(core, m)
        return
      case 'storage-append-response':
        onStored(core, m)
        return
      case 'timeout-now':
        if (core.role === 'follower') takeOver(core)
        return
      case 'read-index-response':
        onReadIndexResponse(core, m)
        return
      case 'transfer-leader':
        if (core.leader !== null) startTransfer(core, core.leader, m.context)
        return
      case 'forget-leader':
        this.forgetLeader()
        return
      case 'append-response':
      case 'heartbeat-response':
      case 'read-index':
        if (core.leader !== null) this.#onFollower(core.leader, m)
        return
      case 'propose': // the proposer must evaluate at the leader: not forwarded, not taken
        return
    }
  }

  #onLeader(m: Message): void {
    const core = this.#core
    assert(core.role !== 'leader', 'RAFT-15', { term: core.term, other: m.from })
    assert(core.lead === none || core.lead === m.from, 'RAFT-15', {
      lead: core.lead,
      other: m.from,
    })
    if (core.role !== 'follower') becomeFollower(core, m.term, m.from)
    core.lead = m.from
    core.electionElapsed = 0
    core.leaderSuspect = false
    core.suspectTicks = 0
    core.takesOver = false
    if (core.hasteLeft > 0) {
      core.hasteLeft = 0
      drawElectionTimeout(core)
    }
    if (m.kind === 'append') onAppend(core, m)
    else if (m.kind === 'heartbeat') onHeartbeat(core, m)
    else onSnapshot(core, m)
  }

  #onFollower(leader: LeaderState, m: Message): void {
    const core = this.#core
    if (m.kind === 'read-index') {
      onReadIndex(core, leader, m)
      return
    }
    if (m.kind === 'append-response') {
      onAppendResponse(core, leader, m)
      continueTransfer(core, leader, m.from)
      leaveIfDue(core, leader)
      return
    }
    const peer = leader.find(m.from)
    if (peer === null) return
    onHeartbeatResponse(core, leader, peer)
    onReadConfirmed(core, leader, peer, m.context)
  }

  #takeCommitted(): readonly Entry[] {
    const core = this.#core
    if (core.applyAwaitsRead) return noEntries
    try {
      const committed = core.log.takeCommitted()
      if (core.leader !== null && committed.length > 0) releaseUncommitted(core.leader, committed)
      return committed
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      core.applyAwaitsRead = true
      return noEntries
    }
  }

  #forgetTaken(): void {
    const core = this.#core
    if (core.messages.length > 0) core.messages = []
    if (core.afterStore.length > 0) core.afterStore = []
    if (core.reads.length > 0) core.reads = []
    core.ackSlot = -1
    core.seenTerm = core.term
    core.seenVote = core.vote
    core.seenCommit = core.log.committed
    core.seenRole = core.role
    core.seenLead = core.lead
  }

  /** What was put off so that several steps share one message. */
  #send(): void {
    const core = this.#core
    if (!core.sendDue || core.leader === null) return
    core.sendDue = false
    startReadRound(core, core.leader)
    sendAppends(core, core.leader)
  }

  #retryReads(): void {
    const core = this.#core
    core.applyAwaitsRead = false
    if (!core.awaitsRead) return
    core.awaitsRead = false
    core.sendDue = true
  }
}

function isFromLeader(m: Message): boolean {
  return m.kind === 'append' || m.kind === 'heartbeat' || m.kind === 'snapshot'
}
