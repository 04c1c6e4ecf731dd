import type { Random } from '../../../src/ports.ts'
import type { ConfState, RaftId } from '../../../src/raft/entry.ts'
import { emptyConfState } from '../../../src/raft/entry.ts'
import type { Message } from '../../../src/raft/message.ts'
import type { Raft } from '../../../src/raft/raft.ts'
import { Checker } from './checker.ts'
import type { MemberConfig } from './member.ts'
import { Member, usualConfig } from './member.ts'

export function confOf(voters: readonly RaftId[], rest: Partial<ConfState> = {}): ConfState {
  return { ...emptyConfState, voters, ...rest }
}

export function text(words: string): Uint8Array {
  return new TextEncoder().encode(words)
}

/** Members and the messages between them. Nothing moves by itself; every step is checked. */
export class Group {
  readonly members: Member[] = []
  network: Message[] = []
  readonly checker = new Checker()
  /** `from→to` pairs that lose everything. */
  readonly cut = new Set<string>()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** Members 1..count, all voters. */
  static of(count: number, random: Random, config: Partial<MemberConfig> = {}): Group {
    const group = new Group(random)
    const voters = Array.from({ length: count }, (_, i) => i + 1)
    for (const id of voters) group.add(id, confOf(voters), config)
    return group
  }

  add(id: RaftId, conf: ConfState, config: Partial<MemberConfig> = {}, random?: Random): Member {
    const whole = { ...usualConfig, ...config }
    const member = new Member(id, conf, whole, random ?? this.#random)
    this.members.push(member)
    return member
  }

  member(id: RaftId): Member {
    const member = this.members.find((one) => one.id === id)
    if (member === undefined) throw new Error(`no member ${id}`)
    return member
  }

  raft(id: RaftId): Raft {
    return this.member(id).raft
  }

  leader(): Member | undefined {
    const leaders = this.members.filter((member) => member.raft.status().role === 'leader')
    return leaders.sort((a, b) => b.raft.status().term - a.raft.status().term)[0]
  }

  /** Takes a ready if there is one; what may go at once goes. */
  take(member: Member): boolean {
    if (!member.raft.hasReady()) return false
    const rd = member.takeReady()
    for (const read of rd.reads) this.checker.read(read.context, read.index)
    this.send(rd.messages)
    this.observe(member)
    return true
  }

  /** The disk of `member` syncs; what waited for that goes. */
  store(member: Member): void {
    this.send(member.stored())
    this.observe(member)
  }

  apply(member: Member, count?: number): void {
    this.checker.applied(member, member.apply(count))
    this.observe(member)
  }

  /** Everything a member can do by itself: write, sync, apply. */
  work(member: Member): boolean {
    let worked = false
    while (this.take(member)) {
      this.store(member)
      this.apply(member)
      worked = true
    }
    return worked
  }

  send(messages: readonly Message[]): void {
    for (const m of messages) if (!this.cut.has(`${m.from}→${m.to}`)) this.network.push(frozen(m))
  }

  deliver(m: Message): void {
    const to = this.members.find((member) => member.id === m.to)
    if (to === undefined || this.cut.has(`${m.from}→${m.to}`)) return
    to.raft.step(m)
    this.observe(to)
  }

  /** Until nothing moves any more. */
  settle(limit = 10_000): void {
    for (let steps = 0; steps < limit; steps++) {
      let worked = false
      for (const member of this.members) worked = this.work(member) || worked
      const batch = this.network
      this.network = []
      for (const m of batch) this.deliver(m)
      if (!worked && batch.length === 0) return
    }
    throw new Error('the group does not settle')
  }

  tick(member: Member, count = 1): void {
    for (let i = 0; i < count; i++) {
      member.raft.tick()
      this.observe(member)
    }
  }

  /** Both directions between `id` and everyone else. */
  isolate(id: RaftId): void {
    for (const { id: other } of this.members) {
      if (other !== id) this.cut.add(`${id}→${other}`).add(`${other}→${id}`)
    }
  }

  heal(): void {
    this.cut.clear()
  }

  restart(member: Member, kept = 0): void {
    member.restart(kept)
    this.checker.restarted(member)
    this.observe(member)
  }

  observe(member: Member): void {
    this.checker.observe(member, this.members)
  }
}

/** A sender must not edit what a receiver holds: any attempt throws. */
function frozen(m: Message): Message {
  for (const entry of m.entries) Object.freeze(entry)
  Object.freeze(m.entries)
  return Object.freeze(m)
}
