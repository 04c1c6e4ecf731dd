import type { Entry, Index } from '../raft/entry.ts'
import { entryBytes } from './group-log.ts'
import { LogBroken } from './log.ts'
import type { LogSlot } from './log-slot.ts'
import { readRecord } from './record.ts'
import type { SegmentChain } from './segment-chain.ts'

/** Entries read back for a group at once, bytes; one record may exceed it. The rest is read when asked for again. */
const maxReadBackBytes = 1024 * 1024

/** Entries from `lo` on, below `hi`, as far as the bound allows. Throws when the disk gives back something else. */
export async function readEntries(
  chain: SegmentChain,
  slot: LogSlot,
  lo: Index,
  hi: Index,
): Promise<readonly Entry[]> {
  const found: Entry[] = []
  let bytes = 0
  for (const at of Array.from(slot.positions.locate(lo, hi))) {
    const segment = chain.find(at.segment)
    if (segment === undefined) throw new LogBroken(`segment ${at.segment} is gone`)
    segment.readers++
    try {
      const raw = await segment.file.read(at.offset, at.bytes)
      const record = readRecord(raw, 0, raw.length)?.record
      if (record === undefined || record.group !== slot.id) {
        throw new LogBroken(`checksum mismatch in segment ${at.segment} at ${at.offset}`)
      }
      for (const entry of record.entries) {
        if (entry.index < Math.max(at.from, lo) || entry.index > Math.min(at.to, hi - 1)) continue
        found.push(entry)
        bytes += entryBytes(entry)
      }
    } finally {
      segment.readers--
    }
    if (bytes > maxReadBackBytes) break
  }
  return found
}
