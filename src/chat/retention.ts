import type { ChatLimits, Row } from './entity.ts'
import { fromJsonRow, jsonRow } from './row-bytes.ts'
import { decodeHead } from './topic-rows.ts'
import type { Head } from './topic-rows.ts'

/** What the cluster keeps of a topic's messages. */
export type Retention = Pick<ChatLimits, 'keepMessages' | 'keepMessagesS'>

/** Steps that the age limit is divided into: so much too old may a message become. */
const steps = 32
const leastStepMs = 1_000
/** Marks of one topic. Above: the first one goes, and what it stood for goes with the second. */
const maxMarks = 64
/** A topic is trimmed by so many messages at once, and by at most an eighth of what is kept. */
const maxTrimStep = 256

/**
 * When messages were written, coarsely: every message below a mark's seq was written before its
 * time. So what is told to be old is old, whatever the limit was when the marks were made.
 */
export class TimeMarks {
  /** [ms since 1970, seq], both rising. */
  #marks: (readonly [number, number])[] = []
  dirty = false

  static open(row: Row | undefined): TimeMarks {
    const marks = new TimeMarks()
    if (row !== undefined) marks.#marks = decodeMarks(row.value)
    return marks
  }

  /** Message `seq` is being written at `now`. */
  wrote(seq: number, now: number, keepS: number): void {
    if (keepS === 0) return
    const last = this.#marks[this.#marks.length - 1]
    if (last !== undefined && now < last[0] + Math.max((keepS * 1000) / steps, leastStepMs)) return
    this.#marks.push([now, seq])
    const cutoff = now - keepS * 1000
    while (this.#marks.length > maxMarks || (this.#marks[1]?.[0] ?? Infinity) <= cutoff) {
      this.#marks.shift()
    }
    this.dirty = true
  }

  /** All messages below it were written before `cutoff`; 1: of none is that known. */
  oldBelow(cutoff: number): number {
    let seq = 1
    for (const [time, first] of this.#marks) if (time <= cutoff) seq = first
    return seq
  }

  encode(): Uint8Array {
    return jsonRow({ marks: this.#marks })
  }
}

function decodeMarks(value: Uint8Array): [number, number][] {
  return (fromJsonRow(value) as { marks: [number, number][] }).marks
}

/**
 * The first seq that is kept: never lower than before, at least the newest `keepMessages` and
 * whatever is younger than `keepMessagesS`. Moves by steps, so that few batches pay for it.
 */
export function keptFrom(head: Head, marks: TimeMarks, now: number, limits: Retention): number {
  const { keepMessages, keepMessagesS } = limits
  let { kept } = head
  if (keepMessages > 0) {
    const step = Math.max(1, Math.min(maxTrimStep, keepMessages >> 3))
    const from = head.seq - keepMessages + 1
    if (from >= kept + step) kept = from
  }
  if (keepMessagesS > 0) {
    const cutoff = now - keepMessagesS * 1000
    const from = head.touched <= cutoff ? head.seq + 1 : marks.oldBelow(cutoff)
    kept = Math.max(kept, from)
  }
  return kept
}

/** Whether a topic that nobody touches is due: judged by its head and time rows alone. */
export function isSweepDue(
  head: Uint8Array,
  times: Uint8Array | undefined,
  now: number,
  limits: Retention,
): boolean {
  const decoded = decodeHead(head)
  if (decoded.swept < decoded.kept) return true
  const row = times === undefined ? undefined : { table: 0, key: head, value: times }
  return keptFrom(decoded, TimeMarks.open(row), now, limits) > decoded.kept
}
