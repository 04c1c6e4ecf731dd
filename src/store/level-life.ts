import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Notes beside LevelDB's files how the last run ended, and in which life of the machine. LevelDB
 * skips what it cannot read in its WAL and says nothing, so after a loss of power any unsynced
 * write may be missing while later ones are there; after a mere kill the kernel still has them all.
 */
export type LifeState = 'open' | 'closed'

const file = 'LIFE'

/** True when unsynced writes may be lost. A directory without the note is new. */
export async function readLife(dir: string): Promise<boolean> {
  let text: string
  try {
    text = await readFile(join(dir, file), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  const [state, boot] = text.trim().split(' ')
  if (state === 'closed') return false
  const now = await machineBoot()
  return now === null || boot !== now
}

/** Durable when it resolves. */
export async function writeLife(dir: string, state: LifeState): Promise<void> {
  const path = join(dir, file)
  const next = await open(`${path}.new`, 'w')
  try {
    await next.writeFile(`${state} ${(await machineBoot()) ?? 'unknown'}\n`)
    await next.sync()
  } finally {
    await next.close()
  }
  await rename(`${path}.new`, path)
  const parent = await open(dir, 'r')
  try {
    await parent.sync()
  } finally {
    await parent.close()
  }
}

/** Differs after every start of the machine; null where the system does not tell. */
async function machineBoot(): Promise<string | null> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
