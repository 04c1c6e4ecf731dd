import { closeSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import type { Random } from '../../src/ports.ts'
import { filesBelow } from './power-loss.ts'
import type { DamageKind } from './world.ts'

/** Log segments, tables and manifests of the store, its own log. Notes for people are left alone. */
const worthSpoiling = /\.seg$|\.ldb$|\.sst$|^MANIFEST-\d+$|\d+\.log$/
const sectorBytes = 512

/**
 * Spoils one file below `folder`, of a node that is down, inside what was written: flips a bit,
 * zeroes a sector, or cuts the end off. Tells the file and the place. Rejects when there is none.
 */
export function damage(folder: string, random: Random, kind: DamageKind): string {
  const files = filesBelow(folder)
    .filter((path) => worthSpoiling.test(basename(path)))
    .map((path) => ({ path, written: writtenBytes(path) }))
    .filter(({ written }) => written > 0)
  const chosen = files[files.length === 0 ? 0 : random.below(files.length)]
  if (!chosen) throw new Error(`there is nothing to damage below ${folder}`)
  const { path, written } = chosen
  const name = path.slice(folder.length + 1)
  if (kind === 'truncate') {
    const size = random.below(written)
    truncateSync(path, size)
    return `${name} cut at ${size} of ${written} bytes`
  }
  const at = random.below(written)
  const file = openSync(path, 'r+')
  if (kind === 'flip') {
    const byte = readFileSync(path)[at] ?? 0
    writeSync(file, Buffer.from([byte ^ (1 << random.below(8))]), 0, 1, at)
  } else {
    const from = at - (at % sectorBytes)
    writeSync(file, Buffer.alloc(Math.min(sectorBytes, written - from)), 0, undefined, from)
  }
  closeSync(file)
  return kind === 'flip'
    ? `a bit of byte ${at} of ${name} flipped`
    : `the sector around byte ${at} of ${name} zeroed`
}

/** Up to the last byte that is not zero: files may be allocated ahead. */
function writtenBytes(path: string): number {
  if (statSync(path).size === 0) return 0
  const bytes = readFileSync(path)
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}
