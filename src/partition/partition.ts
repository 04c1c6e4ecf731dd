import { sometimes } from '../assert.ts'
import { planted } from '../fault-points.ts'
import type { Ask } from '../chat/ask.ts'
import type { Actor, Command } from '../chat/command.ts'
import type { ChatLimits, Entity, Env, Told } from '../chat/entity.ts'
import { openEntity } from '../chat/open.ts'
import type { Outcome } from '../chat/outcome.ts'
import { tables } from '../chat/tables.ts'
import type { GroupId } from '../ids/group-id.ts'
import { limits } from '../limits.ts'
import type { Clock, Logger, Metrics, Timers } from '../ports.ts'
import type { Entry, Index, RaftId, Term } from '../raft/entry.ts'
import type { Store } from '../store/store.ts'
import { OpenBatch, refuse, releaseOf, takeRows } from './batch.ts'
import { decodeEffects, encodeEffects } from './effect.ts'
import { EntityCache } from './entity-cache.ts'
import type { Slot } from './entity-cache.ts'
import type { Parcel, Refusal, Sink } from './evaluation.ts'
import { Inbox } from './inbox.ts'
import { partitionMeters } from './meters.ts'
import type { PartitionMeters } from './meters.ts'
import { Outbox } from './outbox.ts'
import type { Carrier, Letter } from './outbox.ts'
import { PartitionRows } from './partition-rows.ts'
import { ReleaseQueue } from './release-queue.ts'
import { RuleEnv } from './rule-env.ts'
import { Unfenced } from './unfenced.ts'
import type { Presence } from './rule-env.ts'
import { Sweeper } from './sweeper.ts'

/** What a partition needs of the group that replicates it. */
export interface GroupDoor {
  /** Refused unless this node leads `term`. */
  propose(data: Uint8Array, term: Term): { index: Index; term: Term } | { error: string }
  readIndex(done: (index: Index | null) => void): void
  applied(index: Index): void
}

/** Told to the topic floor. */
export interface PartitionListener extends Presence {
  /** This node owns the partition in `term`, and takes commands. */
  owned(partition: Partition, term: Term): void
  /** It does not any more; everything unfinished was refused. */
  lost(partition: Partition): void
  /** A run of releases is over: what was gathered may go out. */
  released(partition: Partition): void
}

/** Bytes of entities that one partition's owner keeps in memory; above it idle ones go. */
const maxEntityBytes = 64 * 1024 * 1024

/**
 * One slice of topics and its state machine. At the owner (the group's leader in a term) it
 * evaluates commands against entities in memory, gathers a turn's changes into one entry, proposes
 * it in the term of the evaluation, and releases answers and events when it has committed, in the
 * order of evaluation. Everywhere it writes committed effects to the store, with the applied index.
 *
 * Invariants (docs/internals/partition.md): nothing is released before commit; a lost term drops
 * all in-memory state; releases keep the order of evaluation.
 */
export class Partition {
  readonly id: GroupId
  readonly #group: GroupDoor
  readonly #rows: PartitionRows
  readonly #timers: Timers
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listener: PartitionListener
  readonly #carry: Carrier
  readonly #partitions: number
  readonly #meters: PartitionMeters

  #term: Term = 0
  #owned = false
  #entities = new EntityCache(maxEntityBytes)
  #outbox: Outbox | null = null
  #inbox = new Inbox()
  #open: OpenBatch | null = null
  readonly #queue = new ReleaseQueue()
  readonly #unfenced = new Unfenced()
  /** Of the last entry proposed in this term: what the store must hold before rows are read. */
  #lastIndex: Index = 0
  readonly #env: RuleEnv
  readonly #sweeper: Sweeper

