/** Checks of values that came from outside. All are total: any value in, true or false out. */

/** A whole number in 0..2^53-1: terms, indexes, ids, lengths. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Are all of values[from..to) whole numbers from 0 on? */
export function isCounts(values: readonly unknown[], from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (!isCount(values[at])) return false
  return true
}

/** A text of 1..`maxLength` UTF-16 units. */
export function isName(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= maxLength
}
