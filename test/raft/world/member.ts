import { assert } from '../../../src/assert.ts'
import type { Random } from '../../../src/ports.ts'
import type { RaftConfig, RaftEvent } from '../../../src/raft/config.ts'
import { decodeConfChange } from '../../../src/raft/confchange.ts'
import type { ConfState, Entry, Index, RaftId, Snapshot } from '../../../src/raft/entry.ts'
import type { Message } from '../../../src/raft/message.ts'
import { Raft } from '../../../src/raft/raft.ts'
import type { ReadState, Ready } from '../../../src/raft/ready.ts'
import { MemoryDisk } from './memory-disk.ts'

export type MemberConfig = Omit<RaftConfig, 'id' | 'applied' | 'random' | 'trace'>

export const usualConfig: MemberConfig = {
  electionTick: 10,
  heartbeatTick: 1,
  maxInflightMsgs: 256,
  maxInflightBytes: 1 << 20,
  maxSizePerMsg: 1 << 20,
  maxCommittedSizePerReady: 1 << 20,
  maxApplyingBytes: 1 << 20,
  maxUncommittedBytes: 1 << 20,
  preVote: true,
  checkQuorum: true,
  stepDownOnRemoval: true,
}

/** A ready whose record is written and not yet synced. */
interface Held {
  readonly afterStore: readonly Message[]
  readonly snapshot: Snapshot | null
}

/** One core with its disk and its state machine: the smallest host that keeps every obligation of Ready. */
export class Member {
  readonly id: RaftId
  readonly disk: MemoryDisk
  raft: Raft
  /** Applied entries in order, from `appliedBase` + 1 on. */
  appliedLog: Entry[] = []
  appliedBase: Index = 0
  conf: ConfState
  reads: ReadState[] = []
  events: RaftEvent[] = []
  held: Held[] = []
  /** Committed pages taken and not yet applied. */
  toApply: Entry[] = []
  readonly #config: MemberConfig
  readonly #random: Random

  constructor(id: RaftId, conf: ConfState, config: MemberConfig, random: Random) {
    this.id = id
    this.conf = conf
    this.disk = new MemoryDisk(conf)
    this.#config = config
    this.#random = random
    this.raft = this.#start()
  }

  get applied(): Index {
    return this.appliedBase + this.appliedLog.length
  }

  /** Takes one ready and writes it. Returns what may go at once; the rest waits for `stored`. */
  takeReady(): Ready {
    const rd = this.raft.ready()
    if (rd.hardState !== null || rd.entries.length > 0 || rd.snapshot !== null) this.disk.write(rd)
    this.held.push({ afterStore: rd.afterStore, snapshot: rd.snapshot })
    this.reads.push(...rd.reads)
    this.toApply.push(...rd.committed)
    return rd
  }

  /** The disk is done with everything written: hands back what was waiting for it, own answers already taken. */
  stored(): Message[] {
    this.disk.sync()
    const out: Message[] = []
    const done = this.held
    this.held = []
    for (const { afterStore, snapshot } of done) {
      if (snapshot !== null) this.#install(snapshot)
      for (const m of afterStore) {
        if (m.to === this.id) this.raft.step(m)
        else out.push(m)
      }
    }
    return out
  }

  /** Applies up to `count` entries. */
  apply(count = Infinity): Entry[] {
    const page = this.toApply.splice(0, count)
    for (const entry of page) {
      assert(entry.index === this.applied + 1, 'TEST-1', {
        index: entry.index,
        applied: this.applied,
      })
      this.appliedLog.push(entry)
      if (entry.kind === 'conf-change') {
        const change = decodeConfChange(entry.data)
        assert(change !== null, 'TEST-1', { index: entry.index })
        this.conf = this.raft.applyConfChange(change)
      }
      this.raft.appliedTo(entry.index)
    }
    return page
  }

  /** Power loss: of what was written and not synced, `kept` records survive. Then a start from the disk. */
  restart(kept = 0): void {
    this.disk.crash(kept)
    this.held = []
    this.toApply = []
    this.reads = []
    // A snapshot may have become durable without having been installed.
    if (this.disk.firstIndex() - 1 > this.applied) this.#install(this.disk.snapshot())
    this.raft = this.#start()
  }

  snapshotNow(keep = 0): Snapshot {
    const index = this.applied
    const snapshot: Snapshot = {
      meta: { index, term: this.disk.term(index), conf: this.conf },
      data: new Uint8Array(0),
    }
    this.disk.compact(snapshot, keep)
    return snapshot
  }

  #start(): Raft {
    const trace = (event: RaftEvent): void => {
      this.events.push(event)
    }
    const start = { id: this.id, applied: this.applied, random: this.#random, trace }
    ;(this.disk as { conf: ConfState }).conf = this.conf
    return new Raft({ ...this.#config, ...start }, this.disk)
  }

  #install({ meta }: Snapshot): void {
    if (meta.index <= this.applied) return
    this.toApply = []
    this.appliedLog = []
    this.appliedBase = meta.index
    this.conf = meta.conf
  }
}
