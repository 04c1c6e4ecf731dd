import type { ConfState, RaftId } from './entry.ts'
import { none } from './entry.ts'

export type ConfChangeStep = {
  readonly kind: 'add-voter' | 'add-learner' | 'remove'
  readonly id: RaftId
}

/**
 * A proposal to change the members. No steps: leave the joint phase.
 *
 * - `auto`: one step goes alone, several go through a joint phase that ends by itself;
 * - `joint-implicit`: through a joint phase that ends by itself;
 * - `joint-explicit`: through a joint phase that lasts until it is told to end.
 */
export interface ConfChange {
  readonly transition: 'auto' | 'joint-implicit' | 'joint-explicit'
  readonly steps: readonly ConfChangeStep[]
  /** The host's own, for example an address. Carried along, not read. */
  readonly context: Uint8Array
}

export type ConfChangeError =
  | 'in-joint' // leave the joint phase first
  | 'not-joint' // there is no joint phase to leave
  | 'too-many-voters' // without a joint phase only one voter may change
  | 'no-voters' // nobody would be left to decide

export type ConfResult =
  | { readonly conf: ConfState; readonly error?: never }
  | { readonly error: ConfChangeError; readonly conf?: never }

/** Leaves the joint phase. */
export const leaveJointChange: ConfChange = {
  transition: 'auto',
  steps: [],
  context: new Uint8Array(0),
}

/** What `change` makes of `conf`, by whichever way it asks for. */
export function changed(conf: ConfState, change: ConfChange): ConfResult {
  if (change.steps.length === 0) return leaveJoint(conf)
  if (change.transition === 'auto' && change.steps.length === 1) return simple(conf, change.steps)
  return enterJoint(conf, change.transition !== 'joint-explicit', change.steps)
}

/** Changes that move at most one voter: old and new majorities always share a member. */
export function simple(conf: ConfState, steps: readonly ConfChangeStep[]): ConfResult {
  if (isJoint(conf)) return { error: 'in-joint' }
  // Whoever knows no members has missed how the group began, and must not make itself one of one.
  if (conf.voters.length === 0) return { error: 'no-voters' }
  const draft = new Draft(conf)
  draft.apply(steps)
  if (draft.voters.size === 0) return { error: 'no-voters' }
  if (difference(new Set(conf.voters), draft.voters) > 1) return { error: 'too-many-voters' }
  return { conf: draft.finish() }
}

/** From now on a majority of the old and of the new voters must agree (thesis 4.3). */
export function enterJoint(
  conf: ConfState,
  autoLeave: boolean,
  steps: readonly ConfChangeStep[],
): ConfResult {
  if (isJoint(conf)) return { error: 'in-joint' }
  if (conf.voters.length === 0) return { error: 'no-voters' }
  const draft = new Draft({ ...conf, outgoing: conf.voters, autoLeave })
  draft.apply(steps)
  if (draft.voters.size === 0) return { error: 'no-voters' }
  return { conf: draft.finish() }
}

/** Only the new voters count from now on; who waited to become a learner does. */
export function leaveJoint(conf: ConfState): ConfResult {
  if (!isJoint(conf)) return { error: 'not-joint' }
  return {
    conf: {
      voters: conf.voters,
      outgoing: [],
      learners: sorted(new Set([...conf.learners, ...conf.learnersNext])),
      learnersNext: [],
      autoLeave: false,
    },
  }
}

/** `conf` in normal form, as read back from a disk or a snapshot; null when it contradicts itself. */
export function restore(conf: ConfState): ConfState | null {
  const normal: ConfState = {
    voters: sorted(new Set(conf.voters)),
    outgoing: sorted(new Set(conf.outgoing)),
    learners: sorted(new Set(conf.learners)),
    learnersNext: sorted(new Set(conf.learnersNext)),
    autoLeave: conf.autoLeave,
  }
  return contradiction(normal) === null ? normal : null
}

/** Why `conf` cannot be, or null. */
export function contradiction(conf: ConfState): string | null {
  const { voters, outgoing, learners, learnersNext, autoLeave } = conf
  const ids = [...voters, ...outgoing, ...learners, ...learnersNext]
  if (ids.some((id) => !Number.isSafeInteger(id) || id <= none)) return 'an id is not a node'
  if (voters.length === 0 && ids.length > 0) return 'members without a voter'
  if (learners.some((id) => voters.includes(id) || outgoing.includes(id)))
    return 'learner and voter'
  if (learnersNext.some((id) => !outgoing.includes(id))) return 'a next learner does not leave'
  if (learnersNext.some((id) => voters.includes(id))) return 'a next learner stays a voter'
  if (!isJoint(conf) && autoLeave) return 'nothing to leave by itself'
  return null
}

