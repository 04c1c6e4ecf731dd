import { sometimes } from '../assert.ts'
import { faultPoint } from '../fault-points.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { SnapshotMeta } from '../raft/entry.ts'
import { KeyWriter, groupRange } from '../store/keys.ts'
import type { Log, Step } from '../store/log.ts'
import type { Op, Pair, Store } from '../store/store.ts'
import { finishRemovals } from './removal.ts'
import {
  clearStaging,
  forgetStaged,
  prefixBytes,
  stagingMark,
  stagingMarks,
  stagingPrefix,
  stagingRange,
} from './staged-rows.ts'

/*
 * How rows of a group are replaced so that a crash at any point leaves the old rows, or rows that
 * the next start completes. The new ones are gathered under keys of their own. When all are there
 * and durable, a mark says so, with the index they stand for. Only then do they take the place of
 * the old, and that can be done again from the start as often as needed. When they are in place the
 * mark says that, and those that were gathered go: the next snapshot may be gathered there. The mark
 * goes when the log holds the snapshot too.
 */

/** What a mark says. */
interface Mark extends SnapshotMeta {
  /** Missing: the gathered rows are to take the place of the group's. */
  readonly inPlace?: true
}

/** Rows moved at once, bytes. */
const moveBytes = 256 * 1024

export async function stage(store: Store, group: GroupId, pairs: readonly Pair[]): Promise<void> {
  faultPoint('snapshot-write')
  const prefix = stagingPrefix(group)
  const ops: Op[] = pairs.map(([key, value]) => ({ key: join(prefix, key), value: own(value) }))
  await store.write(ops)
}

/** All rows are gathered: from here on the snapshot is here to stay. Durable when it resolves. */
export async function markStaged(store: Store, group: GroupId, meta: SnapshotMeta): Promise<void> {
  await writeMark(store, group, meta)
  faultPoint('after-staging')
}

/** Puts the gathered rows in the place of the group's. May be repeated. Durable when it resolves. */
export async function swapIn(store: Store, group: GroupId, meta: SnapshotMeta): Promise<void> {
  await store.deleteRange(groupRange(group))
  faultPoint('during-install')
  const view = store.snapshot()
  try {
    await view.iterate(stagingRange(group), moveBytes, async (pairs) => {
      await store.write(pairs.map(([key, value]) => ({ key: key.subarray(prefixBytes), value })))
      return true
    })
  } finally {
    await view.close()
  }
  await store.sync()
  await writeMark(store, group, { ...meta, inPlace: true })
  await clearStaging(store, group)
}

async function writeMark(store: Store, group: GroupId, mark: Mark): Promise<void> {
  await store.write([{ key: stagingMark(group), value: Buffer.from(JSON.stringify(mark)) }])
  await store.sync()
}

/**
 * Completes the removals and exchanges that a crash has interrupted. To be called before any machine
 * reads its rows, and before groups are opened.
 */
export async function finishInstalls(log: Log, store: Store): Promise<void> {
  await finishRemovals(log, store)
  const marks = await store.range(stagingMarks)
  for (const [key, value] of marks) {
    const group = ((key[2] as number) << 8) | (key[3] as number)
    sometimes(true, 'group: the exchange of rows was completed at a start')
    const { inPlace, ...meta } = JSON.parse(Buffer.from(value).toString()) as Mark
    sometimes(inPlace === true, 'group: rows were in place at a start, and the log did not know')
    if (inPlace !== true) await swapIn(store, group, meta)
    await adopt(log, group, meta)
    await forgetStaged(store, group)
  }
}

/**
 * The log starts behind the snapshot, unless it already holds that entry. Then it may still lack the
 * members: the machine stands at the snapshot, so no change at or below is applied once more.
 */
export async function adopt(log: Log, group: GroupId, snapshot: SnapshotMeta): Promise<void> {
  const here = log.group(group)
  const { index, term, conf } = snapshot
  if (here.marker.index >= index) return
  const append = (step: Step): Promise<void> =>
    new Promise((resolve) => log.append(group, step, true, resolve))
  if (here.lastIndex() >= index && here.term(index) === term) {
    if ((here.conf?.index ?? 0) >= index) return
    sometimes(true, 'group: a log that held the entries took the members of a snapshot')
    await append({ hardState: null, entries: [], snapshot: null, conf: { index, conf } })
    return
  }
  const before = here.initialState().hardState
  const hardState = {
    term: Math.max(before.term, term),
    vote: before.term >= term ? before.vote : 0,
    commit: Math.max(before.commit, index),
  }
  await append({ hardState, entries: [], snapshot, conf: null })
}

function join(prefix: Uint8Array, key: Uint8Array): Uint8Array {
  return new KeyWriter(prefix.length + key.length).bytes(prefix).bytes(key).key()
}

/** A row that is kept must not keep its whole chunk in memory. */
function own(value: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(value)
}
