import { assert } from '../assert.ts'
import { faultPoint, planted } from '../fault-points.ts'
import type { Disk, DiskFile, Done } from './disk.ts'
import { writeSynced } from './disk.ts'
import { align } from './frame.ts'
import type { Incarnation, Segment } from './segment.ts'
import { segmentHeadBytes, segmentName, writeSegmentHead } from './segment.ts'

/** Makes the first frame of a segment: it holds what all groups are at this point, but for entries. */
export type FirstFrame = (segment: number, offset: number) => Buffer

/**
 * The segments of a log, oldest first; the last is written to. The next one is allocated in the
 * background when half of this one is full, under a name that recovery ignores, and gets its real name when its head and first
 * frame are durable.
 */
export class SegmentChain {
  readonly #disk: Disk
  readonly #incarnation: Incarnation
  readonly #segmentBytes: number
  readonly #segments: Segment[]
  #next: Promise<DiskFile> | null = null
  #offset = 0

  /** `segments`: those of earlier lives. The caller rolls before it writes. */
  constructor(disk: Disk, incarnation: Incarnation, segmentBytes: number, segments: Segment[]) {
    this.#disk = disk
    this.#incarnation = incarnation
    this.#segmentBytes = segmentBytes
    this.#segments = segments
  }

  get current(): Segment {
    return this.#segments[this.#segments.length - 1] as Segment
  }

  get oldest(): Segment {
    return this.#segments[0] as Segment
  }

  get length(): number {
    return this.#segments.length
  }

  /** Where the next frame goes. Everything before it is durable, for one write is under way at a time. */
  get offset(): number {
    return this.#offset
  }

  find(number: number): Segment | undefined {
    return this.#segments[number - this.oldest.number]
  }

  /** A frame never straddles segments; one that is larger than a segment has it to itself. */
  fits(bytes: number): boolean {
    return this.#offset + bytes <= this.#segmentBytes
  }

  /** Writes `bytes` behind the last frame, and syncs. */
  append(bytes: Uint8Array, done: Done): void {
    const { file } = this.current
    file.write(bytes, this.#offset, (error) => {
      if (error !== null && !planted('K20')) return done(error)
      faultPoint('before-fsync')
      const synced = (failed: Error | null): void => {
        faultPoint('after-fsync')
        if (failed === null || planted('K20')) this.#offset += align(bytes.length)
        if (this.#offset > this.#segmentBytes / 2) this.#prepare()
        done(failed)
      }
      if (planted('K2')) synced(null)
      else file.sync(synced)
    })
  }

  /** Starts a new segment, behind `previousEnd` of the one before. */
  async roll(firstSequence: number, previousEnd: number, firstFrame: FirstFrame): Promise<void> {
    const number = this.#segments.length === 0 ? 1 : this.current.number + 1
    const file = await (this.#next ?? this.#allocate(number))
    this.#next = null
    const head = writeSegmentHead({
      number,
      previousEnd,
      firstSequence,
      incarnation: this.#incarnation,
    })
    const frame = firstFrame(number, segmentHeadBytes)
    await writeSynced(file, Buffer.concat([head, frame]), 0)
    await this.#disk.rename(newName(number), segmentName(number))
    await this.#disk.syncDir()
    this.#segments.push({ number, file, readers: 0 })
    this.#offset = align(segmentHeadBytes + frame.length)
  }

  /** Deletes the oldest segment, which nobody needs. */
  async removeOldest(): Promise<void> {
    const { number, readers } = this.oldest
    assert(this.#segments.length > 1 && readers === 0, 'STORE-4', { number, readers })
    const oldest = this.#segments.shift() as Segment
    await oldest.file.close()
    await this.#disk.remove(segmentName(oldest.number))
    await this.#disk.syncDir()
  }

  async close(): Promise<void> {
    const next = this.#next
    this.#next = null
    if (next !== null) {
      const file = await next.catch(() => null)
      await file?.close()
    }
    for (const { file } of this.#segments) await file.close()
  }

  /** Allocates the segment after the current one ahead of need. An error comes out of `roll`. */
  #prepare(): void {
    if (this.#next !== null) return
    this.#next = this.#allocate(this.current.number + 1)
    this.#next.catch(() => {
      // Not lost: `roll` awaits the same promise, and nothing else depends on it.
    })
  }

  #allocate(number: number): Promise<DiskFile> {
    return this.#disk.create(newName(number), this.#segmentBytes)
  }
}

function newName(number: number): string {
  return `${segmentName(number)}.new`
}
