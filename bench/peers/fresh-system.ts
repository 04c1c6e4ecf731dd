import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Running, System } from './system.ts'

/** Each system has three nodes: a majority is two, as in most clusters there are. */
export const nodes = 3

/** Starts the system in an empty folder, lends it to `use`, stops it and removes the folder, whatever happens. */
export async function withFresh<T>(
  system: System,
  tmp: string | undefined,
  use: (running: Running) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmp ?? tmpdir(), `flotilla-peers-${system.name}-`))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  process.once('exit', remove) // a signal ends the process before the folder's turn comes
  try {
    const running = await system.start({ folder, nodes })
    try {
      return await use(running)
    } finally {
      await running.stop()
    }
  } finally {
    remove()
    process.off('exit', remove)
  }
}
