import { describe, expect, test } from 'vitest'
import { eventually, TestClient, TestEdge } from './edge-fixture.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

async function greeted(edge: TestEdge): Promise<TestClient> {
  const client = await TestClient.open(edge.url)
  await client.hi()
  return client
}

describe('hi', () => {
  test('is answered with 201 and what apps need', async () => {
    await using edge = await TestEdge.open()
    edge.topics.isDown = true // never a reason to fail it
    const client = await TestClient.open(edge.url)
    const ctrl = await client.ask({
      hi: { ver: '0.25.3', ua: 'Demo/1.0', lang: 'en-US', platf: 'web' },
    })
    expect(ctrl).toMatchObject({ code: 201, text: 'created' })
    expect(ctrl.ts).toMatch(time)
    expect(ctrl.params).toEqual({
      ver: '0.25',
      build: 'flotilla:0.1.0',
      maxMessageSize: 131072,
      maxSubscriberCount: 128,
      minTagLength: 2,
      maxTagLength: 96,
      maxTagCount: 16,
      maxFileUploadSize: 8388608,
      reqCred: null,
      msgDelAge: 600,
    })
  })

  test.for([
    ['0.25', 201],
    ['v0.20.1-rc1', 201],
    ['1.0', 201],
    ['0.19.9', 505],
    ['zero', 400],
    ['', 400],
    ['0', 400],
  ] as const)('of version "%s" gets %i', async ([ver, code]) => {
    await using edge = await TestEdge.open()
    const client = await TestClient.open(edge.url)
    expect((await client.ask({ hi: { ver } })).code).toBe(code)
  })

  test('again: the same version, and only when logged in', async () => {
    await using edge = await TestEdge.open()
    const client = await greeted(edge)
    expect((await client.hi()).code).toBe(401)
    const uid = await edge.user('ann')
    await client.ask({ login: { scheme: 'token', secret: edge.token(uid) } })
    expect(await client.hi()).toMatchObject({ code: 201, text: 'created' })
    expect(await client.ask({ hi: { dev: 'push-1' } })).toMatchObject({ code: 200, text: 'ok' })
    expect((await client.ask({ hi: { ver: '0.25.9', dev: 'push-1' } })).code).toBe(201)
    expect((await client.ask({ hi: { dev: '\u2421' } })).code).toBe(200)
    expect((await client.ask({ hi: { ver: '0.24' } })).code).toBe(409)
  })
})

