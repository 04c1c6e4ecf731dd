import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import type { DiskCounts, DiskOrders } from './world.ts'

/** Words of 32 bits, little-endian, as in disk-shim.c. */
const word = {
  noSpace: 0,
  failWriteIn: 1,
  failSyncIn: 2,
  syncDelayMs: 3,
  hangSync: 4,
  writes: 8,
  syncs: 9,
  failedWrites: 10,
  failedSyncs: 11,
  slowedSyncs: 12,
  hungSyncs: 13,
  syncMicros: 14,
} as const
const orderWords = 5
const pageBytes = 4096

/** The page of memory that a node's disk shim shares with us: orders one way, counts the other. */
export class DiskControl {
  readonly #file: number
  #closed = false

  constructor(path: string) {
    writeFileSync(path, Buffer.alloc(pageBytes))
    this.#file = openSync(path, 'r+')
  }

  order(orders: DiskOrders): void {
    if (this.#closed) return
    const page = Buffer.alloc(orderWords * 4)
    page.writeUInt32LE(orders.noSpace === true ? 1 : 0, word.noSpace * 4)
    page.writeUInt32LE(orders.failWriteIn ?? 0, word.failWriteIn * 4)
    page.writeUInt32LE(orders.failSyncIn ?? 0, word.failSyncIn * 4)
    page.writeUInt32LE(orders.syncDelayMs ?? 0, word.syncDelayMs * 4)
    page.writeUInt32LE(orders.hangSync === true ? 1 : 0, word.hangSync * 4)
    writeSync(this.#file, page, 0, page.length, 0)
  }

  counts(): DiskCounts {
    const page = Buffer.alloc(pageBytes)
    if (!this.#closed) readSync(this.#file, page, 0, pageBytes, 0)
    const at = (name: keyof typeof word): number => page.readUInt32LE(word[name] * 4)
    const syncs = at('syncs')
    return {
      writes: at('writes'),
      syncs,
      failedWrites: at('failedWrites'),
      failedSyncs: at('failedSyncs'),
      slowedSyncs: at('slowedSyncs'),
      hungSyncs: at('hungSyncs'),
      syncMs: syncs === 0 ? undefined : at('syncMicros') / syncs / 1000,
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#file)
  }
}
