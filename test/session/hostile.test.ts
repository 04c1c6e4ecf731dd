import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { msgpackSubprotocol } from '../../src/wire/versions.ts'
import { TokenMint } from '../../src/session/token.ts'
import { Frame } from '../../src/topic/frame.ts'
import { MsgpackReader } from '../../src/wire/msgpack-reader.ts'
import { clientObjectLimits } from '../../src/wire/client-codec.ts'
import { eventually, group, stockKey, TestClient, TestEdge } from './edge-fixture.ts'
import { hostileMessages } from './hostile-messages.ts'
import type { HostileMessage, Names } from './hostile-messages.ts'
import { frameHeader, maskedFrame, RawClient, upgradeRequest } from './raw-client.ts'

/**
 * Everything here happens to one server, while a decent client on it publishes and listens all the
 * time; at the end that client must have missed nothing and the process must not have grown.
 */
const maxGrowthBytes = 150 * 1024 * 1024

let edge: TestEdge
let names: Names
let decent: Decent
let before = 0

class Decent {
  readonly client: TestClient
  sent = 0
  slowest = 0
  #isOver = false
  readonly #run: Promise<void>

  constructor(client: TestClient) {
    this.client = client
    this.#run = this.#publish()
  }

  async #publish(): Promise<void> {
    await this.client.ask({ sub: { topic: group(1) } })
    while (!this.#isOver) {
      const began = performance.now()
      const ctrl = await this.client.ask({ pub: { topic: group(1), content: ++this.sent } })
      if (ctrl.code !== 202) throw new Error(JSON.stringify(ctrl))
      this.slowest = Math.max(this.slowest, performance.now() - began)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#run
  }
}

beforeAll(async () => {
  edge = await TestEdge.open()
  const [self, peer, other] = [
    await edge.user('self'),
    await edge.user('peer'),
    await edge.user('decent'),
  ]
  const tampered = Buffer.from(edge.token(self), 'base64')
  tampered[13] = 2
  const facts = {
    uid: self,
    expires: Date.now() + 60_000,
    level: 'auth',
    serial: 7,
    features: 1,
    login: '',
  } as const
  names = {
    self,
    peer,
    group: group(2),
    expired: edge.token(self, { expires: Date.now() - 5_000 }),
    foreign: new TokenMint(Buffer.alloc(32, 9)).issue(facts),
    tampered: tampered.toString('base64'),
  }
  decent = new Decent(await edge.client(other))
  await eventually(() => decent.sent > 3)
  before = process.memoryUsage().rss
})

afterAll(async () => {
  await decent.stop()
  const seqs = decent.client.heard.filter((m) => m.data).map((m) => m.data.content)
  expect(seqs).toEqual(Array.from({ length: decent.sent }, (_, i) => i + 1))
  // Stock clients give up after 5 s; a busy machine is not our subject.
  expect(decent.slowest).toBeLessThan(4_000)
  expect(process.memoryUsage().rss - before).toBeLessThan(maxGrowthBytes)
  expect(edge.thrown).toEqual([])
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  await edge[Symbol.asyncDispose]()
})

function unpacked(bytes: Buffer): unknown {
  return new MsgpackReader(bytes, clientObjectLimits).readWhole()
}

async function clientFor(hostile: HostileMessage): Promise<TestClient> {
  const client = await TestClient.open(edge.url, hostile.msgpack ? [msgpackSubprotocol] : [])
  if (hostile.as === 'new') return client
  client.send({ hi: { id: 'h', ver: '0.25' } })
  if (hostile.as !== 'hello') {
    const secret = edge.token(names.self as never)
    client.send({ login: { id: 'l', scheme: 'token', secret } })
    client.send({ sub: { id: 's', topic: names.group } })
  }
  return client
}

const placeholders: Names = {
  self: 'usrSELF',
  peer: 'usrPEER',
  group: '',
  expired: '',
  foreign: '',
  tampered: '',
}
const messageNames = hostileMessages(placeholders).map((hostile) => hostile.name)

