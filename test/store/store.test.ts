import { cp, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noMetrics } from '../../src/ports.ts'
import { KeyWriter, groupRange, prefixRange } from '../../src/store/keys.ts'
import { LevelStore } from '../../src/store/level-store.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { StoreBroken } from '../../src/store/store.ts'
import type { Op } from '../../src/store/store.ts'
import { WriteQueue } from '../../src/store/write-queue.ts'
import type { BatchOp } from '../../src/store/write-queue.ts'
import { storeConformance } from '../conformance/store.ts'
import type { StoreUnderTest } from '../conformance/store.ts'

const fatalIsAFailure = (error: Error): void => {
  throw error
}
const options = { onFatal: fatalIsAFailure, metrics: noMetrics }

async function levelUnderTest(dir: string): Promise<StoreUnderTest> {
  const store = await LevelStore.open(dir, options)
  return {
    store,
    reopen: async () => {
      await store.close()
      return levelUnderTest(dir)
    },
    destroy: async () => {
      await store.close()
      await rm(dir, { recursive: true })
    },
  }
}

function memoryUnderTest(store: MemoryStore): StoreUnderTest {
  return {
    store,
    reopen: async () => {
      await store.close()
      return memoryUnderTest(store.reopened('power-loss'))
    },
    destroy: () => store.close(),
  }
}

storeConformance('LevelStore', async () =>
  levelUnderTest(await mkdtemp(join(tmpdir(), 'flotilla-store-'))),
)
storeConformance('MemoryStore', () => Promise.resolve(memoryUnderTest(new MemoryStore())))

describe('keys', () => {
  test('STORE-7: what does not fit the layout is refused', () => {
    const cases: (() => unknown)[] = [
      () => new KeyWriter(8).u64(2 ** 53),
      () => new KeyWriter(8).u64(-1),
      () => new KeyWriter(8).u64(0.5),
      () => new KeyWriter(3).u16(1).key(),
      () => groupRange(0xffff),
      () => prefixRange(Uint8Array.of(0xff, 0xff)),
    ]
    for (const wrong of cases) expect(wrong).toThrow('STORE-7')
  })

  test('prefixRange leaves the prefix as it is, and carries over 255', () => {
    const prefix = new KeyWriter(4).u16(7).u16(0x01ff).key()
    const { gte, lt } = prefixRange(prefix)
    expect([...gte]).toEqual([0, 7, 1, 0xff])
    expect([...lt]).toEqual([0, 7, 2])
  })
})

describe('MemoryStore', () => {
  test('forgets what was not synced only when the power goes', async () => {
    const store = new MemoryStore()
    const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)]
    await store.write([{ key: a, value: a }])
    await store.sync()
    await store.write([
      { key: a, value: null },
      { key: b, value: b },
    ])
    expect(await store.reopened('kill').get(b)).toEqual(b)
    const survivor = store.reopened('power-loss')
    expect([await survivor.get(a), await survivor.get(b)]).toEqual([a, undefined])
  })
})

describe('LevelStore', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-level-'))
  })
  afterEach(() => rm(dir, { recursive: true }))

  test('a second opening is refused while the first lives', async () => {
    const first = await LevelStore.open(dir, options)
    await expect(LevelStore.open(dir, options)).rejects.toMatchObject({
      cause: { code: 'LEVEL_LOCKED' },
    })
    await first.close()
  })

  test('what was synced needs no WAL, which a loss of power may take', async () => {
    const key = (n: number) => new KeyWriter(4).u16(1).u16(n).key()
    const store = await LevelStore.open(dir, options)
    for (let n = 0; n < 100; n++) await store.write([{ key: key(n), value: key(n) }])
    await store.sync()
    await store.write([{ key: key(500), value: key(500) }])
    const copy = `${dir}-copy`
    await cp(dir, copy, { recursive: true })
    await store.close()
    for (const name of await readdir(copy))
      if (name.endsWith('.log')) await truncate(join(copy, name))
    const left = await LevelStore.open(copy, options)
    const rows = await left.range(prefixRange(Uint8Array.of(0, 1)))
    expect(rows.map(([k]) => Buffer.from(k).readUInt16BE(2))).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    )
    await left.close()
    await rm(copy, { recursive: true })
  })

  test('after damage to its WAL, it is doubtful until trusted, over further starts', async () => {
    const key = (n: number) => new KeyWriter(4).u16(1).u16(n).key()
    const running = await LevelStore.open(dir, options)
    for (let n = 0; n < 200; n++)
      await running.write([{ key: key(n), value: Buffer.alloc(500, n) }])
    const killed = `${dir}-killed`
    await cp(dir, killed, { recursive: true })
    await running.close()
    const wal = (await readdir(killed)).find((name) => name.endsWith('.log')) as string
    const bytes = await readFile(join(killed, wal))
    bytes.fill(0, 50_176, 50_688)
    await writeFile(join(killed, wal), bytes)
    let store = await LevelStore.open(killed, options)
    expect(store.doubtful).toBe(true)
    const rows = await store.range(prefixRange(Uint8Array.of(0, 1)))
    expect(rows.length).toBeLessThan(200)
    expect(rows.at(-1)?.[0]).toEqual(key(199)) // behind a hole
    await store.close()
    store = await LevelStore.open(killed, options)
    expect(store.doubtful).toBe(true)
    await store.trust()
    await store.close()
    store = await LevelStore.open(killed, options)
    expect(store.doubtful).toBe(false)
    await store.close()
    await rm(killed, { recursive: true })
  })

  test('after a run that ended with the machine, it is doubtful until trusted', async () => {
    await (await LevelStore.open(dir, options)).close()
    const note = join(dir, 'LIFE')
    expect(await readFile(note, 'utf8')).toMatch(/^closed /)
    await writeFile(note, 'open another-boot\n')
    let store = await LevelStore.open(dir, options)
    expect(store.doubtful).toBe(true)
    await store.close()
    store = await LevelStore.open(dir, options)
    expect(store.doubtful).toBe(true)
    await store.trust()
    await store.close()
    store = await LevelStore.open(dir, options)
    expect(store.doubtful).toBe(false)
    await store.close()
  })
})

