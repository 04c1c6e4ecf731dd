import { describe, expect, test } from 'vitest'
import { TestClient, TestEdge } from './edge-fixture.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

async function greeted(edge: TestEdge): Promise<TestClient> {
  const client = await TestClient.open(edge.url)
  await client.hi()
  return client
}

describe('a new account', () => {
  test('with login: the session is in, and the token is good', async () => {
    await using edge = await TestEdge.open()
    const client = await greeted(edge)
    const ctrl = await client.ask({
      acc: {
        user: 'new',
        scheme: 'basic',
        secret: base64('Anna:secret12'),
        login: true,
        tags: ['Chess', ' chess ', 'x', 'go'],
        cred: [{ meth: 'email', val: 'a@b.com' }],
        desc: {
          public: { fn: 'Anna', note: '\u2421', photo: { data: '\u2421' } },
          private: { a: 1 },
          trusted: { staff: true },
          defacs: { auth: 'JRWPS', anon: 'JR' },
        },
      },
    })
    expect(ctrl).toMatchObject({ code: 200, text: 'ok', params: { authlvl: 'auth' } })
    const { user, desc, token, expires } = ctrl.params
    expect(expires).toMatch(time)
    expect(desc).toEqual({
      created: expect.stringMatching(time),
      updated: expect.stringMatching(time),
      defacs: { auth: 'JRWPA', anon: 'JRA' },
      public: { fn: 'Anna', photo: {} },
      private: { a: 1 },
    })
    const tags = ['chess', 'go', 'basic:anna']
    expect(edge.topics.accounts).toMatchObject([{ uid: user, level: 'auth', login: 'anna', tags }])
    expect((await client.ask({ sub: { topic: 'me' } })).code).toBe(200)
    const again = await greeted(edge)
    expect((await again.ask({ login: { scheme: 'token', secret: token } })).params.user).toBe(user)
    const byName = await greeted(edge)
    expect(
      (await byName.ask({ login: { scheme: 'basic', secret: base64('anna:secret12') } })).code,
    ).toBe(200)
  })

  test('without login: 201, and the session is as it was', async () => {
    await using edge = await TestEdge.open()
    const client = await greeted(edge)
    const acc = { user: 'new12', scheme: 'basic', secret: base64('ben:secret12') }
    const ctrl = await client.ask({ acc })
    expect(ctrl).toMatchObject({ code: 201, text: 'created' })
    expect(ctrl.params.token).toBeUndefined()
    expect(ctrl.params.desc.defacs).toEqual({ auth: 'JRWPAS', anon: 'N' })
    expect((await client.ask({ sub: { topic: 'me' } })).code).toBe(401)
    const taken = await client.ask({ acc })
    expect(taken).toMatchObject({
      code: 409,
      text: 'duplicate credential',
      params: { what: 'auth' },
    })
  })

  test('without a name: scheme anonymous', async () => {
    await using edge = await TestEdge.open()
    const client = await greeted(edge)
    const ctrl = await client.ask({ acc: { user: 'new', scheme: 'anonymous', login: true } })
    expect(ctrl).toMatchObject({ code: 200, params: { authlvl: 'anon' } })
    expect(edge.topics.accounts).toMatchObject([{ level: 'anon', tags: [] }])
  })

  test.for([
    [{ secret: base64('x:secret12') }, 422, { what: 'auth' }],
    [{ secret: base64('_ann:secret12') }, 422, { what: 'auth' }],
    [{ secret: base64('a b:secret12') }, 422, { what: 'auth' }],
    [{ secret: base64('a'.repeat(33) + ':secret12') }, 422, { what: 'auth' }],
    [{ secret: base64('ann:short') }, 422, { what: 'auth' }],
    [{ secret: base64('no colon') }, 400, { what: 'auth' }],
    [{ secret: '?' }, 400, { what: 'auth' }],
    [{}, 400, { what: 'auth' }],
    [{ scheme: 'token', secret: base64('ann:secret12') }, 400, undefined],
    [{ secret: base64('ann:secret12'), tags: ['email:a@b.com'] }, 403, { what: 'tags' }],
    [{ secret: base64('ann:secret12'), status: 'ok' }, 403, { what: 'state' }],
    [{ secret: base64('ann:secret12'), desc: { defacs: { auth: 'XYZ' } } }, 400, undefined],
    [
      { secret: base64('ann:secret12'), tmpscheme: 'code', tmpsecret: 'YQ==' },
      401,
      { what: 'auth' },
    ],
  ] as const)('%j: %i', async ([body, code, params]) => {
    await using edge = await TestEdge.open()
    const client = await greeted(edge)
    const ctrl = await client.ask({ acc: { user: 'new', scheme: 'basic', login: true, ...body } })
    expect(ctrl.code).toBe(code)
    expect(ctrl.params).toEqual(params)
    expect(edge.topics.logins.size).toBe(0)
  })

  test('is 503 while the cluster does not answer', async () => {
    await using edge = await TestEdge.open()
    edge.topics.isDown = true
    const client = await greeted(edge)
    const acc = { user: 'new', scheme: 'basic', secret: base64('ann:secret12'), login: true }
    const noOwner = { code: 503, params: { error: 'no-owner' } }
    expect(await client.ask({ acc })).toMatchObject(noOwner)
    const anonymous = { user: 'new', scheme: 'anonymous' }
    expect(await client.ask({ acc: anonymous })).toMatchObject(noOwner)
  })

  test('is 504 when nobody can say whether it was made', async () => {
    await using edge = await TestEdge.open()
    edge.topics.isDown = true
    edge.topics.whyDown = 'no-answer'
    const client = await greeted(edge)
    const anonymous = { user: 'new', scheme: 'anonymous' }
    const unknown = { code: 504, params: { error: 'no-answer' } }
    expect(await client.ask({ acc: anonymous })).toMatchObject(unknown)
  })

  test('with a unique tag is refused: that has to be asked for', async () => {
    await using edge = await TestEdge.open()
    const client = await greeted(edge)
    const acc = { user: 'new', scheme: 'anonymous', tags: ['alias:anna1'] }
    expect(await client.ask({ acc })).toMatchObject({ code: 403, params: { what: 'tags' } })
  })

  test('letters of any script are letters', async () => {
    await using edge = await TestEdge.open()
    const client = await greeted(edge)
    const acc = { user: 'new', scheme: 'basic', secret: base64('Анна_1.б:пароль') }
    expect((await client.ask({ acc })).code).toBe(201)
    expect(edge.topics.logins.has('nam:basic:анна_1.б')).toBe(true)
  })
})

