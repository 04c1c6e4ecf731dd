import { describe, expect, test } from 'vitest'
import { decode } from './msgpack-text.ts'
import { msgpackSubprotocol } from '../../src/wire/versions.ts'
import { packClient } from '../../src/wire/client-codec.ts'
import { Frame } from '../../src/topic/frame.ts'
import { eventually, group, stockKey, TestClient, TestEdge } from './edge-fixture.ts'
import { RawClient, upgradeRequest } from './raw-client.ts'

async function upgradeStatus(edge: TestEdge): Promise<number> {
  const client = await RawClient.open(edge.port)
  client.socket.write(upgradeRequest())
  const status = await client.status()
  client.close()
  return status
}

describe('an upgrade', () => {
  test('takes the key from header, query or cookie', async () => {
    await using edge = await TestEdge.open()
    const bare = `ws://127.0.0.1:${edge.port}/v0/channels`
    for (const [url, headers] of [
      [edge.url, {}],
      [bare, { 'X-Tinode-APIKey': stockKey }],
      [bare, { Cookie: `a=b; apikey=${stockKey}` }],
    ] as const) {
      const client = await TestClient.open(url, [], { headers })
      expect((await client.hi()).code).toBe(201)
      client.close()
    }
  })

  test('accepts by the digest of RFC 6455, 1.3', async () => {
    await using edge = await TestEdge.open()
    const client = await RawClient.open(edge.port)
    client.socket.write(upgradeRequest())
    await client.until(() => client.received.indexOf('\r\n\r\n'))
    expect(client.received.toString()).toContain(
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    )
    expect(client.received.toString().toLowerCase()).not.toContain('sec-websocket-protocol')
    expect(client.received.toString().toLowerCase()).not.toContain('sec-websocket-extensions')
  })

  test('selects our subprotocol and no other', async () => {
    await using edge = await TestEdge.open()
    const client = await RawClient.open(edge.port)
    client.socket.write(upgradeRequest({ 'Sec-WebSocket-Protocol': 'chat, tinode' }))
    expect(await client.status()).toBe(101)
    await client.until(() => client.received.indexOf('\r\n\r\n'))
    expect(client.received.toString().toLowerCase()).not.toContain('sec-websocket-protocol')
    const ours = await TestClient.open(edge.url, [msgpackSubprotocol])
    expect(ours.socket.protocol).toBe(msgpackSubprotocol)
  })

  test('compression is off by default, and on when it is asked for', async () => {
    const offer = { perMessageDeflate: true }
    await using off = await TestEdge.open()
    expect((await TestClient.open(off.url, [], offer)).socket.extensions).toBe('')
    await using on = await TestEdge.open({ compression: true })
    const client = await TestClient.open(on.url, [], offer)
    expect(client.socket.extensions).toBe('permessage-deflate')
    expect((await client.hi()).code).toBe(201)
    // A bomb: 10 MB of zeros in 10 kB.
    client.socket.send(Buffer.alloc(10_000_000))
    expect((await client.closed).code).toBe(1009)
  })

  test('is refused with 503 while the node is not ready, drains, or is full', async () => {
    await using edge = await TestEdge.open({ maxConnections: 2 })
    edge.isReady = false
    expect(await upgradeStatus(edge)).toBe(503)
    edge.isReady = true
    const held = [await TestClient.open(edge.url), await TestClient.open(edge.url)]
    expect(await upgradeStatus(edge)).toBe(503)
    held[0]?.close()
    await eventually(() => edge.edge.sessions === 1)
    expect(await upgradeStatus(edge)).toBe(101)
    void edge.edge.drain(10)
    expect(await upgradeStatus(edge)).toBe(503)
    expect(edge.counts.get('session_refused_upgrades_total')).toBe(3)
  })

  test('is refused with 429 when one address asks too fast', async () => {
    await using edge = await TestEdge.open({ upgradesPerAddress: 3 })
    const statuses: number[] = []
    for (let n = 0; n < 6; n++) statuses.push(await upgradeStatus(edge))
    expect(statuses.slice(0, 3)).toEqual([101, 101, 101])
    expect(statuses).toContain(429)
  })
})

describe('in time or not at all', () => {
  test('headers that drip, and a connection that says nothing, end with 408', async () => {
    await using edge = await TestEdge.open({ handshakeMs: 300 })
    const [drip, mute] = [await RawClient.open(edge.port), await RawClient.open(edge.port)]
    const request = upgradeRequest()
    let at = 0
    const dripping = setInterval(() => drip.socket.write(request[at++] ?? ''), 20)
    expect(await drip.status()).toBe(408)
    clearInterval(dripping)
    await mute.ended
    await drip.ended
    expect(edge.edge.sessions).toBe(0)
  })

  test('no hi, and no login: closed with 1008', async () => {
    await using edge = await TestEdge.open({ handshakeMs: 600, loginMs: 1_000 })
    const [mute, noisy, lazy] = [
      await TestClient.open(edge.url),
      await TestClient.open(edge.url),
      await TestClient.open(edge.url),
    ]
    await lazy.hi()
    const probing = setInterval(() => noisy.send('1'), 30)
    expect(await mute.closed).toEqual({ code: 1008, reason: 'no hi in time' })
    expect(await noisy.closed).toEqual({ code: 1008, reason: 'no hi in time' })
    clearInterval(probing)
    expect(await lazy.closed).toEqual({ code: 1008, reason: 'no login in time' })
    expect(edge.counts.get('session_handshake_timeouts_total')).toBe(3)
  })

  test('a client that neither speaks nor answers pings is closed; one that answers is not', async () => {
    await using edge = await TestEdge.open({ idleMs: 1_000 })
    const [uid, other] = [await edge.user('ann'), await edge.user('ben')]
    const alive = await edge.client(uid)
    const dead = await edge.client(other)
    let pings = 0
    alive.socket.on('ping', () => pings++)
    ;(dead.socket as any).pong = () => {}
    const began = performance.now()
    expect(await dead.closed).toEqual({ code: 1001, reason: 'idle' })
    expect(performance.now() - began).toBeLessThan(4_000)
    await eventually(() => pings >= 2)
    expect((await alive.ask({ get: { topic: 'me', what: 'desc' } })).code).toBe(204)
    await eventually(() => edge.counts.get('session_rtt_seconds')! >= 2)
  })
})

