import { describe, expect, test } from 'vitest'
import {
  flushesIn,
  parentIn,
  sampleMachine,
  usageBetween,
  withDescendants,
} from '../../bench/peers/machine-usage.ts'
import { numberIn } from '../../bench/peers/fanout-load.ts'
import { payload } from '../../src/cli/bench/payload.ts'

describe('/proc', () => {
  test('flushes of whole disks are counted, those of partitions and loops are not', () => {
    const counts = (flushes: number) => `1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 ${flushes} 17`
    const text = [
      `   7       0 loop0 ${counts(1)}`,
      ` 254       0 vda ${counts(20)}`,
      ` 259       0 nvme0n1 ${counts(300)}`,
      ` 259       1 nvme0n1p1 ${counts(4_000)}`,
      `   8       1 sda1 ${counts(50_000)}`,
      `   8       0 sda ${counts(600_000)}`,
    ]
    expect(flushesIn(`${text.join('\n')}\n`)).toBe(600_320)
  })

  test.for([
    ['no file', ''],
    ['no disk', '   7       0 loop0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n'],
    ['a kernel that does not count', '   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n'],
  ] as const)('%s: the flushes are not known', ([_what, text]) => {
    expect(flushesIn(text)).toBeNaN()
  })

  test.for([
    ['12 (node) S 7 12 12 0', 7],
    ['12 (a) S 3 (b) R 9 12 12 0', 9],
  ] as const)('the parent in %j', ([stat, parent]) => {
    expect(parentIn(stat)).toBe(parent)
  })

  test('descendants to any depth, whatever the order', () => {
    const parents = new Map([
      [5, 4],
      [4, 2],
      [2, 1],
      [3, 1],
      [9, 8],
    ])
    expect([...withDescendants([2], parents)].toSorted((a, b) => a - b)).toEqual([2, 4, 5])
    expect([...withDescendants([8, 3], parents)].toSorted((a, b) => a - b)).toEqual([3, 8, 9])
  })
})

describe('usage', () => {
  const sample = (atMs: number, servers: [number, number][], client: number, flushes: number) => ({
    atMs,
    servers: new Map(servers),
    client,
    flushes,
  })

  test('is what was added between two samples', () => {
    const before = sample(1_000, [[1, 10], [2, 5]], 3, 100) // prettier-ignore
    const after = sample(3_000, [[1, 11], [4, 0.5]], 4, 150) // prettier-ignore
    expect(usageBetween(before, after)).toEqual({
      seconds: 2,
      serverCpuSeconds: 1.5,
      clientCpuPercent: 50,
      flushesPerS: 25,
    })
  })

  test('of no known server is not known', () => {
    const { serverCpuSeconds } = usageBetween(sample(0, [], 0, 0), sample(1, [], 0, 0))
    expect(serverCpuSeconds).toBeNaN()
  })

  test('of this process is found where there is /proc', () => {
    const { servers, client } = sampleMachine([process.pid])
    expect([...servers.keys()]).toContain(process.pid)
    expect(client).toBeGreaterThan(0)
  })
})

describe('the number of a body', () => {
  const body = payload(123_456, 200)
  test.for([
    ['alone', body],
    ['in a frame of Flotilla', `{"data":{"topic":"grp#1","seq":7,"content":"${body}"}}`],
    ['in a frame of the ceiling', `{"s":9,"d":"${body}"}`],
    ['short', payload(123_456, 11)],
  ] as const)('is found %s', ([_where, text]) => {
    expect(numberIn(Buffer.from(text))).toBe(123_456)
  })

  test.for(['', '#', '#12#', '{"data":{"content":"hello # 1 2 3 4 #"}}', '#12345678x#'])(
    'is not found in %j',
    (text) => {
      expect(numberIn(Buffer.from(text))).toBe(-1)
    },
  )
})
