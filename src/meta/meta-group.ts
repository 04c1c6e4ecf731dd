import { assert, sometimes } from '../assert.ts'
import type { ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { noNode } from '../ids/node-index.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { Cancel, Clock, Logger, Metrics, Timers } from '../ports.ts'
import { apply } from './apply.ts'
import { decodeCommand, encodeCommand, encodeState } from './codec.ts'
import type { MetaCommand, MetaResult } from './command.ts'
import { MetaGauges } from './meta-gauges.ts'
import type { MetaState } from './meta-state.ts'
import { readSaved, writeSaved } from './saved.ts'
import type { MetaStore, Saved } from './saved.ts'

/** What the state machine needs of the Raft group that it belongs to. */
export interface MetaRaft {
  readonly isLeader: boolean
  readonly term: number
  /** Who leads as far as is known; 0: nobody. */
  readonly lead: NodeIndex
  /** Takes bytes for the log if this node leads in `term`. */
  propose(
    data: Uint8Array,
    term: number,
  ): { readonly index: number; readonly term: number } | { readonly error: string }
  /** Everything up to `index` is in the store: the log may be cut there. */
  applied(index: number): void
}

export interface MetaEntry {
  readonly index: number
  readonly term: number
  readonly kind: 'normal' | 'conf-change'
  readonly data: Uint8Array
}

/** Why there is no result. Whether the command may still take effect: `definite` in errors.ts. */
export type MetaFailure = Extract<
  ErrorCode,
  'no-owner' | 'not-owner' | 'queue-full' | 'term-changed' | 'no-answer'
>

export type MetaOutcome = MetaResult | { readonly ok: false; readonly failed: MetaFailure }

export interface MetaGroupOptions {
  readonly store: MetaStore
  /** The state that this node's seed gives; null for a node that joined. Used until the log has one. */
  readonly seed: MetaState | null
  readonly clock: Clock
  readonly timers: Timers
  readonly metrics: Metrics
  readonly log: Logger
  /** Hands a command to the leader, where accept() takes it. Never rejects, has a deadline of its own. */
  forward(lead: NodeIndex, command: MetaCommand): Promise<MetaOutcome>
  /** The node must stop: its state may no longer be what the cluster agreed on. */
  onFatal(error: Error): void
}

/** Another seed than this node's was committed: groups here would start with the wrong voters. */
export class SeedMismatch extends Error {
  override readonly name = 'SeedMismatch'
}

/** Commands proposed here that are not committed yet. Above: `queue-full`, nothing was done. */
export const maxWaitingCommands = 256

/**
 * Group 0 on one node: members, addresses, tokens and the table, as committed. Applies commands in
 * log order, saves state and applied index as one value, and tells its listeners the new state.
 */
export class MetaGroup {
  readonly #options: MetaGroupOptions
  readonly #gauges: MetaGauges
  readonly #listeners = new Set<(state: MetaState) => void>()
  /** By log index: who waits for it. At most maxWaitingCommands. */
  readonly #waiting = new Map<number, Waiting>()
  #raft: MetaRaft | null = null
  /** Committed, or null before the cluster's bootstrap. */
  #state: MetaState | null
  #applied: number
  #saved: number
  #isSaving = false
  /** Set while a snapshot is being installed; called when no save is under way any more. */
  #whenIdle: (() => void) | null = null
  #isClosed = false

  private constructor(options: MetaGroupOptions, saved: Saved) {
    this.#options = options
    this.#gauges = new MetaGauges(options.metrics)
    this.#state = saved.state
    this.#applied = saved.applied
    this.#saved = saved.applied
    this.#show()
  }

  /** Reads what an earlier life saved. */
  static async open(options: MetaGroupOptions): Promise<MetaGroup> {
    return new MetaGroup(options, await readSaved(options.store))
  }

  /** Must come before the first call from the group, which is built with this state machine. */
  attach(raft: MetaRaft): void {
    this.#raft = raft
  }

  /** What this node knows now; the seed's until something was committed; null for a new joiner. */
  state(): MetaState | null {
    return this.#state ?? this.#options.seed
  }

  /** Calls `listener` with the state as it is, if there is one, and after every change. */
  onChange(listener: (state: MetaState) => void): Cancel {
    this.#listeners.add(listener)
    const state = this.state()
    if (state !== null) listener(state)
    return () => this.#listeners.delete(listener)
  }

  /** Carries out a command wherever the leader is. Resolves once, when it is applied or has failed. */
  submit(command: MetaCommand): Promise<MetaOutcome> {
    const { lead, isLeader } = this.#group()
    if (isLeader) return this.accept(command)
    if (lead === noNode) return failure('no-owner')
    return this.#options.forward(lead, command)
  }

  /** Carries out a command if this node leads: for commands that came from another node. */
  accept(command: MetaCommand): Promise<MetaOutcome> {
    const raft = this.#group()
    if (!raft.isLeader) return failure('not-owner')
    if (this.#isClosed) return failure('no-owner')
    if (this.#waiting.size >= maxWaitingCommands) return failure('queue-full')
    const proposed = raft.propose(encodeCommand(this.#stamped(command)), raft.term)
    if ('error' in proposed) return failure(raft.isLeader ? 'queue-full' : 'not-owner')
    return new Promise((resolve) => this.#wait(proposed, resolve))
  }

  // What the group calls:

  /** Index of the last entry whose effect is in the store. */
  applied(): number {
    return this.#saved
  }

  /** Entries in log order, each once, without a gap: asserted (META-3). */
  committed(entries: readonly MetaEntry[]): void {
    const before = this.#state
    for (const entry of entries) {
      assert(entry.index === this.#applied + 1, 'META-3', { at: entry.index, after: this.#applied })
      this.#applied = entry.index
      this.#answer(entry, this.#apply(entry))
    }
    if (this.#state !== before) this.#tell()
    this.#save()
  }

  /** This node leads. The first leader of a cluster's life commits its seed. */
  lead(term: number): void {
    const { seed, log } = this.#options
    if (this.#state !== null || seed === null) return
    log.info({ term, clusterId: seed.clusterId }, 'committing the seed of a new cluster')
    const proposed = this.#group().propose(encodeCommand({ kind: 'bootstrap', state: seed }), term)
    // Lost with the term at worst: the next leader does it.
    if ('error' in proposed) log.warn({ term, error: proposed.error }, 'seed not proposed')
  }

  /**
   * Another node leads, or none. Commands that were proposed here go on waiting: their entries may
   * still commit, and what commits at their place decides.
   */
  follow(_term: number, _lead: NodeIndex): void {
    sometimes(this.#waiting.size > 0, 'meta: stepped down with commands waiting')
  }

  /**
   * A snapshot is about to replace what the store holds. Resolves when no save is under way; none
   * begins until restored(), or it would lay the old state over the new.
   */
  restoring(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle = resolve
      if (!this.#isSaving) resolve()
    })
  }

  /** A snapshot replaced what the store holds of group 0, whole. After restoring(): asserted (META-5). */
  async restored(): Promise<void> {
    assert(this.#whenIdle !== null && !this.#isSaving, 'META-5', { isSaving: this.#isSaving })
    const saved = await readSaved(this.#options.store)
    this.#state = saved.state
    this.#applied = saved.applied
    this.#saved = saved.applied
    this.#whenIdle = null
    for (const [index, waiting] of this.#waiting) {
      if (index <= saved.applied) this.#finish(index, waiting, { ok: false, failed: 'no-answer' })
    }
    this.#tell()
  }

  /** Ends all waiting. May be called twice. */
  close(): void {
    this.#isClosed = true
    for (const [index, waiting] of this.#waiting) {
      this.#finish(index, waiting, { ok: false, failed: 'no-answer' })
    }
    this.#listeners.clear()
  }

  #apply(entry: MetaEntry): MetaResult | null {
    if (entry.kind !== 'normal' || entry.data.length === 0) return null
    const command = decodeCommand(entry.data)
    const { state, result } = apply(this.#state, command)
    if (command.kind === 'bootstrap' && result.ok) this.#checkSeed(command.state)
    this.#state = state
    if (!result.ok) this.#gauges.refused.add()
    const { log } = this.#options
    log.info({ index: entry.index, command: command.kind, result }, 'meta command applied')
    return result
  }

  #answer(entry: MetaEntry, result: MetaResult | null): void {
    const waiting = this.#waiting.get(entry.index)
    if (waiting === undefined) return
    const isOurs = waiting.term === entry.term && result !== null
    sometimes(!isOurs, 'meta: another entry took the place of a waiting command')
    this.#finish(entry.index, waiting, isOurs ? result : { ok: false, failed: 'term-changed' })
  }

  #wait(at: { index: number; term: number }, resolve: (outcome: MetaOutcome) => void): void {
    const waiting: Waiting = {
      term: at.term,
      resolve,
      cancel: this.#options.timers.after(limits.requestDeadlineMs, () => {
        this.#finish(at.index, waiting, { ok: false, failed: 'no-answer' })
      }),
    }
    const older = this.#waiting.get(at.index)
    // The place was given out again in a later term: the older entry can only be lost.
    if (older !== undefined) this.#finish(at.index, older, { ok: false, failed: 'term-changed' })
    this.#waiting.set(at.index, waiting)
    this.#gauges.waiting.set(this.#waiting.size)
  }

  #finish(index: number, waiting: Waiting, outcome: MetaOutcome): void {
    waiting.cancel()
    if (this.#waiting.get(index) === waiting) this.#waiting.delete(index)
    this.#gauges.waiting.set(this.#waiting.size)
    waiting.resolve(outcome)
  }

  /** One write at a time; what is applied meanwhile goes with the next. */
  #save(): void {
    if (this.#isSaving || this.#whenIdle !== null || this.#saved === this.#applied) return
    this.#isSaving = true
    const applied = this.#applied
    const written = (): void => {
      this.#isSaving = false
      this.#whenIdle?.()
      this.#saved = applied
      this.#group().applied(applied)
      this.#save()
    }
    writeSaved(this.#options.store, { state: this.#state, applied }).then(
      written,
      (error: unknown) =>
        this.#options.onFatal(new Error('meta state could not be saved', { cause: error })),
    )
  }

  /** A node that has already acted on another seed must not go on. */
  #checkSeed(committed: MetaState): void {
    const { seed } = this.#options
    if (seed === null || isSame(seed, committed)) return
    const text = `cluster ${committed.clusterId} was started from another member list or other settings`
    this.#options.onFatal(
      new SeedMismatch(`${text} than this node's configuration of ${seed.clusterId}`),
    )
  }

  /** Tokens expire by the clock of the node that proposes. */
  #stamped(command: MetaCommand): MetaCommand {
    return 'nowMs' in command ? { ...command, nowMs: this.#options.clock.now() } : command
  }

  #tell(): void {
    this.#show()
    const state = this.state()
    if (state === null) return
    for (const listener of this.#listeners) listener(state)
  }

  #show(): void {
    this.#gauges.show(this.state())
  }

  #group(): MetaRaft {
    assert(this.#raft !== null, 'META-4', {})
    return this.#raft
  }
}

interface Waiting {
  readonly term: number
  readonly resolve: (outcome: MetaOutcome) => void
  readonly cancel: Cancel
}

function failure(failed: MetaFailure): Promise<MetaOutcome> {
  return Promise.resolve({ ok: false, failed })
}

function isSame(a: MetaState, b: MetaState): boolean {
  const [x, y] = [encodeState(a), encodeState(b)]
  return x.length === y.length && x.every((byte, at) => byte === y[at])
}