  constructor(deps: {
    id: GroupId
    group: GroupDoor
    store: Store
    /** What the store already holds, as PartitionRows.readApplied said. */
    applied: Index
    partitions: number
    timers: Timers
    clock: Clock
    logger: Logger
    metrics: Metrics
    limits: ChatLimits
    listener: PartitionListener
    carry: Carrier
  }) {
    this.id = deps.id
    this.#group = deps.group
    this.#timers = deps.timers
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#listener = deps.listener
    this.#env = new RuleEnv(deps.limits, deps.listener)
    this.#carry = deps.carry
    this.#partitions = deps.partitions
    this.#meters = partitionMeters(deps.metrics)
    this.#rows = new PartitionRows(deps.id, deps.store, deps.applied, (index) => {
      this.#group.applied(index)
      this.#entities.evict(index)
    })
    this.#sweeper = new Sweeper({
      ...deps,
      rows: this.#rows,
      ask: (name, ask, sink) => this.ask(name, ask, sink),
      broken: (error) => this.#broken(error),
    })
  }

  get isOwner(): boolean {
    return this.#owned
  }

  get term(): Term {
    return this.#term
  }

  applied(): Index {
    return this.#rows.applied
  }

  /** A client's command. Reads are released like writes: in order, and confirmed. */
  command(name: string, actor: Actor, command: Command, sink: Sink<Outcome>): void {
    const bytes = command.kind === 'pub' ? command.content.length + 128 : 64
    this.#evaluate(name, sink, command.kind !== 'get', bytes, (entity, env) =>
      entity.evaluate(actor, command, env),
    )
  }

  /** A question or order of the cluster itself. */
  ask(name: string, ask: Ask, sink: Sink<Told>): void {
    this.#evaluate(name, sink, true, 64, (entity, env) => entity.ask(ask, env))
  }

  /** Letters of another partition's outbox, in order; `done` gets the counter committed here, or null. */
  letters(
    source: GroupId,
    letters: readonly Letter[],
    done: (upTo: number | null) => void,
    told: (entity: string, told: Told) => void,
  ): void {
    if (!this.#owned) return done(null)
    const inbox = this.#inbox
    inbox.take(source, letters, done, ({ counter, item }, sink, evaluated) => {
      this.#evaluate<Told>(
        item.to,
        {
          released: (result, parcels, after) => {
            told(item.to, result)
            sink.released(result, parcels, after)
          },
          refused: (why) => sink.refused(why),
        },
        true,
        256,
        (entity, env) => entity.fact(item.fact, env),
        (batch) => {
          batch.mail.push(inbox.taken(source, counter))
          evaluated()
        },
      )
    })
  }

  whenDelivered(parcel: Parcel, then: () => void): void {
    this.#outbox?.whenDelivered(parcel, then)
  }

  get rows(): PartitionRows {
    return this.#rows
  }

  // --- what the group tells (StateMachine) ---

  committed(entries: readonly Entry[]): void {
    let done = false
    for (const entry of entries) {
      if (entry.kind === 'normal' && entry.data.length > 0) {
        this.#rows.add(decodeEffects(entry.data, this.#rows.prefix))
      }
      done = this.#queue.committed(entry) || done
      if (planted('K16')) this.#unfenced.committed(entry)
    }
    const last = entries[entries.length - 1]
    if (last !== undefined) this.#rows.write(last.index, last.term)
    if (done) this.#release()
  }

  lead(term: Term): void {
    this.#reset('term-changed')
    this.#term = term
    this.#lastIndex = 0
    if (planted('K16')) this.#unfenced.again((data) => this.#group.propose(data, term))
    this.#begin()
  }

  follow(term: Term, _lead: RaftId): void {
    this.#term = term
    sometimes(this.#queue.size > 0, 'partition: lost its term with proposals pending')
    this.#reset('term-changed')
  }

  /** A snapshot replaced the rows; nothing of this partition is in memory, since it does not lead. */
  restored(): Promise<void> {
    this.#reset('term-changed')
    return this.#rows.reread()
  }

  // --- evaluation ---

  #evaluate<T extends Outcome | Told>(
    name: string,
    sink: Sink<T>,
    touches: boolean,
    bytes: number,
    rule: (entity: Entity, env: Env) => T,
    also?: (batch: OpenBatch) => void,
  ): void {
    if (!this.#owned) return sink.refused('not-owner')
    if (this.#queue.bytes > limits.maxUncommittedBytes) {
      this.#meters.full.add()
      return sink.refused('queue-full')
    }
    const slot = this.#entities.touch(name)
    const { entity } = slot
    if (entity === null) {
      slot.waiting.push(() => this.#evaluate(name, sink, touches, bytes, rule, also))
      if (slot.waiting.length === 1) this.#load(slot)
      return
    }
    let result: T
    try {
      result = rule(entity, this.#env.at(name, this.#clock.now()))
    } catch (error) {
      // A rule that throws has a bug. It costs the one command that found it, or one client could
      // stop every node in turn. What it did to the entity is not trusted: all that is in memory and
      // not yet committed goes, and is read back from the rows.
      this.#logger.error({ partition: this.id, entity: name, error }, 'a rule broke')
      this.#meters.broken.add()
      sink.refused('internal')
      this.#reset('term-changed')
      this.#begin()
      return
    }
    const batch = this.#batch()
    const made = releaseOf(sink, result)
    batch.add(slot, made, touches, bytes)
    if (result.outbox.length > 0) {
      made.parcels = this.#outbox?.add(result.outbox, batch.mail) ?? []
    }
    also?.(batch)
    if (batch.bytes > limits.maxBatchBytes) this.#close(batch)
  }

  /** The batch being made; a new one closes at the end of this turn. */
  #batch(): OpenBatch {
    const open = this.#open
    if (open !== null) return open
    const batch = new OpenBatch()
    this.#open = batch
    this.#timers.soon(() => {
      if (this.#open === batch) this.#close(batch)
    })
    return batch
  }

  #close(batch: OpenBatch): void {
    this.#open = null
    if (!this.#owned) return refuse(batch.releases, 'not-owner')
    const effects = batch.mail
    this.#outbox?.takeArrived(effects)
    for (const slot of batch.slots) {
      slot.touched = false
      this.#meters.swept.add(takeRows(slot, effects))
      this.#entities.reweigh(slot)
      this.#sweeper.noticed(slot.name, slot.entity?.unswept?.() ?? 0)
    }
    if (effects.length === 0) return this.#confirm(batch)
    const data = encodeEffects(effects)
    const proposed = this.#group.propose(data, this.#term)
    if ('error' in proposed) {
      // Entities are ahead of the log now; nothing of this batch was sent anywhere.
      sometimes(true, 'partition: a proposal was refused after evaluation')
      refuse(batch.releases, 'not-owner')
      this.#reset('term-changed')
      this.#begin()
      return
    }
    this.#lastIndex = proposed.index
    for (const slot of batch.slots) slot.lastIndex = proposed.index
    this.#meters.batch.observe(batch.releases.length)
    this.#queue.entry(proposed, data.length, batch.releases)
    if (planted('K16')) this.#unfenced.proposed(proposed, data)
    if (planted('K17') || planted('K18'))
      for (const { sink, result } of batch.releases) sink.proposed?.(result)
  }

  /** Nothing to write: released when leadership is confirmed, behind everything evaluated before. */
  #confirm(batch: OpenBatch): void {
    if (batch.releases.length === 0) return
    const decided = this.#queue.read(this.#lastIndex, this.#term, batch.releases)
    this.#group.readIndex((index) => {
      decided(index !== null)
      this.#release()
    })
  }

  #release(): void {
    const released = this.#queue.release((parcels) => this.#outbox?.committed(parcels))
    if (released) this.#listener.released(this)
  }

  // --- entities ---

  #load(slot: Slot): void {
    const entities = this.#entities
    this.#rows.whenApplied(this.#lastIndex, () => {
      if (entities !== this.#entities) return
      this.#rows.read(slot.key, 0, tables.messages).then(
        (rows) => {
          if (entities !== this.#entities) return // dropped meanwhile; its waiters were told
          slot.entity = openEntity(slot.name, rows)
          entities.reweigh(slot)
          this.#meters.opened.add()
          for (const task of slot.waiting.splice(0)) task()
        },
        (error: unknown) => this.#broken(error),
      )
    })
  }

  // --- a term, from its beginning to its end ---

  /** Reads what earlier owners left on its way, then takes commands. */
  #begin(): void {
    const outbox = new Outbox({
      timers: this.#timers,
      carry: this.#carry,
      partitions: this.#partitions,
      waiting: this.#meters.letters,
      batchDue: () => this.#batch(),
    })
    this.#outbox = outbox
    this.#rows.whenApplied(this.#lastIndex, () => {
      if (this.#outbox !== outbox) return // the term ended meanwhile
      const inbox = this.#inbox
      this.#rows.readMail(outbox, inbox).then(
        () => {
          if (this.#outbox !== outbox) return
          this.#owned = true
          this.#sweeper.start()
          this.#listener.owned(this, this.#term)
          outbox.sendAll()
        },
        (error: unknown) => this.#broken(error),
      )
    })
  }

  /** Drops all that was evaluated and not released, and every entity. */
  #reset(why: Refusal): void {
    const wasOwned = this.#owned
    this.#owned = false
    this.#sweeper.stop()
    const open = this.#open
    this.#open = null
    const entities = this.#entities
    if (!planted('K19')) this.#entities = new EntityCache(maxEntityBytes)
    this.#inbox = new Inbox()
    this.#outbox?.close()
    this.#outbox = null
    this.#queue.drop(why)
    if (open !== null) refuse(open.releases, 'not-owner')
    for (const task of entities.clear()) task() // each finds that the ownership is gone
    if (wasOwned) this.#listener.lost(this)
  }

  #broken(error: unknown): void {
    // The store has told its own onFatal; the process is about to stop.
    this.#logger.error({ partition: this.id, error: String(error) }, 'rows cannot be read')
  }
}
