import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../src/ports.ts'
import type { LostWrites } from './world.ts'

/** What of a torn write survives is a multiple of this, bytes. */
const sectorBytes = 512
/** Of the journal's records; disk-shim.c writes them. */
const headBytes = 56
const kinds = { wrote: 1, synced: 2, gone: 3 } as const

interface Write {
  readonly sequence: bigint
  readonly offset: number
  readonly length: number
  /** Of the file, before it. */
  readonly size: number
  /** The bytes that it replaced. */
  readonly old: Buffer
}

interface FileNotes {
  writes: Write[]
  /** What a sync made durable: all writes up to this one, and this length. */
  syncedTo: bigint
  durableSize: number
}

/**
 * Undoes what a node wrote and never synced, as a loss of power may: every write after the last
 * sync of its file is put back, newest first. LevelDB's files only grow and their writes cannot be
 * seen, so they are cut at the length of their last sync. Names (files made, renamed, deleted) are
 * taken to be durable at once. `known`: what was there, and durable, when the journal began.
 */
export function losePower(options: {
  readonly folder: string
  readonly journal: string
  readonly known: ReadonlyMap<number, number>
  readonly random: Random
  readonly torn: boolean
}): LostWrites {
  const { folder, journal, known, random, torn } = options
  const notes = existsSync(journal) ? readJournal(readFileSync(journal), known) : new Map()
  let files = 0
  let bytes = 0
  for (const path of filesBelow(folder)) {
    const { ino, size } = statSync(path)
    const note = notes.get(ino) ?? freshNotes(known.get(ino) ?? 0)
    const lost = undo(path, note, torn ? random : undefined) + cut(path, note, torn, random, size)
    if (lost > 0) files++
    bytes += lost
  }
  return { files, bytes }
}

/** Inode → length of everything below the folder, which is taken to be durable. */
export function knownFiles(folder: string): Map<number, number> {
  return new Map(
    filesBelow(folder).map((path) => {
      const { ino, size } = statSync(path)
      return [ino, size]
    }),
  )
}

export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

/** A record that the kill broke off is left out: its write had not begun. */
export function readJournal(
  bytes: Buffer,
  known: ReadonlyMap<number, number>,
): Map<number, FileNotes> {
  const notes = new Map<number, FileNotes>()
  const of = (inode: number): FileNotes => {
    let note = notes.get(inode)
    if (!note) notes.set(inode, (note = freshNotes(known.get(inode) ?? 0)))
    return note
  }
  for (let at = 0; at + headBytes <= bytes.length;) {
    const number = (offset: number): number => Number(bytes.readBigUInt64LE(at + offset))
    const kind = bytes.readUInt32LE(at)
    const sequence = bytes.readBigUInt64LE(at + 8)
    const [inode, offset, length, size, saved] = [16, 24, 32, 40, 48].map(number) as [
      number,
      number,
      number,
      number,
      number,
    ]
    const end = at + headBytes + saved
    if (end > bytes.length) break
    if (kind === kinds.wrote) {
      const old = bytes.subarray(at + headBytes, end)
      of(inode).writes.push({ sequence, offset, length, size, old })
    } else if (kind === kinds.synced) {
      const note = of(inode)
      note.writes = note.writes.filter((write) => write.sequence > sequence)
      note.syncedTo = sequence
      note.durableSize = size
    } else if (kind === kinds.gone) notes.set(inode, freshNotes(0))
    at = end
  }
  return notes
}

function freshNotes(durableSize: number): FileNotes {
  return { writes: [], syncedTo: 0n, durableSize }
}

/** Puts old bytes back, newest first. With `random` the oldest ones stay, and the last of those is torn. */
function undo(path: string, { writes }: FileNotes, random: Random | undefined): number {
  if (writes.length === 0) return 0
  const kept = random ? random.below(writes.length + 1) : 0
  const file = openSync(path, 'r+')
  let lost = 0
  for (const [i, write] of [...writes.entries()].toReversed()) {
    if (i < kept) break
    const stays = random && i === kept ? wholeSectors(write, random) : 0
    lost += write.length - stays
    // A write that came behind the end of the file is undone by the length.
    if (write.old.length > stays)
      writeSync(file, write.old, stays, write.old.length - stays, write.offset + stays)
    const end = Math.max(write.size, stays > 0 ? write.offset + stays : 0)
    if (fstatSync(file).size > end) ftruncateSync(file, end)
    if (random && stays > 0) {
      const garbage = Buffer.from(Array.from({ length: sectorBytes }, () => random.below(256)))
      const at = write.offset + stays - sectorBytes
      writeSync(file, garbage, 0, Math.min(sectorBytes, stays), Math.max(write.offset, at))
    }
  }
  closeSync(file)
  return lost
}

/** How much of a torn write is on the platter, its last sector being garbage. */
function wholeSectors({ length }: Write, random: Random): number {
  return Math.min(length, random.below(Math.ceil(length / sectorBytes) + 1) * sectorBytes)
}

/** For files whose writes were not seen: nothing behind the length of the last sync. */
function cut(
  path: string,
  note: FileNotes,
  torn: boolean,
  random: Random,
  sizeBefore: number,
): number {
  const size = statSync(path).size
  if (note.writes.length > 0 || size <= note.durableSize) return 0
  const stays = torn ? random.below(size - note.durableSize + 1) : 0
  truncateSync(path, note.durableSize + stays)
  if (stays > 0) spoilEnd(path, note.durableSize, random)
  return Math.min(sizeBefore, size) - note.durableSize - stays
}

/** Garbage in the last sector, but not in what was durable. */
function spoilEnd(path: string, durable: number, random: Random): void {
  const bytes = readFileSync(path)
  const from = Math.max(durable, bytes.length - sectorBytes)
  for (let i = from; i < bytes.length; i++) bytes[i] = random.below(256)
  writeFileSync(path, bytes)
}
