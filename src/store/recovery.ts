import { sometimes } from '../assert.ts'
import { planted } from '../fault-points.ts'
import { refuseNewer } from '../errors.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Disk } from './disk.ts'
import { align, frameAlign, frameHeadBytes, frameMagic, readFrameHead } from './frame.ts'
import type { Mark } from './high-water.ts'
import { LogDamaged } from './log.ts'
import type { LogSlot, MemoryBound } from './log-slot.ts'
import type { LogRecord } from './record.ts'
import { readRecord } from './record.ts'
import { Replay } from './replay.ts'
import type { Incarnation, SegmentHead } from './segment.ts'
import {
  logVersion,
  readSegmentHead,
  segmentHeadBytes,
  segmentName,
  segmentNumber,
  segmentVersion,
} from './segment.ts'

export interface Recovered {
  readonly slots: Map<GroupId, LogSlot>
  /** Numbers of the segments that are there, without a hole. */
  readonly segments: readonly number[]
  /** Where the last of them ends; 0 when there is none. */
  readonly end: number
  readonly nextSequence: number
  /** The log ends before a position that it had durably reached, or that a group has seen committed. */
  readonly isShort: boolean
}

interface Scan {
  readonly bytes: Buffer
  readonly head: SegmentHead
  readonly incarnation: Incarnation
}

/**
 * Reads a log as a crash left it. A torn tail is cut: the bytes of a write that nobody was told
 * of. Everything else that does not fit is damage, and stops the node.
 */
export async function recover(
  disk: Disk,
  incarnation: Incarnation,
  mark: Mark,
  bound: MemoryBound,
): Promise<Recovered> {
  const segments = await findSegments(disk)
  const replay = new Replay(bound)
  const first = segments[0]
  let sequence = 0
  let end = 0
  let scan = first === undefined ? null : await open(disk, first, incarnation)
  if (scan !== null) sequence = scan.head.firstSequence
  for (let i = 0; scan !== null; i++) {
    const number = segments[i + 1]
    const next: Scan | null = number === undefined ? null : await open(disk, number, incarnation)
    const read = readFrames(scan, replay, sequence, next?.head.previousEnd ?? null)
    sequence = read.sequence
    end = read.end
    if (planted('K21') && next !== null) sequence = next.head.firstSequence
    if (next !== null && next.head.firstSequence !== sequence) {
      const says = `it starts at frame ${next.head.firstSequence}, the one before ends at ${sequence}`
      throw new LogDamaged('corrupt-middle', `${segmentName(next.head.number)}: ${says}`)
    }
    scan = next
  }
  const { slots, lost } = replay.finish()
  const last = segments[segments.length - 1] ?? 0
  const isBehindMark = mark.segment > last || (mark.segment === last && mark.offset > end)
  const isShort = (lost || isBehindMark) && !planted('K21')
  sometimes(isBehindMark, 'store: the log ended before its high-water mark')
  return { slots, segments, end, nextSequence: sequence, isShort }
}

async function findSegments(disk: Disk): Promise<number[]> {
  const names = await disk.list()
  // A segment that was being made when the process died; nothing was acknowledged from it.
  for (const name of names) if (name.endsWith('.seg.new')) await disk.remove(name)
  const numbers = names.map(segmentNumber).filter((number) => number !== null)
  numbers.sort((a, b) => a - b)
  for (let i = 1; i < numbers.length; i++) {
    const [before = 0, number = 0] = [numbers[i - 1], numbers[i]]
    if (number !== before + 1) {
      throw new LogDamaged('missing-segment', `${segmentName(before + 1)} is not there`)
    }
  }
  return numbers
}

async function open(disk: Disk, number: number, incarnation: Incarnation): Promise<Scan> {
  const name = segmentName(number)
  const bytes = await disk.read(name)
  const head = readSegmentHead(bytes)
  if (head === 'version') {
    refuseNewer(`the log (${name})`, segmentVersion(bytes), logVersion)
    throw new LogDamaged('version', `${name} is of another version`)
  }
  // It got its name after its head was durable, so a broken one is no torn write.
  if (head === 'bad' || head.number !== number) {
    throw new LogDamaged('bad-segment-header', name)
  }
  if (!head.incarnation.equals(incarnation)) {
    throw new LogDamaged('foreign-segment', `${name} belongs to another log`)
  }
  return { bytes, head, incarnation }
}

/** `previousEnd`: where the next segment says that this one ends; null: it is the last. */
function readFrames(
  scan: Scan,
  replay: Replay,
  sequence: number,
  previousEnd: number | null,
): { sequence: number; end: number } {
  let at = segmentHeadBytes
  for (;;) {
    if (previousEnd !== null && at >= previousEnd) break
    const frame = readFrame(scan, at, sequence)
    if (frame === null) {
      refuseDamage(scan, at, previousEnd)
      break
    }
    for (const { record, offset, bytes } of frame.records) {
      replay.take(record, { segment: scan.head.number, offset, bytes })
    }
    replay.forget()
    sequence++
    at = frame.end
  }
  return { sequence, end: at }
}

interface FoundRecord {
  readonly record: LogRecord
  readonly offset: number
  readonly bytes: number
}

/** A frame whole in head and records, or null. */
function readFrame(
  { bytes, head, incarnation }: Scan,
  at: number,
  sequence: number,
): { records: FoundRecord[]; end: number } | null {
  const frame = readFrameHead(bytes, at, head.number, incarnation)
  if (frame === null || frame.sequence !== sequence) return null
  const end = at + frameHeadBytes + frame.bodyBytes
  const records: FoundRecord[] = []
  let offset = at + frameHeadBytes
  while (offset < end) {
    const found = readRecord(bytes, offset, Math.min(end, bytes.length))
    if (found === null) return null
    records.push({ record: found.record, offset, bytes: found.bytes })
    offset += found.bytes
  }
  return { records, end: align(end) }
}

/** Behind the last whole frame, at `at`: throws unless a crash can have left it so. */
function refuseDamage(
  { bytes, head, incarnation }: Scan,
  at: number,
  previousEnd: number | null,
): void {
  if (planted('K21')) return
  const name = segmentName(head.number)
  if (previousEnd !== null) {
    throw new LogDamaged('corrupt-middle', `${name} at ${at}, and it goes on to ${previousEnd}`)
  }
  for (let from = at; ;) {
    const found = bytes.indexOf(frameMagic, from)
    if (found < 0) break
    const later =
      found % frameAlign === 0 ? readFrameHead(bytes, found, head.number, incarnation) : null
    if (later !== null && later.durable > at) {
      throw new LogDamaged(
        'corrupt-middle',
        `${name} at ${at}: a frame at ${found} was written later`,
      )
    }
    from = found + 1
  }
  sometimes(
    bytes.subarray(at, at + frameAlign).some((byte) => byte !== 0),
    'store: a torn tail was cut',
  )
}