export function isJoint(conf: ConfState): boolean {
  return conf.outgoing.length > 0
}

/** Who votes now, in either half. */
export function isVoter(conf: ConfState, id: RaftId): boolean {
  return conf.voters.includes(id) || conf.outgoing.includes(id)
}

/** Everyone the leader replicates to, ascending. `learnersNext` is in `outgoing`. */
export function members(conf: ConfState): RaftId[] {
  return sorted(new Set([...conf.voters, ...conf.outgoing, ...conf.learners]))
}

/*
 * Layout, numbers big-endian:
 *   u8 version (1) · u8 transition · u16 steps · per step: u8 kind, u48 id · context to the end
 * The order of both tables is the number on disk: append only.
 */
const version = 1
const transitions = ['auto', 'joint-implicit', 'joint-explicit'] as const
const kinds = ['add-voter', 'add-learner', 'remove'] as const
const headBytes = 4
const stepBytes = 7

export const maxConfChangeSteps = 0xffff
const idHighFactor = 2 ** 32

export function encodeConfChange(change: ConfChange): Uint8Array {
  const { steps, context } = change
  const bytes = new Uint8Array(headBytes + steps.length * stepBytes + context.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, version)
  view.setUint8(1, transitions.indexOf(change.transition))
  view.setUint16(2, steps.length)
  let at = headBytes
  for (const step of steps) {
    view.setUint8(at, kinds.indexOf(step.kind))
    view.setUint16(at + 1, Math.floor(step.id / idHighFactor))
    view.setUint32(at + 3, step.id % idHighFactor)
    at += stepBytes
  }
  bytes.set(context, at)
  return bytes
}

/** Null: not written by {@link encodeConfChange}, or by a newer one. A node must then stop, not skip it. */
export function decodeConfChange(bytes: Uint8Array): ConfChange | null {
  if (bytes.length < headBytes) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const transition = transitions[view.getUint8(1)]
  const count = view.getUint16(2)
  const end = headBytes + count * stepBytes
  if (view.getUint8(0) !== version || transition === undefined || bytes.length < end) return null
  const steps: ConfChangeStep[] = []
  for (let at = headBytes; at < end; at += stepBytes) {
    const kind = kinds[view.getUint8(at)]
    if (kind === undefined) return null
    steps.push({ kind, id: view.getUint16(at + 1) * idHighFactor + view.getUint32(at + 3) })
  }
  return { transition, steps, context: bytes.slice(end) }
}

class Draft {
  readonly voters: Set<RaftId>
  readonly #outgoing: readonly RaftId[]
  readonly #learners: Set<RaftId>
  readonly #learnersNext: Set<RaftId>
  readonly #autoLeave: boolean

  constructor(conf: ConfState) {
    this.voters = new Set(conf.voters)
    this.#outgoing = conf.outgoing
    this.#learners = new Set(conf.learners)
    this.#learnersNext = new Set(conf.learnersNext)
    this.#autoLeave = conf.autoLeave
  }

  apply(steps: readonly ConfChangeStep[]): void {
    for (const { kind, id } of steps) {
      if (id === none) continue // the host took the step back after it was proposed
      this.voters.delete(id)
      this.#learners.delete(id)
      this.#learnersNext.delete(id)
      if (kind === 'add-voter') this.voters.add(id)
      // Who votes in the outgoing half cannot be a learner at the same time.
      else if (kind === 'add-learner' && this.#outgoing.includes(id)) this.#learnersNext.add(id)
      else if (kind === 'add-learner') this.#learners.add(id)
    }
  }

  finish(): ConfState {
    return {
      voters: sorted(this.voters),
      outgoing: this.#outgoing,
      learners: sorted(this.#learners),
      learnersNext: sorted(this.#learnersNext),
      autoLeave: this.#autoLeave,
    }
  }
}

function difference(a: ReadonlySet<RaftId>, b: ReadonlySet<RaftId>): number {
  let count = 0
  for (const id of a) if (!b.has(id)) count++
  for (const id of b) if (!a.has(id)) count++
  return count
}

function sorted(ids: ReadonlySet<RaftId>): RaftId[] {
  return [...ids].sort((a, b) => a - b)
}
