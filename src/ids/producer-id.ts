import { epochMs } from './snowflake.ts'

/**
 * Ids of producers (P3) are snowflakes in base 36: sessions have theirs from the node that holds
 * them, clients make their own with 22 random bits in the place of machine and counter. They rise
 * with time, so that one id can stand for all that were retired before it.
 */
const randomBits = 22
const pattern = /^[1-9a-z][0-9a-z]{9,12}$/

/** `random22`: 0..2^22-1, fresh for each id. */
export function makeProducerId(nowMs: number, random22: number): string {
  const time = BigInt(Math.floor(nowMs) - epochMs)
  return ((time << BigInt(randomBits)) | BigInt(random22)).toString(36)
}

/** When it was made, ms since 1970 by the clock of whoever made it; null: it is no such id. */
export function producerIdTime(id: string): number | null {
  if (!pattern.test(id)) return null
  let value = 0n
  for (const digit of id) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return Number(value >> BigInt(randomBits)) + epochMs
}