describe(`${messageNames.length} hostile messages`, () => {
  test.for(messageNames)('%s', async (name) => {
    const hostile = hostileMessages(names).find((each) => each.name === name)!
    const client = await clientFor(hostile)
    const greetings = { new: 0, hello: 1, auth: 3 }[hostile.as ?? 'auth']
    await eventually(() => client.heard.length >= greetings)
    const known = client.heard.length
    client.send(hostile.send)
    client.send('1') // whatever it was, the connection must live: the probe is answered
    const read = (message: unknown): any => (Buffer.isBuffer(message) ? unpacked(message) : message)
    await client.until(() => client.heard.slice(known).some((message) => read(message) === 0))
    if (hostile.code !== 0)
      await client.until(() => client.heard.slice(known).some((message) => read(message)?.ctrl))
    const answers = client.heard
      .slice(known)
      .map(read)
      .filter((message) => message?.ctrl)
    if (hostile.code === 0) expect(answers).toEqual([])
    else {
      expect(answers).toHaveLength(1)
      const { ctrl } = answers[0]
      expect(ctrl.code).toBe(hostile.code)
      if (hostile.text !== undefined) expect(ctrl.text).toBe(hostile.text)
      if (hostile.id !== undefined) expect(ctrl.id ?? null).toBe(hostile.id)
      if (hostile.topic !== undefined) expect(ctrl.topic ?? null).toBe(hostile.topic)
    }
    client.close()
  })
})

/** Bytes after the upgrade, and the status of the close frame. */
const text = 0x81
const hostileFrames: readonly (readonly [
  name: string,
  bytes: () => Buffer | Buffer[],
  code: number,
])[] = [
  ['a frame that is not masked', () => Buffer.from([text, 1, 0x31]), 1002],
  ['opcode 3', () => maskedFrame(0x83, 'x'), 1002],
  ['opcode 11', () => maskedFrame(0x8b, 'x'), 1002],
  ['a reserved bit', () => maskedFrame(0xc1, '{}'), 1002],
  ['a ping in fragments', () => maskedFrame(0x09, 'x'), 1002],
  ['a ping of 126 bytes', () => maskedFrame(0x89, 'x'.repeat(126)), 1002],
  ['a continuation of nothing', () => maskedFrame(0x80, 'x'), 1002],
  ['a message inside another', () => [maskedFrame(0x01, '{'), maskedFrame(0x81, '}')], 1002],
  ['a close of one byte', () => maskedFrame(0x88, 'x'), 1002],
  ['a close with code 999', () => maskedFrame(0x88, Buffer.from([0x03, 0xe7])), 1002],
  ['a close with a broken reason', () => maskedFrame(0x88, Buffer.from([0x03, 0xe8, 0xff])), 1007],
  ['text that is not UTF-8', () => maskedFrame(text, Buffer.from([0x22, 0xc3, 0x28, 0x22])), 1007],
  ['text that is cut in a character', () => maskedFrame(text, Buffer.from([0xe2, 0x82])), 1007],
  ['a frame of 1 MB', () => maskedFrame(text, Buffer.alloc(1_000_000, 0x20)), 1009],
  ['a frame of 128 KiB and one byte', () => frameHeader(text, 131_073, true), 1009],
  ['a frame said to have 100 MB', () => frameHeader(text, 100_000_000, true), 1009],
  ['a frame said to have 2^62 bytes', () => frameHeader(text, 1n << 62n, true), 1009],
  ['fragments that add up to 200 kB', () => fragments(20, 10_000), 1009],
  ['2,000 fragments of a byte', () => fragments(2_000, 1), 1008],
  [
    '65 messages of nonsense',
    () => Array.from({ length: 65 }, () => maskedFrame(text, 'nonsense')),
    1008,
  ],
  [
    '65 requests before hi',
    () => Array.from({ length: 65 }, () => maskedFrame(text, '{"sub":{"topic":"me"}}')),
    1008,
  ],
]

function fragments(count: number, bytes: number): Buffer[] {
  const part = Buffer.alloc(bytes, 0x20)
  return Array.from({ length: count }, (_, i) => maskedFrame(i === 0 ? 0x01 : 0x00, part))
}

describe(`${hostileFrames.length} hostile frames`, () => {
  test.for(hostileFrames)('%s: closed with status %3$i', async ([, bytes, code]) => {
    const client = await RawClient.upgraded(edge.port)
    client.socket.write(Buffer.concat([bytes()].flat()))
    expect(await client.closeCode()).toBe(code)
    client.close()
  })
})

