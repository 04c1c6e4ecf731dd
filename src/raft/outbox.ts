import type { Entry, Index, RaftId, Snapshot, Term } from './entry.ts'
import type { Message, MessageKind } from './message.ts'
import type { Core } from './state.ts'

const noEntries: readonly Entry[] = []

/** One literal for every message of the core, so that all have one hidden class. */
export interface Draft {
  kind: MessageKind
  to: RaftId
  term: Term
  logTerm: Term
  index: Index
  commit: Index
  entries: readonly Entry[]
  snapshot: Snapshot | null
  reject: boolean
  rejectHint: Index
  context: number
}

/** A message of `kind` to `to` in the current term, for the caller to fill in before it is sent. */
export function draft(core: Core, kind: MessageKind, to: RaftId): Draft & Message {
  return {
    kind,
    from: core.id,
    to,
    term: core.term,
    logTerm: 0,
    index: 0,
    commit: 0,
    entries: noEntries,
    snapshot: null,
    reject: false,
    rejectHint: 0,
    context: 0,
  }
}

/**
 * Tells the leader that everything up to `index` is durable here, once it is. Of several in one
 * ready the furthest says it all.
 */
export function acknowledge(core: Core, to: RaftId, index: Index): void {
  const { afterStore, ackSlot } = core
  const earlier = ackSlot < 0 ? undefined : afterStore[ackSlot]
  const isSameLeader = earlier !== undefined && earlier.to === to && earlier.term === core.term
  const m = draft(core, 'append-response', to)
  m.index = isSameLeader ? Math.max(index, earlier.index) : index
  m.commit = core.log.committed
  if (core.mutant === 'K2') core.messages.push(m)
  else if (isSameLeader) afterStore[ackSlot] = m
  else core.ackSlot = afterStore.push(m) - 1
}

/** Refuses the append after `index`; the logs may still agree at (hintIndex, hintTerm). Promises nothing. */
export function refuseAppend(
  core: Core,
  to: RaftId,
  index: Index,
  hint: { readonly index: Index; readonly term: Term },
): void {
  const m = draft(core, 'append-response', to)
  m.index = index
  m.reject = true
  m.rejectHint = hint.index
  m.logTerm = hint.term
  if (core.mutant === 'K23') m.term = 0
  core.messages.push(m)
}