describe('login', () => {
  test('by name and password, then by the token of that, also on another node', async () => {
    await using edge = await TestEdge.open()
    await using other = await TestEdge.open()
    const uid = await edge.user('anna')
    other.topics.cards.set(uid, edge.topics.cards.get(uid)!)
    const client = await greeted(edge)
    const ctrl = await client.ask({ login: { scheme: 'Basic', secret: base64('ANNA:secret12') } })
    expect(ctrl).toMatchObject({ code: 200, text: 'ok', params: { user: uid, authlvl: 'auth' } })
    expect(ctrl.topic).toBeUndefined()
    expect(ctrl.params.expires).toMatch(time)
    expect(Date.parse(ctrl.params.expires) - Date.now()).toBeGreaterThan(1_209_000_000)
    const secret = ctrl.params.token
    const elsewhere = await greeted(other)
    const again = await elsewhere.ask({ login: { scheme: 'token', secret } })
    expect(again).toMatchObject({ code: 200, params: { user: uid } })
    expect(await client.ask({ login: { scheme: 'token', secret } })).toMatchObject({
      code: 409,
      text: 'already authenticated',
    })
  })

  test('secrets may come url-safe and without padding', async () => {
    await using edge = await TestEdge.open()
    await edge.user('ann')
    edge.topics.logins.set('nam:basic:ann', edge.topics.logins.get('nam:basic:ann')!)
    for (const secret of [
      base64('ann:secret12'),
      Buffer.from('ann:secret12').toString('base64url'),
    ]) {
      const client = await greeted(edge)
      expect((await client.ask({ login: { scheme: 'basic', secret } })).code).toBe(200)
    }
  })

  test.for([
    ['basic', base64('ann:wrong'), 401, 'authentication failed'],
    ['basic', base64('nobody:secret12'), 401, 'authentication failed'],
    ['basic', base64('x'.repeat(500) + ':y'), 401, 'authentication failed'],
    ['basic', base64('no colon'), 400, 'malformed'],
    ['basic', '!!', 400, 'malformed'],
    ['basic', '', 400, 'malformed'],
    ['token', base64('not a token'), 401, 'authentication failed'],
    ['token', undefined, 400, 'malformed'],
    ['anonymous', 'YQ==', 501, 'not implemented'],
    ['reset', base64('basic:email:a@b.com'), 501, 'not implemented'],
    ['reset', undefined, 400, 'malformed'],
    ['code', base64('123456:email:a@b.com'), 501, 'not implemented'],
    ['rest', 'YQ==', 401, 'unknown authentication scheme'],
    [undefined, 'YQ==', 401, 'unknown authentication scheme'],
  ] as const)('scheme %s with %s: %i', async ([scheme, secret, code, text]) => {
    await using edge = await TestEdge.open()
    await edge.user('ann')
    const client = await greeted(edge)
    const ctrl = await client.ask({ login: { scheme, secret } })
    expect(ctrl).toMatchObject({ code, text })
    const sub = await client.ask({ sub: { topic: 'me' } })
    expect(sub).toMatchObject({ code: 401, text: 'authentication required', topic: 'me' })
  })

  test('a token: expired, forged, revoked, for nobody, for one suspended', async () => {
    await using edge = await TestEdge.open()
    const uid = await edge.user('ann')
    const client = await greeted(edge)
    const codeOf = async (secret: string): Promise<number> =>
      (await client.ask({ login: { scheme: 'token', secret } })).code
    expect(await codeOf(edge.token(uid, { expires: Date.now() - 1_000 }))).toBe(401)
    expect(await codeOf(edge.token(uid, { serial: 6 }))).toBe(401)
    expect(await codeOf(edge.token(uid, { features: 3 }))).toBe(401)
    const forged = Buffer.from(edge.token(uid), 'base64')
    forged[13] = 2
    expect(await codeOf(forged.toString('base64'))).toBe(401)
    edge.topics.change(uid, { state: 'susp' })
    expect(await codeOf(edge.token(uid))).toBe(403)
    edge.topics.change(uid, { state: 'ok' })
    edge.topics.isDown = true
    expect(await codeOf(edge.token(uid))).toBe(503)
    edge.topics.isDown = false
    edge.topics.cards.delete(uid)
    expect(await codeOf(edge.token(uid))).toBe(404)
  })

  test('a token does not outlive the loss of a rank', async () => {
    await using edge = await TestEdge.open()
    const uid = await edge.user('ann')
    const client = await greeted(edge)
    const ctrl = await client.ask({
      login: { scheme: 'token', secret: edge.token(uid, { level: 'root' }) },
    })
    expect(ctrl.params.authlvl).toBe('auth')
  })

  test('what the cluster cannot answer now is 503, never 4xx', async () => {
    await using edge = await TestEdge.open()
    await edge.user('ann')
    edge.topics.isDown = true
    const client = await greeted(edge)
    const ctrl = await client.ask({ login: { scheme: 'basic', secret: base64('ann:secret12') } })
    expect(ctrl).toMatchObject({ code: 503, params: { error: 'no-owner' } })
    edge.topics.isDown = false
    expect(
      (await client.ask({ login: { scheme: 'basic', secret: base64('ann:secret12') } })).code,
    ).toBe(200)
  })

  test('after many wrong guesses even the right one must wait, with 503', async () => {
    await using edge = await TestEdge.open()
    await edge.user('ann')
    await edge.user('ben')
    const client = await greeted(edge)
    const guess = async (secret: string): Promise<number> =>
      (await client.ask({ login: { scheme: 'basic', secret: base64(secret) } })).code
    const codes: number[] = []
    while (codes.filter((code) => code === 401).length < 7) codes.push(await guess('ann:wrong'))
    expect(codes.slice(0, 6)).toEqual(Array(6).fill(401))
    expect(new Set(codes)).toEqual(new Set([401, 503]))
    const right = await client.ask({ login: { scheme: 'basic', secret: base64('ann:secret12') } })
    expect(right).toMatchObject({ code: 503, params: { error: 'too-many-guesses' } })
    expect(await guess('ben:secret12')).toBe(200)
  })

  test('what comes behind a login waits for it', async () => {
    await using edge = await TestEdge.open()
    const uid = await edge.user('ann')
    const client = await TestClient.open(edge.url)
    client.send({ hi: { id: '1', ver: '0.25' } })
    client.send({ login: { id: '2', scheme: 'token', secret: edge.token(uid) } })
    client.send({ sub: { id: '3', topic: 'me' } })
    client.send({ pub: { id: '4', topic: 'me', content: 1 } })
    await client.until((m) => m.ctrl?.id === '4')
    const codes = client.heard.filter((m) => m.ctrl).map((m) => [m.ctrl.id, m.ctrl.code])
    expect(codes).toEqual([
      ['1', 201],
      ['2', 200],
      ['3', 200],
      ['4', 202],
    ])
  })

  test('a client that leaves in the middle of a login leaves nothing behind', async () => {
    await using edge = await TestEdge.open()
    await edge.user('ann')
    const client = await greeted(edge)
    client.send({ login: { id: '2', scheme: 'basic', secret: base64('ann:secret12') } })
    client.close()
    await eventually(() => edge.edge.sessions === 0)
    await eventually(() => edge.topics.forgotten.length === 1)
    expect(edge.counts.get('session_users') ?? 0).toBe(0)
    expect(edge.thrown).toEqual([])
  })
})
