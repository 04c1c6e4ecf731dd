import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KeyWriter, groupRange, prefixRange, readU64 } from '../../src/store/keys.ts'
import type { Op, Pair, Store } from '../../src/store/store.ts'

export interface StoreUnderTest {
  readonly store: Store
  /** Closes it and opens what it left behind. */
  reopen(): Promise<StoreUnderTest>
  destroy(): Promise<void>
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex')
const plain = (pairs: readonly Pair[]): [string, string][] =>
  pairs.map(([k, v]) => [hex(k), hex(v)])
const everything = { gte: Uint8Array.of(), lt: Uint8Array.of(0xff, 0xff) }

/** What every implementation of the store must do. */
export function storeConformance(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let under: StoreUnderTest
    beforeEach(async () => {
      under = await create()
    })
    afterEach(() => under.destroy())

    test('gives back what was written, and nothing for what was not', async () => {
      await under.store.write([
        { key: text('a'), value: text('1') },
        { key: text('empty'), value: text('') },
        { key: text('b'), value: text('2') },
        { key: text('b'), value: null },
      ])
      const get = async (key: string) => {
        const value = await under.store.get(text(key))
        return value === undefined ? undefined : Buffer.from(value).toString()
      }
      expect([await get('a'), await get('empty'), await get('b'), await get('c')]).toEqual([
        '1',
        '',
        undefined,
        undefined,
      ])
    })

    test('numbers keep their order across byte boundaries', async () => {
      const numbers = [0, 1, 254, 255, 256, 257, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]
      const key = (n: number) => new KeyWriter(11).u16(7).u8(1).u64(n).key()
      for (const n of [...numbers].reverse())
        await under.store.write([{ key: key(n), value: text('x') }])
      const found = await under.store.range(prefixRange(Uint8Array.of(0, 7, 1)))
      expect(found.map(([k]) => readU64(k, 3))).toEqual(numbers)
    })

    test('a group is one range, also next to 255 and at the end', async () => {
      const groups = [0, 1, 255, 256, 257, 4096, 0xfffe]
      for (const group of groups) {
        const key = new KeyWriter(4).u16(group).u16(0xffff).key()
        await under.store.write([
          { key: new KeyWriter(2).u16(group).key(), value: text('low') },
          { key, value: text('high') },
        ])
      }
      for (const group of groups) {
        const found = await under.store.range(groupRange(group))
        expect(found.map(([, v]) => Buffer.from(v).toString())).toEqual(['low', 'high'])
      }
    })

    test('calls of one turn take effect in their order', async () => {
      const calls = []
      for (let i = 0; i < 200; i++) {
        calls.push(under.store.write([{ key: text(`k${i % 3}`), value: text(String(i)) }]))
        if (i === 100) calls.push(under.store.deleteRange({ gte: text('k'), lt: text('k1') }))
      }
      calls.push(under.store.deleteRange({ gte: text('k2'), lt: text('k3') }))
      await Promise.all(calls)
      const found = await under.store.range(everything)
      expect(
        found.map(([k, v]) => `${Buffer.from(k).toString()}=${Buffer.from(v).toString()}`),
      ).toEqual(['k0=198', 'k1=199'])
    })

    test('a snapshot does not move, and comes in chunks', async () => {
      const key = (n: number) => new KeyWriter(4).u16(3).u16(n).key()
      const ops: Op[] = []
      for (let n = 0; n < 300; n++) ops.push({ key: key(n), value: new Uint8Array(100).fill(n) })
      await under.store.write(ops)
      const snapshot = under.store.snapshot()
      await under.store.deleteRange(groupRange(3))
      await under.store.write([{ key: key(5), value: text('later') }])
      const seen: Pair[] = []
      let chunks = 0
      await snapshot.iterate(groupRange(3), 4_096, (pairs) => {
        seen.push(...pairs)
        chunks++
        return Promise.resolve(true)
      })
      expect(plain(seen)).toEqual(ops.map(({ key: k, value }) => [hex(k), hex(value ?? text(''))]))
      expect(chunks).toBeGreaterThan(3)
      let first = 0
      await snapshot.iterate(groupRange(3), 4_096, (pairs) => {
        first += pairs.length
        return Promise.resolve(false)
      })
      expect(first).toBeLessThan(300)
      await snapshot.close()
      await snapshot.close()
      expect(await under.store.range(groupRange(3))).toHaveLength(1)
    })

    test('what was synced is there after reopening', async () => {
      await under.store.write([{ key: text('a'), value: text('1') }])
      await under.store.sync()
      under = await under.reopen()
      expect(under.store.doubtful).toBe(false)
      expect(plain(await under.store.range(everything))).toEqual([[hex(text('a')), hex(text('1'))]])
      await under.store.close()
      await under.store.close()
    })

    test('behaves like a sorted map', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          await under.store.deleteRange(everything)
          const model = new Map<string, string>()
          for (const one of steps) await play(under.store, model, one)
        }),
        { numRuns: 30 },
      )
    })
  })
}

type Step =
  | { kind: 'write'; ops: [number[], number[] | null][] }
  | { kind: 'clear'; from: number[]; to: number[] }
  | { kind: 'range'; from: number[]; to: number[]; reverse: boolean; limit: number | undefined }

/** Few and edgy bytes, so that keys meet and prefixes happen. */
const byte = fc.constantFrom(0, 1, 127, 128, 254, 255)
const key = fc.array(byte, { minLength: 1, maxLength: 3 }).filter((k) => k[0] !== 255)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    ops: fc.array(
      fc.tuple(key, fc.option(fc.array(fc.nat({ max: 255 }), { maxLength: 4 }), { nil: null })),
      { maxLength: 5 },
    ),
  }),
  fc.record({ kind: fc.constant('clear' as const), from: key, to: key }),
  fc.record({
    kind: fc.constant('range' as const),
    from: key,
    to: key,
    reverse: fc.boolean(),
    limit: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
  }),
)

async function play(store: Store, model: Map<string, string>, one: Step): Promise<void> {
  const bytes = (value: number[]) => Uint8Array.from(value)
  if (one.kind === 'write') {
    await store.write(
      one.ops.map(([k, v]) => ({ key: bytes(k), value: v === null ? null : bytes(v) })),
    )
    for (const [k, v] of one.ops) {
      if (v === null) model.delete(hex(bytes(k)))
      else model.set(hex(bytes(k)), hex(bytes(v)))
    }
    return
  }
  const [gte, lt] = [bytes(one.from), bytes(one.to)]
  const inside = [...model.entries()]
    .filter(([k]) => k >= hex(gte) && k < hex(lt))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  if (one.kind === 'clear') {
    await store.deleteRange({ gte, lt })
    for (const [k] of inside) model.delete(k)
    return
  }
  if (one.reverse) inside.reverse()
  const query = one.limit === undefined ? {} : { limit: one.limit }
  const found = await store.range({ gte, lt, reverse: one.reverse, ...query })
  expect(plain(found)).toEqual(inside.slice(0, one.limit))
}
