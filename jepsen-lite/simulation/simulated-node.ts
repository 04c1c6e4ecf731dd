import { assert } from '../../src/assert.ts'
import type { RaftConfig } from '../../src/raft/config.ts'
import { decodeConfChange } from '../../src/raft/confchange.ts'
import type { Entry, Index, RaftId } from '../../src/raft/entry.ts'
import { emptyConfState, none } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import { parseMutant } from '../../src/raft/mutants.ts'
import { Raft } from '../../src/raft/raft.ts'
import type { ReadState, Ready } from '../../src/raft/ready.ts'
import type { RaftStatus } from '../../src/raft/status.ts'
import type { Step } from '../../src/store/log.ts'
import type { Prng } from '../prng.ts'
import { CrashDisk } from './crash-disk.ts'
import { SnapshotShelf } from './snapshot-shelf.ts'
import type { Image } from './state-store.ts'
import { StateStore } from './state-store.ts'
import type { Surroundings } from './surroundings.ts'

/** A ready that was taken; what waits for it goes when it and all before it are stored. */
interface Held {
  readonly afterStore: readonly Message[]
  readonly image: Image | null
  isStored: boolean
}

/** One machine: a core, its log, its state, and a host that keeps every obligation of `Ready`. */
export class SimulatedNode {
  readonly id: RaftId
  readonly disk: CrashDisk
  readonly store: StateStore
  readonly shelf: SnapshotShelf
  raft: Raft | null = null
  /** Rises with each crash: what an earlier life scheduled does not happen. */
  life = 0
  stalledUntil = 0
  readonly #around: Surroundings
  readonly #random: Prng
  readonly #tickMs: number
  #held: Held[] = []
  #toApply: Entry[] = []
  #reads: ReadState[] = []
  #isApplyDue = false
  #isFlushDue = false
  #isInstalling = false
  /** What came while the node stood still, by where it came from; each source in order. */
  #backlog = new Map<RaftId, (() => void)[]>()

  constructor(id: RaftId, around: Surroundings) {
    const { plan } = around
    this.id = id
    this.#around = around
    this.#random = around.random.split(`node ${id}`)
    this.#tickMs = plan.tickMs * plan.tickSpread ** this.#random.between(-1, 1)
    const later = (ms: number, task: () => void): void => this.later(ms, task)
    this.disk = new CrashDisk(plan.disk, this.#random.split('disk'), later)
    this.store = new StateStore(emptyConfState)
    this.shelf = new SnapshotShelf(this, around, this.#random.split('shelf'))
  }

  get isUp(): boolean {
    return this.raft !== null
  }

  get isBehind(): boolean {
    return this.raft?.hasReady() === true
  }

  get isStalled(): boolean {
    return this.stalledUntil > 0
  }

  /** Null when it is down. */
  status(): RaftStatus | null {
    return this.raft?.status() ?? null
  }

  /** Starts from what the disk holds. */
  start(): void {
    const { plan, checker } = this.#around
    this.shelf.recover()
    const config: RaftConfig = {
      ...plan.core,
      id: this.id,
      applied: this.store.live.applied,
      random: this.#random,
      trace: (event) => this.#around.told(this.id, event),
      ...(parseMutant(plan.mutant ?? undefined) === null ? {} : { mutant: plan.mutant as string }),
    }
    this.raft = new Raft(config, this.shelf)
    checker.started(this, this.raft.status())
    this.#tickLater()
  }

  /** Power loss. What is under way is gone, of what was not synced some is. */
  crash(random: Prng): void {
    if (this.raft === null) return
    const wasInstalling = this.#isInstalling
    this.raft = null
    this.life++
    this.stalledUntil = 0
    this.#held = []
    this.#toApply = []
    this.#reads = []
    this.#isApplyDue = false
    this.#isFlushDue = false
    this.#isInstalling = false
    this.#backlog = new Map()
    const loss = this.disk.crash(random)
    this.store.crash(random)
    this.shelf.crash()
    this.#around.crashed(this.id, loss, wasInstalling)
  }

  /** The machine is taken away for good. */
  discard(): void {
    this.raft = null
    this.life++
  }

  /** Runs `task` in `ms`, or when the node stands still no longer; never in another life. */
  later(ms: number, task: () => void): void {
    const { life } = this
    this.#around.queue.after(ms, () => this.#run(life, this.id, task))
  }

  /** An input from outside, now: a message of `source`, or of a client or fault. */
  input(task: (raft: Raft) => void, source: RaftId = none): void {
    this.#run(this.life, source, () => {
      if (this.raft !== null) task(this.raft)
    })
  }

