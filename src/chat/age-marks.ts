import type { Row } from './entity.ts'
import { fromJsonRow, jsonRow } from './row-bytes.ts'

/** Steps that the age limit for hard deletion is divided into; so exact is its answer. */
const steps = 32
const leastStepMs = 1_000

/**
 * Roughly when messages were written, so that a rule can tell which are young enough to be deleted
 * for everybody without reading them: the first seq of each step of time.
 */
export class AgeMarks {
  /** [time in ms, first seq written at or after it], ascending. */
  #marks: (readonly [number, number])[] = []
  dirty = false

  static open(row: Row | undefined): AgeMarks {
    const ages = new AgeMarks()
    if (row !== undefined)
      ages.#marks = (fromJsonRow(row.value) as { marks: [number, number][] }).marks
    return ages
  }

  /** Message `seq` is written. `ageS`: the limit, 0 for none. */
  wrote(seq: number, now: number, ageS: number): void {
    if (ageS === 0) return
    const last = this.#marks[this.#marks.length - 1]
    if (last !== undefined && now < last[0] + stepMs(ageS)) return
    this.#marks.push([now, seq])
    while (isOld(this.#marks[0], now, ageS)) this.#marks.shift()
    this.dirty = true
  }

  /** The lowest seq that is young enough; up to one step too old. */
  youngFrom(now: number, ageS: number): number {
    if (ageS === 0) return 1
    return this.#marks.find((mark) => !isOld(mark, now, ageS))?.[1] ?? Infinity
  }

  encode(): Uint8Array {
    return jsonRow({ marks: this.#marks })
  }
}

function stepMs(ageS: number): number {
  return Math.max((ageS * 1000) / steps, leastStepMs)
}

/** All messages of the step are older than the limit. */
function isOld(mark: readonly [number, number] | undefined, now: number, ageS: number): boolean {
  return mark !== undefined && mark[0] + stepMs(ageS) <= now - ageS * 1000
}