test('a client of the msgpack subprotocol is answered in binary, in both codecs', async () => {
  await using edge = await TestEdge.open()
  const json = await edge.client(await edge.user('ann'))
  await edge.user('ben')
  const client = await TestClient.open(edge.url, [msgpackSubprotocol])
  const say = (message: object): void => client.socket.send(packClient(message))
  say({ hi: { id: '1', ver: '0.25' } })
  say({ login: { id: '2', scheme: 'basic', secret: Buffer.from('ben:secret12') } })
  client.send({ sub: { id: '3', topic: group(1) } }) // text is JSON here, too
  await json.ask({ sub: { topic: group(1) } })
  await client.until(() => client.heard.length === 3)
  await json.ask({ pub: { topic: group(1), head: { a: 1 }, content: { text: 'ü' } } })
  await eventually(() => client.heard.length === 4)
  const heard = client.heard.map(decode)
  expect(heard.map((m) => m.ctrl?.code)).toEqual([201, 200, 200, undefined])
  expect(heard[3].data).toMatchObject({
    topic: group(1),
    seq: 1,
    head: { a: 1 },
    content: { text: 'ü' },
  })
  client.send('1')
  await client.until((m) => Buffer.isBuffer(m) === false && m === 0)
})

describe('a drain', () => {
  test('tells everybody to move, over the window, and closes with 1012', async () => {
    await using edge = await TestEdge.open()
    const uid = await edge.user('ann')
    const clients = await Promise.all(Array.from({ length: 30 }, () => edge.client(uid)))
    await clients[0]!.ask({ sub: { topic: group(1) } })
    const times: number[] = []
    const began = performance.now()
    for (const client of clients)
      void client.closed.then(() => times.push(performance.now() - began))
    edge.topics.broadcast(group(1), new Frame('{"data":{"last":true}}'))
    await edge.edge.drain(400)
    for (const client of clients) {
      expect(await client.closed).toEqual({ code: 1012, reason: 'server shutdown' })
      expect(client.heard.at(-1).ctrl).toMatchObject({ code: 205, text: 'server shutdown' })
    }
    expect(clients[0]!.heard.some((m) => m.data?.last)).toBe(true)
    times.sort((a, b) => a - b)
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(200)
    expect(edge.edge.sessions).toBe(0)
    expect(edge.topics.forgotten).toHaveLength(30)
  })

  test('answers what was asked before it sends away, and takes nothing more', async () => {
    await using edge = await TestEdge.open()
    const client = await edge.client(await edge.user('ann'))
    await client.ask({ sub: { topic: group(1) } })
    edge.topics.held = []
    client.send({ pub: { id: 'before', topic: group(1), content: 'x' } })
    await eventually(() => edge.topics.held?.length === 1)
    const drained = edge.edge.drain(0)
    const frames = edge.counts.get('session_frames_in_total') ?? 0
    client.send({ pub: { id: 'after', topic: group(1), content: 'y' } })
    await eventually(() => edge.counts.get('session_frames_in_total') === frames + 1)
    edge.topics.release()
    await drained
    expect(await client.closed).toEqual({ code: 1012, reason: 'server shutdown' })
    const codes = client.heard.flatMap((m) =>
      m.ctrl === undefined ? [] : [m.ctrl.id ?? m.ctrl.code],
    )
    expect(codes.slice(-2)).toEqual(['before', 205])
    expect(edge.topics.requests.filter((it) => it.command.kind === 'pub')).toHaveLength(1)
  })

  test('waits half a second for answers that do not come', async () => {
    await using edge = await TestEdge.open()
    const client = await edge.client(await edge.user('ann'))
    edge.topics.held = []
    client.send({ sub: { id: '1', topic: group(1) } })
    await eventually(() => edge.topics.held?.length === 1)
    const began = performance.now()
    await edge.edge.drain(10)
    expect(await client.closed).toEqual({ code: 1012, reason: 'server shutdown' })
    expect(performance.now() - began).toBeGreaterThan(450)
  })

  test('of nobody is over at once, and closing twice does no harm', async () => {
    const edge = await TestEdge.open()
    const began = performance.now()
    await edge.edge.drain(5_000)
    expect(performance.now() - began).toBeLessThan(1_000)
    await edge.edge.close()
    await edge.edge.close()
  })
})

test('an address that is in use is said', async () => {
  await using edge = await TestEdge.open()
  const second = new TestEdge()
  await expect(second.edge.listen('127.0.0.1', edge.port)).rejects.toThrow('EADDRINUSE')
  await second.edge.close()
})
