import fc from 'fast-check'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { noMetrics } from '../../src/ports.ts'
import { KeyWriter } from '../../src/store/keys.ts'
import { LevelStore } from '../../src/store/level-store.ts'
import { middleOf, Space } from '../../src/store/space.ts'
import type { KeyRange } from '../../src/store/store.ts'

const options = {
  onFatal: (error: Error): void => {
    throw error
  },
  metrics: noMetrics,
}
const mib = 1024 * 1024

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flotilla-space-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

async function diskMib(): Promise<number> {
  const sizes = await Promise.all((await readdir(dir)).map((name) => stat(join(dir, name))))
  return sizes.reduce((sum, { size }) => sum + size, 0) / mib
}

const key = (topic: number, seq: number) => new KeyWriter(11).u16(1).u8(topic).u64(seq).key()
const topicRange = (topic: number): KeyRange => ({ gte: key(topic, 0), lt: key(topic + 1, 0) })

/** Bytes that do not compress. */
function body(seed: number): Uint8Array {
  const bytes = new Uint8Array(250)
  let x = seed + 1
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 16
  return bytes
}

test('what was removed from a quiet range is given back, and what is kept stays', async () => {
  const store = await LevelStore.open(dir, options)
  const [topics, messages] = [4, 24_000]
  for (let topic = 0; topic < topics; topic++) {
    for (let seq = 0; seq < messages; seq += 1_000) {
      const ops = Array.from({ length: 1_000 }, (_, i) => ({
        key: key(topic, seq + i),
        value: body(topic * messages + seq + i),
      }))
      await store.write(ops)
    }
  }
  for (let seq = 0; seq < messages - 100; seq += 100) {
    await store.write(
      Array.from({ length: 100 }, (_, i) => ({ key: key(1, seq + i), value: null })),
    )
  }
  await store.sync()
  const before = await diskMib()
  // Next to nothing of the whole is gone, of topic 1 almost everything.
  const all = { gte: key(0, 0), lt: key(topics, 0) }
  expect(await store.reclaim(all, mib)).toBe(false)
  expect(await store.reclaim(topicRange(1), messages * 256)).toBe(true)
  expect(before - (await diskMib())).toBeGreaterThan(4)
  const left = await store.range(topicRange(1))
  expect(left.map(([found]) => Buffer.from(found))).toEqual(
    Array.from({ length: 100 }, (_, i) => Buffer.from(key(1, messages - 100 + i))),
  )
  expect(await store.range(topicRange(2))).toHaveLength(messages)
  await store.close()
  expect(await store.reclaim(topicRange(2), mib)).toBe(false)
})

test('a middle lies between the ends; only neighbours have none', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const [gte, lt] = Buffer.compare(a, b) <= 0 ? [a, b] : [b, a]
      const middle = middleOf({ gte, lt })
      if (middle === null) return
      expect(Buffer.compare(gte, middle)).toBeLessThan(0)
      expect(Buffer.compare(middle, lt)).toBeLessThan(0)
    }),
  )
  expect(middleOf({ gte: Uint8Array.of(1, 2), lt: Uint8Array.of(1, 3) })).toBe(null)
  expect([...(middleOf({ gte: Uint8Array.of(1), lt: Uint8Array.of(3) }) ?? [])]).toEqual([2])
})

test('a large range goes in pieces that leave nothing out, one range at a time', async () => {
  // A database of 1 GiB, spread evenly over the first byte.
  const weight = ({ gte, lt }: KeyRange) =>
    (((lt[0] ?? 0) + (lt[1] ?? 0) / 256 - (gte[0] ?? 0) - (gte[1] ?? 0) / 256) / 256) * 1024 * mib
  const pieces: KeyRange[] = []
  let wake = (): void => {}
  const space = new Space(
    {
      size: async (range) => weight(range),
      compact: async (range) => {
        if (pieces.length === 3) await new Promise<void>((resolve) => (wake = resolve))
        pieces.push(range)
      },
    },
    noMetrics,
  )
  const range = { gte: Uint8Array.of(0, 0), lt: Uint8Array.of(255, 255) }
  const done = space.reclaim(range, 512 * mib)
  await new Promise((resolve) => setImmediate(resolve))
  expect(await space.reclaim(range, 512 * mib)).toBe(false)
  wake()
  expect(await done).toBe(true)
  for (const piece of pieces) expect(weight(piece)).toBeLessThanOrEqual(64 * mib)
  expect(pieces[0]?.gte).toEqual(range.gte)
  expect(pieces.at(-1)?.lt).toEqual(range.lt)
  for (let i = 1; i < pieces.length; i++) expect(pieces[i]?.gte).toEqual(pieces[i - 1]?.lt)
})
