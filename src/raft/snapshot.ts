import { assert, sometimes } from '../assert.ts'
import { restore } from './confchange.ts'
import type { Snapshot } from './entry.ts'
import type { Message } from './message.ts'
import { acknowledge, draft } from './outbox.ts'
import type { Progress } from './progress.ts'
import type { Core } from './state.ts'
import { adoptConf, trace } from './state.ts'
import { Unavailable } from './storage-view.ts'

/** Leader: the follower needs entries that are gone. Not sent to one that does not answer at all. */
export function sendSnapshot(core: Core, peer: Progress): void {
  if (!peer.recentActive) return
  let snapshot: Snapshot
  try {
    snapshot = core.storage.snapshot()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    core.awaitsRead = true
    return
  }
  const { index } = snapshot.meta
  assert(index > 0 && index <= core.log.committed, 'RAFT-11', {
    index,
    committed: core.log.committed,
  })
  peer.becomeSnapshot(index)
  const m = draft(core, 'snapshot', peer.id)
  m.snapshot = snapshot
  core.messages.push(m)
  trace(core, { kind: 'snapshot-sent', to: peer.id, index })
}

/** Follower: takes the snapshot when it leads forward, and says where the log stands in any case. */
export function onSnapshot(core: Core, m: Message): void {
  if (m.snapshot === null) return
  try {
    const isInstalled = install(core, m.snapshot)
    acknowledge(core, m.from, isInstalled ? core.log.lastIndex : core.log.committed)
  } catch (error) {
    // Whether the log holds it already must be read first. To install it unread might cut off what
    // was acknowledged; as if the message were lost, the leader asks again.
    if (!(error instanceof Unavailable)) throw error
    sometimes(true, 'raft: a snapshot waits for the disk to be read')
  }
}

function install(core: Core, snapshot: Snapshot): boolean {
  const { log } = core
  const { index, term, conf } = snapshot.meta
  if (index <= log.committed) {
    sometimes(true, 'raft: an older snapshot came late')
    return false
  }
  if (log.matches(index, term)) {
    // The log has it all: a commit index is all that was missing.
    log.commitTo(index)
    return false
  }
  const normal = restore(conf)
  assert(normal !== null, 'RAFT-10', { conf })
  assert(term <= core.term, 'RAFT-9', { term, own: core.term })
  sometimes(log.lastIndex > index, 'raft: a snapshot replaced a diverged tail')
  log.restore(snapshot)
  adoptConf(core, normal)
  trace(core, { kind: 'snapshot-restored', index })
  return true
}
