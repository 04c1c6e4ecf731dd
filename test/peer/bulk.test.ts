import { afterEach, expect, test } from 'vitest'
import { BulkBroken } from '../../src/peer/bulk-writer.ts'
import { BulkReader } from '../../src/peer/bulk-reader.ts'
import { peerKinds } from '../../src/wire/peer-kinds.ts'
import { FaultyProxy } from './faulty-proxy.ts'
import { allUp, introduce, startNode, until, type TestNode } from './surroundings.ts'

const open: { close(): void }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

type Bulk = (from: number, header: unknown, chunks: BulkReader) => Promise<void>

/** Node 1 sends to node 2, through a proxy if not direct; node 2 treats streams as told. */
async function pair(bulk: Bulk, settings = {}, isDirect = false) {
  const handlers = { message: () => {}, up: () => {}, down: () => {}, bulk }
  const one = await startNode({ index: 1 })
  const quick = { pingEveryMs: 40, deadAfterMs: 200, backoffMinMs: 5, handshakeMs: 300 }
  const two = await startNode({ index: 2 }, { handlers, settings: { ...quick, ...settings } })
  const proxy = await FaultyProxy.to(() => two.peers.port)
  open.push(one, two, proxy)
  introduce([one, two], (from) => (from === 1 && !isDirect ? proxy.port : undefined))
  await until(() => allUp([one, two] as TestNode[]), 'up')
  return { one, two, proxy }
}

test('chunks arrive whole and in order; the end waits for the receiver', async () => {
  const got: string[] = []
  let isUsed = false
  const { one } = await pair(async (from, header, chunks) => {
    got.push(`from ${from} ${JSON.stringify(header)}`)
    for await (const chunk of chunks) got.push(chunk.toString())
    await new Promise((resolve) => setTimeout(resolve, 300)) // longer than the keepalive
    isUsed = true
  })
  const stream = one.peers.openBulk(2, ['snapshot', 7])
  for (let n = 0; n < 50; n++) await stream.write(Buffer.from(`chunk ${n}`))
  await stream.end()
  expect(isUsed).toBe(true)
  expect(got).toEqual([
    'from 1 ["snapshot",7]',
    ...Array.from({ length: 50 }, (_, n) => `chunk ${n}`),
  ])
  stream.abort()
})

test('a slow receiver holds the sender back; messages pass meanwhile', async () => {
  let release: () => void = () => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  let bytes = 0
  const { one } = await pair(
    async (_from, _header, chunks) => {
      await gate
      for await (const chunk of chunks) bytes += chunk.length
    },
    { maxBulkAheadBytes: 256 * 1024 },
    true, // the proxy takes any number of bytes
  )
  const stream = one.peers.openBulk(2, null)
  const total = 400
  let written = 0
  const chunk = Buffer.alloc(100_000, 5)
  const writing = (async () => {
    for (; written < total; written++) await stream.write(chunk)
    await stream.end()
  })()
  let still = 0
  for (let last = -1; still < 50; last = written) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    still = last === written ? still + 1 : 0
  }
  expect(written).toBeLessThan(total)
  expect(one.peers.isUp(2)).toBe(true)
  expect(one.peers.post(2, [20, 1])).toBe(true)
  release()
  await writing
  expect(bytes).toBe(total * chunk.length)
})

test.for([
  ['the receiver fails', async () => Promise.reject(new Error('disk full'))],
  ['the receiver gives up', async (_f: number, _h: unknown, chunks: BulkReader) => chunks.abort()],
  ['the receiver returns too early', async () => {}],
] as [string, Bulk][])('when %s, the sender learns it', async ([, bulk]) => {
  const { one } = await pair(bulk)
  const stream = one.peers.openBulk(2, 'x')
  const sending = (async () => {
    for (let n = 0; n < 100_000; n++) await stream.write(Buffer.alloc(1_000))
    await stream.end()
  })()
  await expect(sending).rejects.toThrow(BulkBroken)
  await expect(stream.write(Buffer.alloc(1))).rejects.toThrow(BulkBroken)
})

test('a receiver that returns too early is never taken for one that used all', async () => {
  const { one } = await pair(async () => {})
  for (const chunks of [0, 1, 3]) {
    const stream = one.peers.openBulk(2, 'x')
    const sending = (async () => {
      for (let n = 0; n < chunks; n++) await stream.write(Buffer.from('small'))
      await new Promise((resolve) => setTimeout(resolve, 20))
      await stream.end()
    })()
    await expect(sending).rejects.toThrow(BulkBroken)
  }
})

test('nor is one that returns after the end came, without having read it', async () => {
  const { one } = await pair(async (_from, _header, chunks) => {
    for await (const _ of chunks) break
    await new Promise((resolve) => setTimeout(resolve, 60)) // all is here by now
  })
  const stream = one.peers.openBulk(2, 'x')
  for (let n = 0; n < 3; n++) await stream.write(Buffer.from('small'))
  await expect(stream.end()).rejects.toThrow(BulkBroken)
})

test('an end that does not count the chunks that came is refused', () => {
  const socket = { pause() {}, resume() {}, close() {} }
  const reader = new BulkReader(socket as never, 1_000)
  expect(reader.receive([peerKinds.bulkChunk, Buffer.from('one')])).toBe(true)
  expect(reader.receive([peerKinds.bulkEnd, 2])).toBe(false)
  expect(reader.receive([peerKinds.ping, 1])).toBe(false)
  expect(reader.receive([peerKinds.bulkEnd, 1])).toBe(true)
  expect(reader.receive([peerKinds.bulkChunk, Buffer.from('late')])).toBe(false)
})

test.for(['cut', 'swallow', 'abort', 'close'] as const)(
  'by %s in the middle both ends learn that it is not whole',
  async (how) => {
    let seen = 0
    let failure: unknown
    const { one, proxy } = await pair(
      async (_from, _header, chunks) => {
        try {
          for await (const chunk of chunks) seen += chunk.length
        } catch (error) {
          failure = error
          throw error
        }
      },
      { deadAfterMs: 30 },
    )
    const stream = one.peers.openBulk(2, 'x')
    await stream.write(Buffer.alloc(1_000))
    await until(() => seen === 1_000, 'the first chunk')
    if (how === 'cut') proxy.cut()
    if (how === 'swallow') proxy.swallow = 'both'
    if (how === 'abort') stream.abort()
    if (how === 'close') one.close()
    await expect(stream.end()).rejects.toThrow(BulkBroken)
    await until(() => failure !== undefined, 'the reader to learn it')
    expect(failure).toBeInstanceOf(BulkBroken)
  },
)

test('too many at once are refused as busy, unknown nodes at the first write', async () => {
  const { one } = await pair(
    async (_from, _header, chunks) => {
      for await (const _ of chunks);
    },
    { maxBulkPerPeer: 2 },
  )
  const streams = [1, 2].map((n) => one.peers.openBulk(2, n))
  for (const stream of streams) await stream.write(Buffer.alloc(10))
  const third = one.peers.openBulk(2, 3)
  await expect(third.write(Buffer.alloc(10))).rejects.toThrow('busy')
  for (const stream of streams) await stream.end()
  const fourth = one.peers.openBulk(2, 4)
  await fourth.write(Buffer.alloc(10))
  await fourth.end()
  await expect(one.peers.openBulk(9, 1).write(Buffer.alloc(1))).rejects.toThrow('unknown-member')
})
