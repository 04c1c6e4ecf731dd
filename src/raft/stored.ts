import type { Snapshot } from './entry.ts'
import type { Message } from './message.ts'
import { draft } from './outbox.ts'
import { onOwnStored } from './replication.ts'
import type { Core } from './state.ts'

/**
 * A message to this node that says how far the log reaches once this ready is stored. It carries
 * the term: between two writes of the same entry another term may have overwritten it, and then
 * the answer to the first write proves nothing. A new term is itself a reason to store, so an
 * answer that is dropped for its term is followed by one that counts.
 */
export function askForCompletion(core: Core, snapshot: Snapshot | null): void {
  const m = draft(core, 'storage-append-response', core.id)
  m.index = core.log.lastIndex
  m.logTerm = core.log.lastTerm
  m.snapshot = snapshot
  if (core.mutant === 'K2') onStored(core, m)
  core.afterStore.push(m)
}

/** The disk answered, and the term is still the one in which it was asked. */
export function onStored(core: Core, m: Message): void {
  onSnapshotStored(core, m)
  core.log.unstable.stableTo(m.index, m.logTerm)
  if (core.leader !== null) onOwnStored(core, core.leader, core.log.stable)
}

/** Of any term: a snapshot that was installed stays installed. */
export function onSnapshotStored(core: Core, m: Message): void {
  if (m.snapshot !== null) core.log.snapshotStored(m.snapshot.meta.index)
}
