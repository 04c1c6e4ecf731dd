import { crc32 } from 'node:zlib'
import type { Incarnation } from './segment.ts'

/**
 * A frame is what one write holds: a head, then records. Its head says where it stands, and how
 * far the segment was durable when it was written. That tells a torn tail from damage: behind
 * broken bytes at p, a whole frame that was written when p was already durable proves that p was
 * acknowledged.
 */
export interface FrameHead {
  /** Counts the frames of a log, over all segments, without a hole. */
  readonly sequence: number
  /** Bytes of records behind the head. */
  readonly bodyBytes: number
  /** Position in its segment. */
  readonly offset: number
  /** Bytes of this segment that were durable when it was written. */
  readonly durable: number
  readonly segment: number
  readonly incarnation: Incarnation
}

/*
 * Head: magic:u32 crc32:u32 segment:u32 bodyBytes:u32 sequence:f64 offset:u32 durable:u32
 * incarnation(8); crc over all behind it. Records carry their own checksums.
 */
export const frameHeadBytes = 40
export const frameMagic = Buffer.from('FRM\x01', 'latin1')
/** Frames start at multiples of this, so that a search need not look everywhere. */
export const frameAlign = 8

export function align(offset: number): number {
  return Math.ceil(offset / frameAlign) * frameAlign
}

export function writeFrameHead(head: FrameHead, to: Buffer, at: number): void {
  frameMagic.copy(to, at)
  to.writeUInt32LE(head.segment, at + 8)
  to.writeUInt32LE(head.bodyBytes, at + 12)
  to.writeDoubleLE(head.sequence, at + 16)
  to.writeUInt32LE(head.offset, at + 24)
  to.writeUInt32LE(head.durable, at + 28)
  head.incarnation.copy(to, at + 32)
  to.writeUInt32LE(crc32(to.subarray(at + 8, at + frameHeadBytes)), at + 4)
}

/** The head of a frame at `at` of the segment `bytes`; null: there is none that stands where it says. */
export function readFrameHead(
  bytes: Buffer,
  at: number,
  segment: number,
  incarnation: Incarnation,
): FrameHead | null {
  if (at + frameHeadBytes > bytes.length) return null
  if (!bytes.subarray(at, at + 4).equals(frameMagic)) return null
  if (crc32(bytes.subarray(at + 8, at + frameHeadBytes)) !== bytes.readUInt32LE(at + 4)) return null
  const head: FrameHead = {
    segment: bytes.readUInt32LE(at + 8),
    bodyBytes: bytes.readUInt32LE(at + 12),
    sequence: bytes.readDoubleLE(at + 16),
    offset: bytes.readUInt32LE(at + 24),
    durable: bytes.readUInt32LE(at + 28),
    incarnation,
  }
  if (!bytes.subarray(at + 32, at + frameHeadBytes).equals(incarnation)) return null
  return head.segment === segment && head.offset === at ? head : null
}
