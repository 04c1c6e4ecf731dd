import { crc32 } from 'node:zlib'
import { planted } from '../fault-points.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { ConfState, Entry, EntryKind, HardState } from '../raft/entry.ts'
import type { Marker } from './group-log.ts'
import type { ConfAt } from './log.ts'

/**
 * What a record says. `step`: hard state, entries, members of one step; with a marker it is a
 * snapshot, which replaces the log. `compact`: the log starts behind the marker. `removed`: the
 * group is gone, but for its term, its vote and what it owes. `again`: old entries, written again so
 * that their segment can go. `state`: all but entries, as of the start of a segment. The order is the
 * number on disk.
 */
export const recordKinds = ['step', 'compact', 'removed', 'again', 'state'] as const
export type RecordKind = (typeof recordKinds)[number]

export interface LogRecord {
  readonly kind: RecordKind
  readonly group: GroupId
  readonly hardState: HardState | null
  readonly marker: Marker | null
  /** `removed` and `state` only (GroupState.owed). */
  readonly owed: Marker | null
  readonly confs: readonly ConfAt[]
  readonly entries: readonly Entry[]
}

/*
 * On disk, little-endian:
 *
 *   size:u32 crc32:u32 group:u16 kind:u8 parts:u8 entries:u32            crc over all behind it
 *   [term:f64 commit:f64 vote:u32] [index:f64 term:f64]                  hard state, marker
 *   [index:f64 term:f64]                                                 what is owed
 *   [count:u16 (index:f64 auto:u8 4 × (count:u16 ids:u32…))…]            members
 *   [first:f64 (term:f64 bytes·2+isConfChange:u32 data)…]                entries
 *
 * Terms and indexes are whole numbers below 2^53, which a float holds exactly.
 */
const headBytes = 16
const crcFrom = 8
const part = { hardState: 1, marker: 2, confs: 4, owed: 8 } as const
const hardStateBytes = 20
const markerBytes = 16
const entryHeadBytes = 12

/** Largest record, bytes: what one step of one group may hold. A size above it is damage. */
export const maxRecordBytes = 1024 * 1024 * 1024

const lists = ['voters', 'outgoing', 'learners', 'learnersNext'] as const

/** Bytes that {@link writeRecord} will write. */
export function recordBytes(record: LogRecord): number {
  let bytes = headBytes
  if (record.hardState !== null) bytes += hardStateBytes
  if (record.marker !== null) bytes += markerBytes
  if (record.owed !== null) bytes += markerBytes
  if (record.confs.length > 0) {
    bytes += 2
    for (const { conf } of record.confs) {
      bytes += 9
      for (const list of lists) bytes += 2 + 4 * conf[list].length
    }
  }
  if (record.entries.length > 0) {
    bytes += 8
    for (const entry of record.entries) bytes += entryHeadBytes + entry.data.length
  }
  return bytes
}

/** Writes `record` at `at`; returns where it ends. There is room. */
export function writeRecord(record: LogRecord, to: Buffer, view: DataView, at: number): number {
  const start = at
  let parts = 0
  at += headBytes
  const { hardState, marker, owed, confs, entries } = record
  if (hardState !== null) {
    parts |= part.hardState
    view.setFloat64(at, hardState.term, true)
    view.setFloat64(at + 8, hardState.commit, true)
    view.setUint32(at + 16, hardState.vote, true)
    at += hardStateBytes
  }
  if (marker !== null) {
    parts |= part.marker
    at = writeMarker(marker, view, at)
  }
  if (owed !== null) {
    parts |= part.owed
    at = writeMarker(owed, view, at)
  }
  if (confs.length > 0) {
    parts |= part.confs
    at = writeConfs(confs, view, at)
  }
  if (entries.length > 0) at = writeEntries(entries, to, view, at)
  view.setUint32(start, at - start, true)
  view.setUint16(start + 8, record.group, true)
  view.setUint8(start + 10, recordKinds.indexOf(record.kind))
  view.setUint8(start + 11, parts)
  view.setUint32(start + 12, entries.length, true)
  view.setUint32(start + 4, crc32(to.subarray(start + crcFrom, at)), true)
  return at
}