describe('WriteQueue', () => {
  const op = (n: number) => [{ key: Uint8Array.of(n), value: Uint8Array.of(n) }]
  const nothing = () => Promise.resolve()

  test('shares one batch among the calls made while another is under way', async () => {
    const sizes: number[] = []
    const queue = new WriteQueue(
      {
        batch: (ops: BatchOp[]) => {
          sizes.push(ops.length)
          return new Promise((resolve) => setImmediate(resolve))
        },
        clear: nothing,
        flush: nothing,
      },
      options,
    )
    const first = queue.write(op(0))
    await Promise.resolve()
    await Promise.resolve()
    const rest = Array.from({ length: 50 }, (_, n) => queue.write(op(n)))
    await Promise.all([first, ...rest])
    expect(sizes).toEqual([1, 50])
  })

  test('a flush holds up no batch, and waits for the one before it', async () => {
    const order: string[] = []
    const waiting: (() => void)[] = []
    const queue = new WriteQueue(
      {
        batch: (ops: BatchOp[]) => Promise.resolve(void order.push(`batch of ${ops.length}`)),
        clear: nothing,
        flush: () => new Promise((resolve) => waiting.push(resolve)),
      },
      options,
    )
    const first = queue.flush().then(() => order.push('first flush'))
    await queue.write(op(1))
    const second = queue.flush().then(() => order.push('second flush'))
    await queue.write(op(2))
    waiting[1]?.()
    await queue.write(op(3))
    waiting[0]?.()
    await Promise.all([first, second])
    expect(order).toEqual(['batch of 1', 'batch of 1', 'batch of 1', 'first flush', 'second flush'])
  })

  test('STORE-6: a flush that fails poisons the store', async () => {
    const fatal: Error[] = []
    const queue = new WriteQueue(
      { batch: nothing, clear: nothing, flush: () => Promise.reject(new Error('disk full')) },
      { onFatal: (error) => fatal.push(error), metrics: noMetrics },
    )
    await expect(queue.flush()).rejects.toBeInstanceOf(StoreBroken)
    await expect(queue.write(op(1))).rejects.toBeInstanceOf(StoreBroken)
    await queue.end()
    expect(fatal).toHaveLength(1)
  })

  test('STORE-6: the first error rejects that call and all later ones, and is told once', async () => {
    let calls = 0
    const fatal: Error[] = []
    const queue = new WriteQueue(
      {
        batch: () => (++calls === 2 ? Promise.reject(new Error('disk full')) : Promise.resolve()),
        clear: nothing,
        flush: nothing,
      },
      { onFatal: (error) => fatal.push(error), metrics: noMetrics },
    )
    await queue.write(op(1))
    const failing = queue.write(op(2))
    const behind = queue.flush()
    await expect(failing).rejects.toBeInstanceOf(StoreBroken)
    await expect(behind).rejects.toBeInstanceOf(StoreBroken)
    await expect(queue.write(op(3))).rejects.toBeInstanceOf(StoreBroken)
    expect([calls, fatal.length]).toEqual([2, 1])
  })
})

describe('a damaged table', () => {
  /** A store of 2,000 rows of which a sector in the middle of the one table is zeroed. */
  async function damaged(): Promise<{ store: LevelStore; fatal: Error[]; dir: string }> {
    const dir = await mkdtemp(join(tmpdir(), 'flotilla-store-'))
    const whole = await LevelStore.open(dir, options)
    const row = (i: number): Op => ({ key: key(i), value: Buffer.from(`row ${i} `.repeat(20)) })
    await whole.write(Array.from({ length: 2_000 }, (_, i) => row(i)))
    await whole.sync()
    await whole.close()
    const table = (await readdir(dir)).find((name) => name.endsWith('.ldb')) as string
    const bytes = await readFile(join(dir, table))
    bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 512)
    await writeFile(join(dir, table), bytes)
    const fatal: Error[] = []
    const onFatal = (error: Error): void => void fatal.push(error)
    return { store: await LevelStore.open(dir, { ...options, onFatal }), fatal, dir }
  }

  const all = groupRange(1)
  const key = (i: number): Uint8Array => new KeyWriter(6).u16(1).u32(i).key()

  test.each<[string, (store: LevelStore) => Promise<unknown>]>([
    ['ranges', (store) => store.range(all)],
    [
      'single rows',
      (store) => Promise.all(Array.from({ length: 2_000 }, (_, i) => store.get(key(i)))),
    ],
    ['views', (store) => store.snapshot().iterate(all, 4_096, () => Promise.resolve(true))],
  ])('P11: ends the node when it is read: %s', async (_, read) => {
    const { store, fatal, dir } = await damaged()
    await expect(read(store)).rejects.toBeInstanceOf(StoreBroken)
    expect(fatal.map(String)).toEqual([expect.stringMatching(/cannot be read.*damaged/)])
    await expect(store.write([{ key: key(1), value: null }])).rejects.toBeInstanceOf(StoreBroken)
    await store.close()
    await rm(dir, { recursive: true })
  })
})
