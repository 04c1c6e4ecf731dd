import { crc32 } from 'node:zlib'
import { assert } from '../assert.ts'
import type { Disk, DiskFile } from './disk.ts'
import { synced, writeSynced } from './disk.ts'
import type { Term } from '../raft/entry.ts'
import { LogDamaged } from './log.ts'
import type { Incarnation } from './segment.ts'
import { incarnationBytes } from './segment.ts'

/** What is known of the log even when its end is gone. */
export interface Mark {
  /** A position that the log has durably reached. A log that ends before it has lost acknowledged records. */
  readonly segment: number
  readonly offset: number
  /** A loss was seen, and peers have not refilled this node since. */
  readonly lost: boolean
  /** No group has ever stored a higher term. */
  readonly ceiling: Term
  /** The ceiling at the last loss: promises of terms up to here may be forgotten. 0: nothing was ever lost. */
  readonly fence: Term
}

/** The ceiling is raised ahead of use by so many terms, so that few of them cost a sync of their own. */
const ceilingStep = 16

/** The ceiling to be stored before `term` is. */
export function ceilingFor(term: Term): Term {
  return Math.ceil(term / ceilingStep) * ceilingStep
}

const name = 'high-water'
const slotBytes = 512
const usedBytes = 56
const magic = Buffer.from('FLHW', 'latin1')

/**
 * Keeps the mark in a file apart from the log, in two slots that are written by turns, so that a
 * torn write leaves the other. One write at a time; a mark that comes meanwhile replaces the one that waits.
 */
export class HighWater {
  readonly incarnation: Incarnation
  readonly #file: DiskFile
  #mark: Mark
  #counter: number
  #writing: Promise<void> | null = null
  #wanted: Mark | null = null

  private constructor(file: DiskFile, incarnation: Incarnation, mark: Mark, counter: number) {
    this.#file = file
    this.incarnation = incarnation
    this.#mark = mark
    this.#counter = counter
  }

  /** Null: there is no such file. */
  static async open(disk: Disk): Promise<HighWater | null> {
    if (!(await disk.list()).includes(name)) return null
    const bytes = await disk.read(name)
    const slots = [readSlot(bytes, 0), readSlot(bytes, slotBytes)]
    const [a, b] = slots
    const newest = b === null || b === undefined || (a?.counter ?? -1) > b.counter ? a : b
    if (newest === null || newest === undefined) {
      throw new LogDamaged('bad-high-water', 'neither of its two slots is whole')
    }
    const file = await disk.open(name)
    // A slot that a killed process wrote may be in the machine's memory alone; promises will rest on its ceiling.
    await synced(file)
    return new HighWater(file, newest.incarnation, newest.mark, newest.counter)
  }

  static async create(disk: Disk, incarnation: Incarnation): Promise<HighWater> {
    const file = await disk.create(`${name}.new`, 2 * slotBytes)
    const mark = { segment: 0, offset: 0, lost: false, ceiling: 0, fence: 0 }
    const made = new HighWater(file, incarnation, mark, 0)
    await made.save({})
    await disk.rename(`${name}.new`, name)
    await disk.syncDir()
    return made
  }

  /** As written, or being written. */
  get mark(): Mark {
    return this.#mark
  }

  /** Resolves when the mark with these changes, or a newer one, is durable. */
  save(changes: Partial<Mark>): Promise<void> {
    this.#wanted = { ...(this.#wanted ?? this.#mark), ...changes }
    this.#writing ??= this.#write()
    return this.#writing
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#file.close()
  }

  async #write(): Promise<void> {
    try {
      await this.#writeWanted()
    } finally {
      // In the same breath as the last look for a wanted mark, or the next would wait for nobody.
      this.#writing = null
    }
  }

  async #writeWanted(): Promise<void> {
    for (let mark = this.#wanted; mark !== null; mark = this.#wanted) {
      this.#wanted = null
      const before = this.#mark
      // Only a log that is known to have lost its tail may fall behind what it had reached.
      assert(mark.lost || !isBehind(mark, before), 'STORE-5', { mark, before })
      assert(mark.ceiling >= before.ceiling, 'STORE-8', { mark, before })
      this.#mark = mark
      this.#counter++
      const bytes = writeSlot(mark, this.#counter, this.incarnation)
      await writeSynced(this.#file, bytes, (this.#counter % 2) * slotBytes)
    }
  }
}

function isBehind(mark: Mark, other: Mark): boolean {
  return (
    mark.segment < other.segment || (mark.segment === other.segment && mark.offset < other.offset)
  )
}

/* Slot: magic(4) crc32:u32 counter:f64 segment:u32 offset:u32 lost:u8, 7 unused, incarnation(8) ceiling:f64 fence:f64. */
function writeSlot(mark: Mark, counter: number, incarnation: Incarnation): Buffer {
  const bytes = Buffer.alloc(slotBytes)
  magic.copy(bytes, 0)
  bytes.writeDoubleLE(counter, 8)
  bytes.writeUInt32LE(mark.segment, 16)
  bytes.writeUInt32LE(mark.offset, 20)
  bytes.writeUInt8(mark.lost ? 1 : 0, 24)
  incarnation.copy(bytes, 32)
  bytes.writeDoubleLE(mark.ceiling, 40)
  bytes.writeDoubleLE(mark.fence, 48)
  bytes.writeUInt32LE(crc32(bytes.subarray(8, usedBytes)), 4)
  return bytes
}

function readSlot(
  bytes: Buffer,
  at: number,
): { mark: Mark; counter: number; incarnation: Incarnation } | null {
  const slot = bytes.subarray(at, at + usedBytes)
  if (slot.length < usedBytes || !slot.subarray(0, 4).equals(magic)) return null
  if (crc32(slot.subarray(8)) !== slot.readUInt32LE(4)) return null
  return {
    mark: {
      segment: slot.readUInt32LE(16),
      offset: slot.readUInt32LE(20),
      lost: slot[24] === 1,
      ceiling: slot.readDoubleLE(40),
      fence: slot.readDoubleLE(48),
    },
    counter: slot.readDoubleLE(8),
    incarnation: Buffer.from(slot.subarray(32, 32 + incarnationBytes)),
  }
}