describe('an existing account', () => {
  async function loggedIn(edge: TestEdge, login: string): Promise<TestClient> {
    const client = await greeted(edge)
    await client.ask({ login: { scheme: 'basic', secret: base64(`${login}:secret12`) } })
    return client
  }

  test('changes its password, by name or without, by session of name or of token', async () => {
    await using edge = await TestEdge.open()
    await edge.user('ann')
    const first = await loggedIn(edge, 'ann')
    const change = (secret: string) => ({ acc: { scheme: 'basic', secret: base64(secret) } })
    const ctrl = await first.ask(change('ann:another1'))
    expect(ctrl).toMatchObject({ code: 200, text: 'ok' })
    expect('params' in ctrl).toBe(false)
    const second = await greeted(edge)
    expect(
      (await second.ask({ login: { scheme: 'basic', secret: base64('ann:secret12') } })).code,
    ).toBe(401)
    const login = await second.ask({ login: { scheme: 'basic', secret: base64('ann:another1') } })
    const third = await greeted(edge)
    await third.ask({ login: { scheme: 'token', secret: login.params.token } })
    expect((await third.ask(change(':another2'))).code).toBe(200)
    const last = await greeted(edge)
    expect(
      (await last.ask({ login: { scheme: 'basic', secret: base64('ann:another2') } })).code,
    ).toBe(200)
  })

  test('cannot do everything', async () => {
    await using edge = await TestEdge.open()
    await edge.user('ann')
    const ben = await edge.user('ben')
    const client = await loggedIn(edge, 'ann')
    const acc = { scheme: 'basic', secret: base64('ann:another1') }
    for (const [body, code] of [
      [{ ...acc, user: ben }, 403],
      [{ ...acc, user: 'usr' }, 400],
      [{ ...acc, status: 'susp' }, 403],
      [{ ...acc, secret: base64('ann:pw') }, 422],
      [{ ...acc, secret: base64('ben:another1') }, 501],
      [{ scheme: 'anonymous' }, 400],
      [{ cred: [{ meth: 'email', val: 'a@b.com' }] }, 400],
      [{ ...acc, tmpscheme: 'code', tmpsecret: 'YQ==' }, 409],
      [{ ...acc, user: 'new', login: true }, 409],
    ] as const) {
      expect((await client.ask({ acc: body })).code, JSON.stringify(body)).toBe(code)
    }
    const token = await edge.client(ben)
    expect(
      (await token.ask({ acc: { scheme: 'basic', secret: base64('ann:another1') } })).code,
    ).toBe(403)
    const early = await greeted(edge)
    expect((await early.ask({ acc })).code).toBe(401)
  })

  test('goes: its sessions are told and closed', async () => {
    await using edge = await TestEdge.open()
    const uid = await edge.user('ann')
    const [one, two] = [await edge.client(uid), await edge.client(uid)]
    const other = await edge.client(await edge.user('ben'))
    expect((await other.ask({ del: { what: 'user', user: uid } })).code).toBe(403)
    expect((await one.ask({ del: { what: 'user', hard: true } })).code).toBe(200)
    for (const client of [one, two]) {
      expect(await client.closed).toEqual({ code: 1000, reason: 'account closed' })
      expect(client.heard.at(-1).ctrl).toMatchObject({ code: 205, text: 'evicted' })
    }
    expect((await other.ask({ sub: { topic: 'me' } })).code).toBe(200)
  })
})
