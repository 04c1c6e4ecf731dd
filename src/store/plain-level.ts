import { Level } from 'level'
import type { BatchOp } from './write-queue.ts'

/** What LevelDB itself is given. Named here because `level` types only what browsers have too. */
interface Underneath {
  _batch(ops: readonly BatchOp[], options: { readonly sync: boolean }): Promise<void>
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>
  approximateSize(start: Uint8Array, end: Uint8Array): Promise<number>
}

/** `level` with bytes for keys and values, and two doors below its checks and encodings. */
export class PlainLevel extends Level<Uint8Array, Uint8Array> {
  /**
   * A batch of ops that are bytes already. abstract-level would copy, check and encode each of them
   * (measured: as long again as LevelDB's own part); `_batch` is what it then calls, and what its
   * documentation gives to implementations. The database must be open.
   */
  batchAsIs(ops: readonly BatchOp[]): Promise<void> {
    return (this as unknown as Underneath)._batch(ops, { sync: false })
  }

  compact(start: Uint8Array, end: Uint8Array): Promise<void> {
    return (this as unknown as Underneath).compactRange(start, end)
  }

  /** Bytes that table files take for [start, end). */
  sizeOf(start: Uint8Array, end: Uint8Array): Promise<number> {
    return (this as unknown as Underneath).approximateSize(start, end)
  }
}
