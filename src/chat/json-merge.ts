import type { Json } from './command.ts'

/** "Clear this value" on the wire (tinode-wire.md 2.1). JSON null means "no change". */
export const clearMark = '\u2421'

/** Nesting that a description may have. Above: refused as malformed, before anything recurses. */
export const maxJsonDepth = 32
/** Length of a description value as JSON text, after merging. Above: refused as too large. */
export const maxJsonLength = 512 * 1024

/**
 * The merge rule of public, private, trusted and aux (5.7): objects deeply, arrays and scalars
 * replace, null is ignored, the mark clears. The result shares what did not change and never
 * contains the mark as a value of a merged object.
 */
export function mergeJson(base: Json | undefined, change: Json | undefined): Json | undefined {
  if (change === undefined || change === null) return base
  if (change === clearMark) return undefined
  if (!isObject(change)) return change
  const out: { [key: string]: Json } = isObject(base) ? { ...base } : {}
  for (const key of Object.keys(change)) {
    if (key === '__proto__') continue
    const value = change[key]
    const merged = mergeJson(Object.hasOwn(out, key) ? out[key] : undefined, value)
    if (merged === undefined) delete out[key]
    else out[key] = merged
  }
  return out
}

/** A value that a client sent may be merged: neither too deep nor, by itself, too long. */
export function acceptable(value: Json | undefined): boolean {
  return value === undefined || depthWithin(value, maxJsonDepth)
}

export function isTooLong(value: Json | undefined): boolean {
  return typeof value === 'object' || typeof value === 'string'
    ? JSON.stringify(value).length > maxJsonLength
    : false
}

export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** Values that are left out on output (2.1). */
export function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === 0) return true
  if (value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** Sets `key` unless the value is empty. */
export function put(to: { [key: string]: Json }, key: string, value: Json | undefined): void {
  if (value !== undefined && !isEmpty(value)) to[key] = value
}

function depthWithin(value: Json, left: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (left === 0) return false
  for (const inner of Object.values(value)) if (!depthWithin(inner as Json, left - 1)) return false
  return true
}
