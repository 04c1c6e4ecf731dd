import { refuseNewer } from '../errors.ts'
import { dataFormat } from '../wire/versions.ts'
import type { PlainLevel } from './plain-level.ts'

/** Behind the rows of all groups (keys.ts). Its place and its form, one byte, are frozen. */
const formatKey = Uint8Array.of(0xff, 0xff, 0)

/**
 * The row that says in which format the others are: the store knows it even where its folder was
 * moved apart from what lay beside it. Throws NewerFormat before anything was written.
 */
export async function takeStoreFormat(db: PlainLevel): Promise<void> {
  const row = await db.get(formatKey)
  if (row === undefined) await db.put(formatKey, Uint8Array.of(dataFormat), { sync: true })
  else refuseNewer('this store', row[0], dataFormat)
}
