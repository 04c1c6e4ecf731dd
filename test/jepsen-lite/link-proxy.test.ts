import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LinkProxy } from '../../jepsen-lite/proxy/link-proxy.ts'
import { Prng } from '../../jepsen-lite/prng.ts'

/** An echo server behind a proxy, and what it received. */
const received: Buffer[] = []
const served = new Set<Socket>()
const server = createServer((socket) => {
  served.add(socket)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    received.push(chunk)
    socket.write(chunk)
  })
})
let proxy: LinkProxy
const clients: Client[] = []

beforeEach(async () => {
  received.length = 0
  served.clear()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  proxy = await LinkProxy.listen({ targetHost: '127.0.0.1', targetPort: port, random: new Prng(7) })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy()
  await proxy.close()
  await proxy.close()
  server.close()
  await once(server, 'close')
})

class Client {
  readonly socket: Socket
  bytes = Buffer.alloc(0)
  error: string | undefined
  closed = false

  constructor() {
    this.socket = connect(proxy.port, '127.0.0.1')
    this.socket.on('data', (chunk) => (this.bytes = Buffer.concat([this.bytes, chunk])))
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code))
    this.socket.on('close', () => (this.closed = true))
    clients.push(this)
  }
}

async function until(condition: () => boolean, ms = 5_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${condition.toString()}`)
    await new Promise((done) => setTimeout(done, 2))
  }
}

const total = (): number => received.reduce((sum, chunk) => sum + chunk.length, 0)

async function connected(): Promise<Client> {
  const client = new Client()
  client.socket.write('hello')
  await until(() => client.bytes.length === 5)
  client.bytes = Buffer.alloc(0)
  received.length = 0
  return client
}

test('pass: bytes go through unchanged, both ways, and an end ends', async () => {
  const client = new Client()
  const sent = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i * 7))
  client.socket.write(sent)
  await until(() => client.bytes.length === sent.length)
  expect(client.bytes.equals(sent)).toBe(true)
  client.socket.end()
  await until(() => client.closed && proxy.openConnections === 0)
  expect(client.error).toBeUndefined()
})

test('cut: open connections are reset, new ones too, until it is healed', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'cut' })
  await until(() => client.closed)
  expect(client.error).toBe('ECONNRESET')
  const other = new Client()
  await until(() => other.closed)
  expect(proxy.stats).toMatchObject({ resets: 1, refused: 1 })
  proxy.heal()
  await connected()
})

test('blackhole: the connection stays, the bytes vanish; healed, it is reset', async () => {
  const client = await connected()
  const silent = await connected()
  proxy.setFault({ kind: 'blackhole' })
  client.socket.write('lost')
  const late = new Client()
  late.socket.write('lost too')
  await until(() => proxy.stats.swallowedBytes === 12)
  expect([client.closed, late.closed, total()]).toEqual([false, false, 0])
  proxy.heal()
  await until(() => client.closed && late.closed)
  expect([client.error, late.error]).toEqual(['ECONNRESET', 'ECONNRESET'])
  silent.socket.write('still here')
  await until(() => silent.bytes.toString() === 'still here')
})

test('one direction: requests arrive, answers do not', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'blackhole' }, 'backward')
  client.socket.write('ask')
  await until(() => total() === 3 && proxy.stats.swallowedBytes === 3)
  expect(client.bytes).toHaveLength(0)
})

test('delay: every chunk is late by at least so much, in order', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'delay', ms: 60, jitterMs: 40 }, 'forward')
  const started = performance.now()
  for (const word of ['a', 'b', 'c', 'd']) client.socket.write(word)
  await until(() => total() === 4)
  expect(performance.now() - started).toBeGreaterThan(55)
  expect(Buffer.concat(received).toString()).toBe('abcd')
  expect(proxy.stats.heldChunks).toBeGreaterThan(0)
})

test('bandwidth: so many bytes a second', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'bandwidth', bytesPerSecond: 100_000 }, 'forward')
  const started = performance.now()
  client.socket.write(Buffer.alloc(20_000))
  await until(() => total() === 20_000)
  expect(performance.now() - started).toBeGreaterThan(150)
})

test('clog: nothing, then everything', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'clog' })
  for (let i = 0; i < 10; i++) client.socket.write('0123456789')
  await until(() => proxy.stats.heldChunks > 0)
  expect(total()).toBe(0)
  proxy.heal()
  await until(() => client.bytes.length === 100)
})

test('clog: a sender cannot fill the memory', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'clog' })
  const sent = Buffer.alloc(6 << 20)
  client.socket.write(sent)
  await until(() => client.socket.bytesWritten > 0 && proxy.stats.heldChunks > 10)
  const held = (): number => proxy.stats.heldChunks
  let before = -1
  await until(() => {
    const still = held() === before
    before = held()
    return still
  })
  expect(before * 65_536).toBeLessThan(3 << 20)
  proxy.heal()
  await until(() => client.bytes.length === sent.length)
})

test('reset in the middle of a frame: half of it arrives', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'reset', probability: 1, midFrame: true }, 'forward')
  client.socket.write('0123456789')
  await until(() => client.closed && total() === 5)
  expect(Buffer.concat(received).toString()).toBe('01234')
})

test('reset by chance: some connections die, others do not', async () => {
  proxy.setFault({ kind: 'reset', probability: 0.5, midFrame: false }, 'forward')
  const many = Array.from({ length: 30 }, () => new Client())
  for (const client of many) client.socket.write('x')
  await until(() => many.every((client) => client.closed || client.bytes.length === 1))
  const dead = many.filter((client) => client.closed).length
  expect(dead).toBeGreaterThan(4)
  expect(dead).toBeLessThan(26)
})

test('corrupt: one bit of one byte', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'corrupt', probability: 1 }, 'forward')
  const sent = Buffer.alloc(100)
  client.socket.write(sent)
  await until(() => total() === 100)
  const wrong = Buffer.concat(received).filter((byte) => byte !== 0)
  expect(wrong).toHaveLength(1)
  expect(Math.log2(wrong[0] ?? 0) % 1).toBe(0)
})

test('loss: lost chunks come after the timeout, in order, and not one is missing', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'loss', probability: 1, rtoMs: 1 }, 'forward')
  const started = performance.now()
  client.socket.write('x')
  await until(() => total() === 1)
  // Every retransmission is lost as well, up to the bound: 1 + 2 + 4 + 8 + 16 + 32 ms.
  expect(performance.now() - started).toBeGreaterThan(60)
  proxy.setFault({ kind: 'loss', probability: 0.5, rtoMs: 2 }, 'forward')
  const words = Array.from({ length: 60 }, (_, i) => `${i}.`)
  for (const word of words) {
    client.socket.write(word)
    await new Promise((done) => setImmediate(done))
  }
  await until(() => total() === 1 + words.join('').length)
  expect(Buffer.concat(received).toString()).toBe(`x${words.join('')}`)
  expect(proxy.stats.heldChunks).toBeGreaterThan(1)
})

test('late: the sender is told that it broke, and its bytes come when another connection is answered', async () => {
  const old = await connected()
  proxy.setFault({ kind: 'late', probability: 1, gatherMs: 200 })
  old.socket.write('a')
  await until(() => old.socket.bytesWritten === 6)
  old.socket.write('b')
  await until(() => old.closed)
  expect([old.error, total()]).toEqual(['ECONNRESET', 0])
  // The newer one works: what is late is what the older one had under way.
  proxy.setFault({ kind: 'late', probability: 0, gatherMs: 200 })
  const young = await connected()
  await until(() => total() === 2)
  expect(Buffer.concat(received).toString()).toBe('ab')
  expect(young.bytes).toHaveLength(0)
  expect(proxy.stats).toMatchObject({ lateBytes: 2, lateRefused: 0, resets: 1 })
})

test('late: a receiver that has closed the old connection gets nothing of it', async () => {
  const old = await connected()
  proxy.setFault({ kind: 'late', probability: 1, gatherMs: 5 })
  old.socket.write('late')
  await until(() => old.closed)
  for (const socket of served) socket.destroy()
  proxy.setFault({ kind: 'late', probability: 0, gatherMs: 5 })
  await connected()
  await until(() => proxy.stats.lateRefused === 1)
  expect([total(), proxy.stats.lateBytes]).toEqual([0, 0])
})

test('late: healed before it broke, nothing has happened; healed after, the bytes never come', async () => {
  const client = await connected()
  proxy.setFault({ kind: 'late', probability: 1, gatherMs: 5_000 })
  client.socket.write('held')
  await until(() => client.socket.bytesWritten === 9)
  await new Promise((done) => setTimeout(done, 20))
  expect(total()).toBe(0)
  proxy.heal()
  await until(() => client.bytes.toString() === 'held')
  received.length = 0
  proxy.setFault({ kind: 'late', probability: 1, gatherMs: 1 })
  client.socket.write('gone')
  await until(() => client.closed)
  proxy.heal()
  await connected()
  expect(proxy.stats.lateBytes).toBe(0)
})

test('a target that is down: the connection is reset', async () => {
  const dead = await LinkProxy.listen({
    targetHost: '127.0.0.1',
    targetPort: 1,
    random: new Prng(7),
  })
  const socket = connect(dead.port, '127.0.0.1')
  const codes: string[] = []
  socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code ?? '?'))
  socket.write('x')
  await until(() => socket.destroyed)
  expect(dead.stats.refused).toBe(1)
  await dead.close()
})

test('a closed proxy still tells its port, and nobody answers there', async () => {
  const { port } = proxy
  await proxy.close()
  expect(proxy.port).toBe(port)
  const late = new Client()
  await until(() => late.closed)
  expect(late.error).toBe('ECONNREFUSED')
})
