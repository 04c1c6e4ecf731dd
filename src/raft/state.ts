import { assert } from '../assert.ts'
import type { CampaignCause, RaftConfig, RaftEvent } from './config.ts'
import { isVoter, members, restore } from './confchange.ts'
import type { ConfState, HardState, Index, RaftId, Term } from './entry.ts'
import { none } from './entry.ts'
import { Inflights } from './inflights.ts'
import { RaftLog } from './log.ts'
import type { Message } from './message.ts'
import type { Mutant } from './mutants.ts'
import { parseMutant } from './mutants.ts'
import { Progress } from './progress.ts'
import type { ReadState, Role } from './ready.ts'
import type { StorageView } from './storage-view.ts'

/** A read that waits at the leader; `from` is whoever asked, perhaps the leader itself. */
export interface ReadRequest {
  readonly from: RaftId
  readonly context: number
}

/** Reads that one broadcast of heartbeats confirms. */
export interface ReadRound {
  readonly round: number
  readonly index: Index
  readonly requests: readonly ReadRequest[]
}

/** What only a leader has. Made anew for each term, so that nothing of an older one can be counted. */
export class LeaderState {
  /** Ascending by id; the leader itself is in it while it is a member. A handful: scans beat a map. */
  peers: Progress[] = []
  /** The leader's own progress; null once it is no member. */
  own: Progress | null = null
  /** Index of the empty entry that opened the term. From here on entries are the leader's own. */
  readonly termStart: Index
  /** No change of members may be proposed before this index is applied. */
  pendingConfIndex: Index
  /** Who leadership is being handed to; none: nobody. */
  transferee: RaftId = none
  /** Payload bytes proposed and not yet handed out as committed. */
  uncommittedBytes = 0
  heartbeatElapsed = 0
  /** No voter any more: it goes as soon as the others can go on without it. */
  isLeaving = false
  /** Reads asked for and not yet in a round: those before the first commit of the term wait here. */
  waitingReads: ReadRequest[] = []
  /** Rounds whose confirmation is under way, oldest first. */
  readRounds: ReadRound[] = []
  pendingReadCount = 0
  readonly matches = { get: (id: RaftId): Index | undefined => this.find(id)?.match }
  readonly knownCommits = { get: (id: RaftId): Index | undefined => this.find(id)?.knownCommit }
  readonly readAcks = { get: (id: RaftId): number | undefined => this.find(id)?.readAcked }
  readonly actives = { get: (id: RaftId): boolean | undefined => this.find(id)?.recentActive }

  constructor(termStart: Index) {
    this.termStart = termStart
    this.pendingConfIndex = termStart
  }

  find(id: RaftId): Progress | null {
    for (const peer of this.peers) if (peer.id === id) return peer
    return null
  }
}

/** The state of one member of one group, as data. The other files of this room are what may happen to it. */
export class Core {
  readonly id: RaftId
  readonly config: RaftConfig
  readonly mutant: Mutant | null
  readonly storage: StorageView
  readonly log: RaftLog

  term: Term
  vote: RaftId
  lead: RaftId = none
  role: Role = 'follower'
  conf: ConfState
  /** A voter in either half of `conf`. */
  isVoter: boolean

  /** Ticks since the leader was heard (follower), the quorum was checked (leader), or the campaign began. */
  electionElapsed = 0
  /** In [electionTick, 2 × electionTick), drawn anew for each campaign. */
  electionTimeout = 0
  /** The connection to the leader broke: it no longer counts as fresh. */
  leaderSuspect = false
  /** Ticks until a follower that suspects its leader stands; 0: it does not. */
  suspectTicks = 0

  /** Campaigns that are repeated soon if they fail: the leader is gone rather than slow, and rivals stood at once. */
  hasteLeft = 0

  /** Of the newest campaign. For `trace` only. */
  cause: CampaignCause = 'timeout'

  /** Told to take leadership over, and waiting to have applied a change of members first. */
  takesOver = false

  leader: LeaderState | null = null
  /** Candidates: who answered what. Only the voters' answers count. */
  votes = new Map<RaftId, boolean>()
  /** Granting messages, duplicates included: of interest to mutant K9 only. */
  grantMessages = 0
  /** Never reused, not even in another term: a late confirmation can only be of an older round. */
  readRound = 0

  /** Appends, heartbeats or reads may be due at the next ready. */
  sendDue = false
  /** Something could not be had without waiting; tried again at the next tick or step. */
  awaitsRead = false
  applyAwaitsRead = false
  messages: Message[] = []
  afterStore: Message[] = []
  /** Where in `afterStore` the acknowledgement to the leader stands; -1: nowhere. */
  ackSlot = -1
  reads: ReadState[] = []

  /** As of the last ready. */
  seenTerm: Term
  seenVote: RaftId
  seenCommit: Index
  seenRole: Role = 'follower'
  seenLead: RaftId = none

  constructor(config: RaftConfig, storage: StorageView) {
    const { hardState, conf } = storage.initialState()
    const normal = restore(conf)
    assert(normal !== null, 'RAFT-10', { conf })
    this.id = config.id
    this.config = config
    this.mutant = parseMutant(config.mutant)
    this.storage = storage
    this.log = new RaftLog(storage, hardState.commit, config.applied, config)
    this.term = hardState.term
    this.vote = hardState.vote
    this.conf = normal
    this.isVoter = isVoter(normal, this.id)
    this.seenTerm = this.term
    this.seenVote = this.vote
    this.seenCommit = hardState.commit
    assert(this.term >= this.log.lastTerm, 'RAFT-9', { term: this.term, last: this.log.lastTerm })
    drawElectionTimeout(this)
  }
}

export function drawElectionTimeout(core: Core): void {
  const { electionTick, random } = core.config
  if (core.hasteLeft > 0 && core.lead === none) {
    core.electionTimeout = 2 + random.below(Math.max(1, electionTick >> 1))
    return
  }
  core.electionTimeout = electionTick + random.below(electionTick)
}

export function trace(core: Core, event: RaftEvent): void {
  core.config.trace?.(event)
}

/** Takes `conf` as the members from now on. The leader's bookkeeping follows in membership.ts. */
export function adoptConf(core: Core, conf: ConfState): void {
  core.conf = conf
  core.isVoter = isVoter(conf, core.id)
  trace(core, { kind: 'conf', conf })
}

/** Progress for each member that has none. `next`: where to start with those. */
export function trackMembers(core: Core, leader: LeaderState, next: Index): void {
  const ids = members(core.conf)
  leader.peers = ids.map((id) => leader.find(id) ?? newProgress(core, id, next))
  for (const peer of leader.peers) peer.isLearner = core.conf.learners.includes(peer.id)
  leader.own = leader.find(core.id)
}

export function newProgress(core: Core, id: RaftId, next: Index): Progress {
  const { maxInflightMsgs, maxInflightBytes } = core.config
  const window = new Inflights(maxInflightMsgs, maxInflightBytes)
  return new Progress(id, next, false, window, core.mutant === 'K24')
}

export function hardStateOf(core: Core): HardState {
  return { term: core.term, vote: core.vote, commit: core.log.committed }
}