/** The record at `at`, which ends by `end`, and its size; null: that is no whole record. Copies the data. */
export function readRecord(
  from: Buffer,
  at: number,
  end: number,
): { record: LogRecord; bytes: number } | null {
  if (at + headBytes > end) return null
  const bytes = from.readUInt32LE(at)
  if (bytes < headBytes || bytes > maxRecordBytes || at + bytes > end) return null
  const isWhole = crc32(from.subarray(at + crcFrom, at + bytes)) === from.readUInt32LE(at + 4)
  if (!isWhole && !planted('K21')) return null
  // The checksum holds: what follows was written by writeRecord, and needs no further doubt.
  const own = Buffer.from(from.subarray(at, at + bytes))
  return { record: decode(own), bytes }
}

function decode(own: Buffer): LogRecord {
  const view = new DataView(own.buffer, own.byteOffset, own.byteLength)
  const kind = recordKinds[own[10] as number]
  if (kind === undefined) throw new RangeError(`record kind ${own[10]} is of a newer version`)
  const parts = own[11] as number
  const count = view.getUint32(12, true)
  let at = headBytes
  let hardState: HardState | null = null
  let marker: Marker | null = null
  let owed: Marker | null = null
  if ((parts & part.hardState) !== 0) {
    const [term, commit] = [view.getFloat64(at, true), view.getFloat64(at + 8, true)]
    hardState = { term, vote: view.getUint32(at + 16, true), commit }
    at += hardStateBytes
  }
  if ((parts & part.marker) !== 0) {
    marker = readMarker(view, at)
    at += markerBytes
  }
  if ((parts & part.owed) !== 0) {
    owed = readMarker(view, at)
    at += markerBytes
  }
  const confs: ConfAt[] = []
  if ((parts & part.confs) !== 0) at = readConfs(confs, view, at)
  const entries = count > 0 ? readEntries(count, own, view, at) : []
  return { kind, group: view.getUint16(8, true), hardState, marker, owed, confs, entries }
}

function writeMarker({ index, term }: Marker, view: DataView, at: number): number {
  view.setFloat64(at, index, true)
  view.setFloat64(at + 8, term, true)
  return at + markerBytes
}

function readMarker(view: DataView, at: number): Marker {
  return { index: view.getFloat64(at, true), term: view.getFloat64(at + 8, true) }
}

function writeEntries(entries: readonly Entry[], to: Buffer, view: DataView, at: number): number {
  view.setFloat64(at, (entries[0] as Entry).index, true)
  at += 8
  for (const { term, kind, data } of entries) {
    view.setFloat64(at, term, true)
    view.setUint32(at + 8, data.length * 2 + (kind === 'conf-change' ? 1 : 0), true)
    at += entryHeadBytes
    to.set(data, at)
    at += data.length
  }
  return at
}

function readEntries(count: number, own: Buffer, view: DataView, at: number): Entry[] {
  const entries: Entry[] = []
  const first = view.getFloat64(at, true)
  at += 8
  for (let i = 0; i < count; i++) {
    const term = view.getFloat64(at, true)
    const packed = view.getUint32(at + 8, true)
    at += entryHeadBytes
    const length = packed >>> 1
    const kind: EntryKind = (packed & 1) === 1 ? 'conf-change' : 'normal'
    entries.push({ term, index: first + i, kind, data: own.subarray(at, at + length) })
    at += length
  }
  return entries
}

function writeConfs(confs: readonly ConfAt[], view: DataView, at: number): number {
  view.setUint16(at, confs.length, true)
  at += 2
  for (const { index, conf } of confs) {
    view.setFloat64(at, index, true)
    view.setUint8(at + 8, conf.autoLeave ? 1 : 0)
    at += 9
    for (const list of lists) {
      const ids = conf[list]
      view.setUint16(at, ids.length, true)
      at += 2
      for (const id of ids) {
        view.setUint32(at, id, true)
        at += 4
      }
    }
  }
  return at
}

function readConfs(into: ConfAt[], view: DataView, at: number): number {
  const count = view.getUint16(at, true)
  at += 2
  for (let i = 0; i < count; i++) {
    const index = view.getFloat64(at, true)
    const autoLeave = view.getUint8(at + 8) === 1
    at += 9
    const members: number[][] = []
    for (let list = 0; list < lists.length; list++) {
      const size = view.getUint16(at, true)
      at += 2
      const ids: number[] = []
      for (let n = 0; n < size; n++, at += 4) ids.push(view.getUint32(at, true))
      members.push(ids)
    }
    const [voters = [], outgoing = [], learners = [], learnersNext = []] = members
    const conf: ConfState = { voters, outgoing, learners, learnersNext, autoLeave }
    into.push({ index, conf })
  }
  return at
}
