import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Notes beside LevelDB's files how the last run ended, and in which life of the machine. LevelDB
 * skips what it cannot read in its WAL and goes on, so after a loss of power any unsynced write may
 * be missing while later ones are there; after a mere kill the kernel still has them all. `opening`:
 * LevelDB may have read its WAL and dropped it, and nobody has looked what was missing.
 */
export type LifeState = 'opening' | 'open' | 'closed'

const file = 'LIFE'

export interface Life {
  /** The note as it is; null: the directory is new. */
  readonly note: string | null
  /** Unsynced writes may be lost. */
  readonly isDoubtful: boolean
}

export async function readLife(dir: string): Promise<Life> {
  const note = await textOf(join(dir, file))
  if (note === null) return { note, isDoubtful: false }
  const [state, boot] = note.trim().split(' ')
  if (state === 'closed') return { note, isDoubtful: false }
  const now = await machineBoot()
  return { note, isDoubtful: state === 'opening' || now === null || boot !== now }
}

/**
 * LevelDB has found damage in the WAL that it read at its opening, and left rows out. It tells only
 * its own log, which begins anew with each opening.
 */
export async function droppedRows(dir: string): Promise<boolean> {
  const text = await textOf(join(dir, 'LOG'))
  return text !== null && /: dropping \d+ bytes; /.test(text)
}

/** Durable when it resolves. */
export async function writeLife(dir: string, state: LifeState): Promise<void> {
  await writeNote(dir, `${state} ${(await machineBoot()) ?? 'unknown'}\n`)
}

/** Nothing was written since it was read. Durable when it resolves. */
export async function restoreLife(dir: string, { note }: Life): Promise<void> {
  if (note !== null) await writeNote(dir, note)
}

async function writeNote(dir: string, note: string): Promise<void> {
  const path = join(dir, file)
  const next = await open(`${path}.new`, 'w')
  try {
    await next.writeFile(note)
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
  return (await textOf('/proc/sys/kernel/random/boot_id'))?.trim() ?? null
}

/** Null: there is no such file. */
async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
