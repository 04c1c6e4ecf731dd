import { bench, describe } from 'vitest'
import type { ConfState } from '../src/raft/entry.ts'
import type { Message } from '../src/raft/message.ts'
import { Raft } from '../src/raft/raft.ts'
import { BenchDisk } from './raft-core-disk.ts'

/*
 * The way of a proposal through three cores in one process: append, replicate, acknowledge, commit,
 * apply. No disk, no network, no encoding: what is left is the cost of the protocol itself.
 */

const payload = new Uint8Array(200)
const conf: ConfState = {
  voters: [1, 2, 3],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
}

class Trio {
  readonly rafts: Raft[] = []
  readonly disks: BenchDisk[] = []
  applied = 0

  constructor() {
    let draws = 0
    const random = { below: (bound: number): number => draws++ % bound }
    for (const id of conf.voters) {
      const disk = new BenchDisk(conf)
      this.disks.push(disk)
      const config = {
        id,
        electionTick: 10,
        heartbeatTick: 1,
        maxInflightMsgs: 256,
        maxInflightBytes: 1 << 22,
        maxSizePerMsg: 1 << 20,
        maxCommittedSizePerReady: 1 << 20,
        maxApplyingBytes: 1 << 22,
        maxUncommittedBytes: 1 << 24,
        preVote: true,
        checkQuorum: true,
        stepDownOnRemoval: true,
        applied: 0,
        random,
      }
      this.rafts.push(new Raft(config, disk))
    }
    this.rafts[0]?.campaign()
    this.settle()
  }

  propose(count: number): void {
    const leader = this.rafts[0] as Raft
    for (let i = 0; i < count; i++) leader.propose(payload)
    this.settle()
  }

  settle(): void {
    for (let busy = true; busy;) {
      busy = false
      for (let i = 0; i < this.rafts.length; i++) {
        const raft = this.rafts[i] as Raft
        if (!raft.hasReady()) continue
        busy = true
        const rd = raft.ready()
        const disk = this.disks[i] as BenchDisk
        disk.write(rd.entries)
        for (const m of rd.messages) this.#deliver(m)
        for (const m of rd.afterStore) this.#deliver(m)
        const last = rd.committed[rd.committed.length - 1]
        if (last === undefined) continue
        raft.appliedTo(last.index)
        disk.applied(last.index)
        this.applied += rd.committed.length
      }
    }
  }

  #deliver(m: Message): void {
    this.rafts[m.to - 1]?.step(m)
  }
}

const rounds = 1_000

describe('three cores in one process', () => {
  const batches = new Trio()
  bench(`${rounds} × 64 proposals`, () => {
    for (let i = 0; i < rounds; i++) batches.propose(64)
  })
  const single = new Trio()
  bench(`${rounds} × 1 proposal`, () => {
    for (let i = 0; i < rounds; i++) single.propose(1)
  })
})
