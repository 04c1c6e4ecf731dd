import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const blockBytes = 512
const mib = 1024 * 1024

/** What a folder takes on the disk, MiB; files that go while it is looked at count as gone. */
export function diskUseMib(folder: string): number {
  return bytesIn(folder) / mib
}

function bytesIn(path: string): number {
  try {
    const found = lstatSync(path)
    if (!found.isDirectory()) return found.blocks * blockBytes
    return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
