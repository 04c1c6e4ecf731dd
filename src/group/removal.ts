import { assert, sometimes } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import { KeyWriter, groupRange, prefixRange } from '../store/keys.ts'
import type { Log } from '../store/log.ts'
import type { Store } from '../store/store.ts'
import { forgetStaged } from './staged-rows.ts'

/*
 * How a group leaves a node. A mark says so durably before the first row goes, and goes itself when
 * rows and log are durably gone; whoever finds it at a start completes the removal. So the group is
 * here, or it is on its way out, or nothing is left but its term, its vote and what it owes
 * (Log.removeGroup).
 *
 * Key that no group has:  fffc group:u16
 */
const markPrefix = 0xfffc

/** Rows and log of a group that is not open. May be repeated; resolves when it is durable. */
export async function forgetGroup(log: Log, store: Store, id: GroupId): Promise<void> {
  const mark = markOf(id)
  await store.write([{ key: mark, value: new Uint8Array(0) }])
  await store.sync()
  await store.deleteRange(groupRange(id))
  await forgetStaged(store, id)
  const before = log.group(id)
  const { term } = before.initialState().hardState
  const { owed } = before.memory
  await new Promise<void>((resolve) => log.removeGroup(id, resolve))
  const here = log.group(id)
  const kept = here.initialState().hardState.term
  assert(here.isNew && kept >= term, 'GROUP-13', { group: id, term, kept })
  const owes = here.owed
  assert(owes?.index === owed?.index && owes?.term === owed?.term, 'GROUP-14', { owed, owes })
  // The rows first: without the mark nobody would look for what is left of them.
  await store.sync()
  await store.write([{ key: mark, value: null }])
  await store.sync()
}

/** Completes what a crash has interrupted, before anything reads rows. */
export async function finishRemovals(log: Log, store: Store): Promise<void> {
  const marks = await store.range(prefixRange(Uint8Array.of(markPrefix >>> 8, markPrefix & 0xff)))
  for (const [key] of marks) {
    sometimes(true, 'group: a removal was completed at a start')
    await forgetGroup(log, store, ((key[2] as number) << 8) | (key[3] as number))
  }
}

/** Groups that have a row, ascending. */
export async function groupsWithRows(store: Store): Promise<GroupId[]> {
  const found: GroupId[] = []
  let gte = Uint8Array.of(0, 0)
  for (;;) {
    const [first] = await store.range({ gte, lt: Uint8Array.of(0xff, 0xf0), limit: 1 })
    if (first === undefined) return found
    const id = ((first[0][0] as number) << 8) | (first[0][1] as number)
    found.push(id)
    gte = Uint8Array.from(groupRange(id).lt)
  }
}

function markOf(id: GroupId): Uint8Array {
  return new KeyWriter(4).u16(markPrefix).u16(id).key()
}