const good = `/v0/channels?apikey=${stockKey}`
const hostileRequests: readonly (readonly [name: string, request: string, status: number])[] = [
  ['no API key', upgradeRequest({}, 'GET /v0/channels HTTP/1.1'), 403],
  [
    'a wrong API key',
    upgradeRequest({}, `GET /v0/channels?apikey=${stockKey.slice(0, -1)}L HTTP/1.1`),
    403,
  ],
  [
    'an API key of 10 kB',
    upgradeRequest({}, `GET /v0/channels?apikey=${'A'.repeat(10_000)} HTTP/1.1`),
    403,
  ],
  ['a wrong key in the header before a good one', upgradeRequest({ 'X-Tinode-APIKey': 'x' }), 403],
  ['an upgrade elsewhere', upgradeRequest({}, `GET /v1/channels?apikey=${stockKey} HTTP/1.1`), 404],
  [
    'an upgrade with a slash too many',
    upgradeRequest({}, `GET /v0/channels/?apikey=${stockKey} HTTP/1.1`),
    404,
  ],
  ['an upgrade by POST', upgradeRequest({}, `POST ${good} HTTP/1.1`), 405],
  ['no upgrade', `GET ${good} HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
  ['a plain POST', `POST ${good} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`, 405],
  ['a plain GET elsewhere', 'GET /etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['an upgrade without key', upgradeRequest({ 'Sec-WebSocket-Key': null }), 400],
  ['an upgrade with a broken key', upgradeRequest({ 'Sec-WebSocket-Key': 'short' }), 400],
  ['an upgrade to version 99', upgradeRequest({ 'Sec-WebSocket-Version': '99' }), 400],
  ['an upgrade to something else', upgradeRequest({ Upgrade: 'h2c' }), 400],
  ['headers of 20 kB', upgradeRequest({ 'X-Much': 'a'.repeat(20_000) }), 431],
  ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  [
    'two lengths',
    `POST ${good} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
]

describe(`${hostileRequests.length} hostile requests`, () => {
  test.for(hostileRequests)('%s: HTTP %3$i', async ([, request, status]) => {
    const client = await RawClient.open(edge.port)
    client.socket.write(Buffer.from(request, 'latin1'))
    expect(await client.status()).toBe(status)
    await client.ended
  })

  test('the refusal of a key is JSON as clients expect it', async () => {
    const client = await RawClient.open(edge.port)
    client.socket.write(upgradeRequest({}, 'GET /v0/channels HTTP/1.1'))
    await client.ended
    const body = client.received.toString().split('\r\n\r\n')[1] ?? ''
    expect(JSON.parse(body).ctrl).toMatchObject({ code: 403, text: 'valid API key required' })
  })
})

describe('floods', () => {
  test('100 MB, sent as long as the server takes them', async () => {
    const client = await RawClient.upgraded(edge.port)
    client.socket.write(frameHeader(text, 100_000_000, true))
    const chunk = Buffer.alloc(1_000_000)
    let sent = 0
    const more = (): void => {
      while (sent < 100 && !client.socket.destroyed) {
        sent++
        if (!client.socket.write(chunk)) return void client.socket.once('drain', more)
      }
    }
    more()
    expect(await client.closeCode()).toBe(1009)
    client.close()
  })

  test('of 10,000 pings the last is answered, and not each', async () => {
    const client = await RawClient.upgraded(edge.port)
    const pings = Array.from({ length: 10_000 }, (_, i) => maskedFrame(0x89, String(i)))
    client.socket.write(Buffer.concat(pings))
    await client.until(() =>
      client.received.indexOf(Buffer.concat([Buffer.from([0x8a, 4]), Buffer.from('9999')])),
    )
    expect(client.received.length).toBeLessThan(10_000 * 6)
    client.close()
  })

  test('pings of a client that does not read are not hoarded', async () => {
    const client = await RawClient.upgraded(edge.port)
    client.socket.pause()
    const pings = Buffer.concat(
      Array.from({ length: 8_000 }, () => maskedFrame(0x89, 'x'.repeat(125))),
    )
    for (let n = 0; n < 10; n++) {
      await new Promise<void>((resolve) => client.socket.write(pings, () => resolve()))
    }
    client.socket.write(maskedFrame(text, '1'))
    client.socket.resume()
    await client.until(() => client.received.indexOf(Buffer.from([text, 1, 0x30])))
    expect(client.received.length).toBeLessThan(1_000_000)
    client.close()
  })

  test('a client that does not read what it is told is closed with 1013', async () => {
    const slow = await edge.client(names.self as never)
    await slow.ask({ sub: { topic: group(3) } })
    const overflows = edge.counts.get('session_queue_overflows_total') ?? 0
    slow.socket.pause()
    const frame = new Frame(
      JSON.stringify({ data: { topic: group(3), content: 'x'.repeat(50_000) } }),
    )
    for (
      let n = 0;
      n < 400 && edge.counts.get('session_queue_overflows_total') !== overflows + 1;
      n++
    ) {
      edge.topics.broadcast(group(3), frame)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(edge.counts.get('session_queue_overflows_total')).toBe(overflows + 1)
    slow.socket.resume()
    expect(await slow.closed).toEqual({ code: 1013, reason: 'slow reader' })
  })
})
