import { assert } from '../assert.ts'
import { groupPrefix, metaGroup } from '../ids/group-id.ts'
import { decodeState, encodeState } from './codec.ts'
import type { MetaState } from './meta-state.ts'

/** What is needed of the node's store. */
export interface MetaStore {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  write(ops: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): Promise<void>
}

export interface Saved {
  /** Null: nothing but empty entries has been applied. */
  readonly state: MetaState | null
  /** Index of the last applied entry; 0: none. */
  readonly applied: number
}

/** Group 0's prefix, then 1. Frozen: on disk. */
const stateKey = Uint8Array.of(...groupPrefix(metaGroup), 1)

const indexBytes = 8

/**
 * State and applied index are one value, not two: whichever write survives a crash, the two belong
 * together, and the log is replayed from there.
 */
export async function writeSaved(store: MetaStore, saved: Saved): Promise<void> {
  const state = saved.state === null ? new Uint8Array(0) : encodeState(saved.state)
  const value = new Uint8Array(indexBytes + state.length)
  new DataView(value.buffer).setBigUint64(0, BigInt(saved.applied))
  value.set(state, indexBytes)
  await store.write([{ key: stateKey, value }])
}

/** Asserts that what was saved can be read (META-2). */
export async function readSaved(store: MetaStore): Promise<Saved> {
  const value = await store.get(stateKey)
  if (value === undefined) return { state: null, applied: 0 }
  assert(value.length >= indexBytes, 'META-2', { length: value.length })
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  const applied = Number(view.getBigUint64(0))
  const state = value.length > indexBytes ? decodeState(value.subarray(indexBytes)) : null
  return { state, applied }
}
