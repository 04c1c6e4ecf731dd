import type { GroupId } from '../ids/group-id.ts'
import { KeyWriter, prefixRange } from '../store/keys.ts'
import type { KeyRange, Store } from '../store/store.ts'

/*
 * Where the rows of a snapshot wait for their exchange (staging.ts). Keys that no group has:
 *
 *   fffd group:u16 key    gathered rows
 *   fffe group:u16        the mark: all are there, or in place already
 */
const rowsPrefix = 0xfffd
const markPrefix = 0xfffe
export const prefixBytes = 4

/** Throws away what an earlier attempt has gathered. */
export async function clearStaging(store: Store, group: GroupId): Promise<void> {
  await store.deleteRange(stagingRange(group))
}

/** Nothing is to be exchanged any more. */
export function forgetMark(store: Store, group: GroupId): Promise<void> {
  return store.write([{ key: stagingMark(group), value: null }])
}

/**
 * Nothing more is needed of this. The rows go only when the mark is durably gone, or a start would
 * complete the exchange with half of them.
 */
export async function forgetStaged(store: Store, group: GroupId): Promise<void> {
  await forgetMark(store, group)
  await store.sync()
  await clearStaging(store, group)
}

export function stagingPrefix(group: GroupId): Uint8Array {
  return prefixOf(rowsPrefix, group)
}

export function stagingRange(group: GroupId): KeyRange {
  return prefixRange(stagingPrefix(group))
}

export function stagingMark(group: GroupId): Uint8Array {
  return prefixOf(markPrefix, group)
}

/** The marks of all groups. */
export const stagingMarks: KeyRange = prefixRange(
  Uint8Array.of(markPrefix >>> 8, markPrefix & 0xff),
)

function prefixOf(section: number, group: GroupId): Uint8Array {
  return new KeyWriter(prefixBytes).u16(section).u16(group).key()
}
