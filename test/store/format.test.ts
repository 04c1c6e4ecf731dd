import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { noMetrics } from '../../src/ports.ts'
import { LevelStore } from '../../src/store/level-store.ts'
import { PlainLevel } from '../../src/store/plain-level.ts'
import { SegmentedLog } from '../../src/store/segmented-log.ts'
import { segmentName } from '../../src/store/segment.ts'
import { dataFormat } from '../../src/wire/versions.ts'
import { run, state, store } from '../conformance/log.ts'
import { FaultyDisk } from './faulty-disk.ts'

const options = {
  onFatal: (error: Error): void => {
    throw error
  },
  metrics: noMetrics,
  segmentBytes: 4_096,
}
const newer = dataFormat + 1
const cure = `was written by a newer Flotilla (format ${newer}, this one reads up to ${dataFormat}): start the newer version here; nothing was changed`

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flotilla-format-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

test('a log with a newer segment is refused, and left as it is', async () => {
  const disk = new FaultyDisk()
  const log = await SegmentedLog.openOn(disk, options)
  await store(log, 1, { hardState: state(1, 1, 0), entries: run(1, 3, 1) })
  await log.close()
  const name = segmentName(1)
  disk.damage(name, (bytes) => {
    bytes.writeUInt32LE(newer, 12)
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 64)), 8)
    return bytes
  })
  const before = Buffer.from(disk.content(name).live)
  await expect(SegmentedLog.openOn(disk, options)).rejects.toThrow(`the log (${name}) ${cure}`)
  expect(disk.content(name).live.equals(before)).toBe(true)
})

test('a store of a newer format is refused; neither rows nor the note of its life change', async () => {
  await (await LevelStore.open(dir, options)).close()
  const db = new PlainLevel(dir, { keyEncoding: 'view', valueEncoding: 'view' })
  await db.open()
  const [[key, value] = []] = await db.iterator().all()
  expect([...(value ?? [])]).toEqual([dataFormat])
  await db.put(key as Uint8Array, Uint8Array.of(newer), { sync: true })
  await db.close()
  const life = await readFile(join(dir, 'LIFE'), 'utf8')
  await expect(LevelStore.open(dir, options)).rejects.toThrow(`this store ${cure}`)
  // Let go of as well: the newer version can open it at once.
  await db.open()
  expect((await db.iterator().all()).map(([, v]) => [...v])).toEqual([[newer]])
  await db.close()
  expect(await readFile(join(dir, 'LIFE'), 'utf8')).toBe(life)
  expect(await readdir(dir)).toContain('LIFE')
})
