import { crc32 } from 'node:zlib'
import type { DiskFile } from './disk.ts'

/** Sixteen random digits given to a log when it is made: its files know each other by it. */
export type Incarnation = Buffer
export const incarnationBytes = 8

/** The version of the format on disk. Another one is refused. */
export const logVersion = 1

/** What the head of a segment says. */
export interface SegmentHead {
  readonly number: number
  /** Where the segment before it ends; what lies behind that was never acknowledged. 0: none before. */
  readonly previousEnd: number
  /** Sequence of its first frame. */
  readonly firstSequence: number
  readonly incarnation: Incarnation
}

/** A segment that is open. */
export interface Segment {
  readonly number: number
  readonly file: DiskFile
  /** Reads under way: it is not removed meanwhile. */
  readers: number
}

/*
 * Head: magic(8) crc32:u32 version:u32 number:u32 previousEnd:u32 firstSequence:f64 incarnation(8),
 * zeroes up to 64; crc over all behind it.
 */
export const segmentHeadBytes = 64
const magic = Buffer.from('FLOTLOG\n', 'latin1')

export function segmentName(number: number): string {
  return `${String(number).padStart(16, '0')}.seg`
}

/** The number in a segment's name; null: not a segment. */
export function segmentNumber(name: string): number | null {
  return /^\d{16}\.seg$/.test(name) ? Number.parseInt(name, 10) : null
}

export function writeSegmentHead(head: SegmentHead): Buffer {
  const bytes = Buffer.alloc(segmentHeadBytes)
  magic.copy(bytes, 0)
  bytes.writeUInt32LE(logVersion, 12)
  bytes.writeUInt32LE(head.number, 16)
  bytes.writeUInt32LE(head.previousEnd, 20)
  bytes.writeDoubleLE(head.firstSequence, 24)
  head.incarnation.copy(bytes, 32)
  bytes.writeUInt32LE(crc32(bytes.subarray(12)), 8)
  return bytes
}

/** What a head says of itself, whatever else it says: magic, crc and version keep their places for ever. */
export function segmentVersion(head: Buffer): number {
  return head.readUInt32LE(12)
}

/** `version`: written by another version. `bad`: not a whole head. */
export function readSegmentHead(bytes: Buffer): SegmentHead | 'bad' | 'version' {
  if (bytes.length < segmentHeadBytes || !bytes.subarray(0, 8).equals(magic)) return 'bad'
  if (crc32(bytes.subarray(12, segmentHeadBytes)) !== bytes.readUInt32LE(8)) return 'bad'
  if (segmentVersion(bytes) !== logVersion) return 'version'
  return {
    number: bytes.readUInt32LE(16),
    previousEnd: bytes.readUInt32LE(20),
    firstSequence: bytes.readDoubleLE(24),
    incarnation: Buffer.from(bytes.subarray(32, 32 + incarnationBytes)),
  }
}