  /** Nothing happens here for `ms`. */
  stall(ms: number): void {
    const { life } = this
    this.stalledUntil = this.#around.queue.now + ms
    this.#around.queue.after(ms, () => {
      if (life === this.life) this.resume()
    })
  }

  /** Finds everything that came meanwhile at once: each source in order, one before the other by chance. */
  resume(): void {
    this.stalledUntil = 0
    while (this.#backlog.size > 0 && this.raft !== null) {
      const source = this.#random.pick([...this.#backlog.keys()])
      const tasks = this.#backlog.get(source) ?? []
      const task = tasks.shift()
      if (tasks.length === 0) this.#backlog.delete(source)
      if (task !== undefined) this.#run(this.life, source, task)
    }
  }

  /** The whole snapshot has arrived and is durable beside the state. */
  receiveSnapshot(m: Message, image: Image): void {
    const take = (raft: Raft): void => {
      this.shelf.stage(image)
      raft.step(m)
      this.#around.passes(this, 'snapshot received')
    }
    this.input(take, m.from)
  }

  #run(life: number, source: RaftId, task: () => void): void {
    if (life !== this.life || this.raft === null) return
    if (this.stalledUntil > 0) {
      const tasks = this.#backlog.get(source)
      if (tasks === undefined) this.#backlog.set(source, [task])
      else tasks.push(task)
      return
    }
    task()
    this.#settle()
  }

  #settle(): void {
    const { raft } = this
    if (raft === null) return
    const { flushMs } = this.#around.plan.host
    if (flushMs === 0) this.#flush(raft)
    else if (!this.#isFlushDue && raft.hasReady()) {
      this.#isFlushDue = true
      this.later(flushMs, () => {
        this.#isFlushDue = false
        this.#flush(raft)
      })
    }
    this.shelf.make()
    raft.check()
    this.#around.observe(this, raft.status())
  }

  #tickLater(): void {
    this.later(this.#tickMs * this.#random.between(0.9, 1.1), () => {
      this.#tickLater()
      this.raft?.tick()
    })
  }

  #flush(raft: Raft): void {
    const { maxReadies } = this.#around.plan.host
    while (this.#held.length < maxReadies && raft.hasReady()) this.#take(raft.ready())
  }

  #take(rd: Ready): void {
    for (const m of rd.messages) {
      if (m.kind === 'append' && this.#around.plan.host.rewind > 0) this.#rewind(m)
      this.#send(m)
    }
    if (rd.entries.length > 0) this.#around.passes(this, 'entries written')
    if (rd.mustSync && rd.entries.length === 0) this.#around.passes(this, 'vote written')
    const image = rd.snapshot === null ? null : this.shelf.staged(rd.snapshot)
    const held: Held = { afterStore: rd.afterStore, image, isStored: false }
    this.#held.push(held)
    if (image !== null) this.#replaceState(image)
    if (rd.hardState !== null || rd.entries.length > 0 || rd.snapshot !== null) {
      this.#write(rd, () => {
        held.isStored = true
        this.#release()
      })
    } else {
      held.isStored = true
      this.#release()
    }
    for (const entry of rd.committed) this.#toApply.push(entry)
    for (const read of rd.reads) this.#reads.push(read)
    this.#answerReads()
    this.#applyLater()
  }

  #write(rd: Ready, done: () => void): void {
    const { plan, checker } = this.#around
    const { hardState, entries } = rd
    const step: Step = { hardState, entries, snapshot: rd.snapshot?.meta ?? null, conf: null }
    if (plan.mutant === 'K3' && hardState !== null && entries.length > 0) {
      this.disk.append({ ...step, hardState: null }, rd.mustSync, () => undefined)
      this.disk.append({ ...step, entries: [], snapshot: null }, rd.mustSync, done)
    } else {
      this.disk.append(step, rd.mustSync, done)
    }
    const first = entries[0]
    if (first !== undefined) {
      checker.logs.appended(this.id, entries, this.disk.live.term(first.index - 1))
    }
  }

  /** A snapshot replaces log and state: what was handed out for applying is void. */
  #replaceState(image: Image): void {
    this.#toApply = []
    if (this.#around.plan.mutant === 'K15') this.#install(image, true)
  }

  /** In the order of the readies, each when it and all before it are stored. */
  #release(): void {
    for (let head = this.#held[0]; head?.isStored === true; head = this.#held[0]) {
      if (this.#isInstalling) return
      if (head.image !== null && this.store.live.applied < head.image.state.applied) {
        this.#install(head.image, false)
        return
      }
      this.#held.shift()
      for (const m of head.afterStore) {
        if (m.to === this.id) {
          this.#around.checker.sent(m)
          this.raft?.step(m)
        } else this.#send(m)
      }
    }
  }

  #install(image: Image, isBlind: boolean): void {
    this.#isInstalling = true
    const steps = this.shelf.installSteps(image, isBlind)
    const next = (): void => {
      const step = steps.shift()
      if (step !== undefined) {
        this.store.write(step)
        this.#around.passes(this, 'install step')
        this.later(this.#around.delayOfDisk(this.#random), next)
        return
      }
      this.shelf.installed(image)
      this.#isInstalling = false
      this.#around.checker.clients.matches(this.id, this.store.live)
      this.#release()
      this.#answerReads()
    }
    this.later(this.#around.delayOfDisk(this.#random), next)
  }

  #applyLater(): void {
    if (this.#isApplyDue || this.#toApply.length === 0) return
    this.#isApplyDue = true
    this.later(this.#random.exponential(this.#around.applyMs), () => {
      this.#isApplyDue = false
      this.#apply()
      this.#applyLater()
    })
  }

  #apply(): void {
    const { raft, store } = this
    if (raft === null || this.#isInstalling) return
    // A snapshot that the core has taken voids what was handed out before: its ready comes first.
    if (raft.hasReady()) this.#take(raft.ready())
    const page = this.#toApply.splice(0, this.#around.plan.host.applyBatch)
    for (const entry of page) {
      const { index } = entry
      assert(index === store.live.applied + 1, 'SIM-1', { index, applied: store.live.applied })
      let { conf } = store.live
      if (entry.kind === 'conf-change') {
        const change = decodeConfChange(entry.data)
        assert(change !== null, 'SIM-2', { index })
        conf = raft.applyConfChange(change)
      }
      store.apply(entry, conf)
      if (entry.kind === 'conf-change') this.#around.passes(this, 'members changed')
      this.#around.observe(this, raft.status())
      this.#around.applied(this, entry)
    }
    const last = page[page.length - 1]
    if (last !== undefined) raft.appliedTo(last.index)
    this.#answerReads()
    this.shelf.applied()
  }

  #answerReads(): void {
    if (this.#reads.length === 0 || this.#isInstalling) return
    const { applied } = this.store.live
    const isReady = ({ index }: ReadState): boolean => index <= applied
    for (const read of this.#reads) if (isReady(read)) this.#around.answered(this, read.context)
    this.#reads = this.#reads.filter((read) => !isReady(read))
  }

  /** Another append that this leader might as well have sent: from further back, with less in it. */
  #rewind(m: Message): void {
    if (!this.#random.chance(this.#around.plan.host.rewind)) return
    const { live } = this.disk
    const index = Math.max(
      live.firstIndex() - 1,
      live.heldFrom - 1,
      m.index - this.#random.below(8),
    )
    const end = Math.min(index + this.#random.below(4), live.lastIndex())
    if (index > end || index >= m.index + m.entries.length) return
    const entries = index < end ? live.entries(index + 1, end + 1, Infinity) : []
    this.#around.counts.add('network: an append from further back')
    this.#send({ ...m, index, logTerm: live.term(index), entries })
  }

  #send(m: Message): void {
    this.#around.checker.sent(m)
    if (m.kind === 'snapshot') this.#around.sendSnapshot(this, m)
    else this.#around.network.send(m)
  }

  /** Last index of the log, durable or not. */
  get lastIndex(): Index {
    return this.disk.live.lastIndex()
  }
}
