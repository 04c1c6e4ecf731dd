import { request } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { splitAddress } from '../../src/node/address.ts'
import { openAdminHttp } from '../../src/node/admin-http.ts'
import type { AdminHttp } from '../../src/node/admin-http.ts'
import type { NodeFacts } from '../../src/node/facts.ts'
import { MetricRegistry } from '../../src/node/metrics.ts'
import { fakeFacts, idleAdministration } from './fake-facts.ts'

const token = 'the-admin-token'
let admin: AdminHttp
let facts: NodeFacts | undefined
const state = { readiness: { ready: true, reasons: [] as readonly string[] }, drains: 0 }

beforeEach(async () => {
  state.readiness = { ready: true, reasons: [] }
  state.drains = 0
  facts = fakeFacts(state)
  const metrics = new MetricRegistry({})
  metrics.counter('things_total', 'Things.').add()
  admin = await openAdminHttp({
    listen: '127.0.0.1:0',
    token,
    clusterName: 'c',
    facts: () => facts,
    administration: () => (facts === undefined ? undefined : idleAdministration),
    metrics,
  })
})
afterEach(() => admin.close())

function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  content?: unknown,
): Promise<{ code: number; body: string; realm: string | undefined }> {
  const { host, port } = splitAddress(admin.address)
  return new Promise((resolve, reject) => {
    const type = content === undefined ? {} : { 'content-type': 'application/json' }
    const all = { ...headers, ...type }
    const sent = request({ host, port, method, path, headers: all, agent: false }, (answer) => {
      let body = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => (body += part))
      answer.on('end', () => {
        const realm = answer.headers['www-authenticate']
        resolve({ code: answer.statusCode!, body, realm })
      })
    })
    sent.on('error', reject)
    sent.end(content === undefined ? undefined : JSON.stringify(content))
  })
}
const bearer = { authorization: `Bearer ${token}` }

test('health: alive always, ready as the node says, with reasons', async () => {
  expect((await call('GET', '/healthz')).code).toBe(200)
  expect(await call('GET', '/readyz')).toMatchObject({
    code: 200,
    body: '{"ready":true,"reasons":[]}',
  })
  state.readiness = { ready: false, reasons: ['no link to n2'] }
  expect(await call('GET', '/readyz')).toMatchObject({
    code: 503,
    body: '{"ready":false,"reasons":["no link to n2"]}',
  })
  facts = undefined
  expect(await call('GET', '/readyz')).toMatchObject({
    code: 503,
    body: '{"ready":false,"reasons":["starting"]}',
  })
  expect((await call('GET', '/healthz')).code).toBe(200)
})

test('facts are told to this machine', async () => {
  expect(JSON.parse((await call('GET', '/v1/status')).body)).toMatchObject({
    node: { name: 'n1' },
    sessions: 4,
  })
  expect(JSON.parse((await call('GET', '/v1/ring')).body)).toMatchObject({
    version: 2,
    hash: 'abc',
  })
  expect(JSON.parse((await call('GET', '/v1/locate?topic=grp%2Fx')).body)).toMatchObject({
    topic: 'grp/x',
    actual: 'n2',
  })
  expect((await call('GET', '/metrics')).body).toContain('flotilla_things_total 1')
})

test.for([
  ['GET', '/v1/locate', {}, 400],
  ['GET', '/v1/locate?topic=', {}, 400],
  ['GET', '/v1/locate?topic=a&topic=b', {}, 400],
  ['GET', `/v1/locate?topic=${'x'.repeat(300)}`, {}, 400],
  ['GET', '/nowhere', {}, 404],
  ['GET', '/v1/drain', {}, 404],
  ['POST', '/v1/status', {}, 404],
  // a web page that points its own name at this machine
  ['GET', '/v1/status', { host: 'evil.example' }, 401],
  ['GET', '/v1/status', { host: 'evil.example', ...bearer }, 200],
  ['POST', '/v1/drain', {}, 401],
  ['POST', '/v1/drain', { authorization: 'Bearer wrong-admin-tok' }, 401],
  ['POST', '/v1/drain', { authorization: token }, 401],
] as const)('%s %s with %j: %i', async ([method, path, headers, code]) => {
  const answer = await call(method, path, headers)
  expect(answer.code).toBe(code)
  expect(state.drains).toBe(0)
  if (code >= 400) expect(JSON.parse(answer.body)).toMatchObject({ error: expect.any(String) })
})

test('drain with the token', async () => {
  expect(await call('POST', '/v1/drain', bearer)).toMatchObject({
    code: 200,
    body: '{"drained":true}',
  })
  expect(state.drains).toBe(1)
  expect((await call('GET', '/readyz')).code).toBe(503)
})

test('before the node has started there are no facts', async () => {
  facts = undefined
  expect((await call('GET', '/v1/status')).code).toBe(503)
  expect((await call('POST', '/v1/drain', bearer)).code).toBe(503)
})

const joiner = {
  name: 'n4',
  peer: '127.0.0.1:7004',
  client: '127.0.0.1:6004',
  zone: '',
  bootId: 7,
  incarnation: 'a'.repeat(32),
  tokenHash: 'b'.repeat(64),
}

const changeRows: readonly (readonly [string, string, unknown])[] = [
  ['POST', '/v1/tokens', { validForMs: 60_000 }],
  ['DELETE', '/v1/tokens/abc', undefined],
  ['POST', '/v1/nodes/n2/drain', undefined],
  ['POST', '/v1/nodes/n2/activate', undefined],
  ['POST', '/v1/nodes/n2/remove', { force: false }],
]

test.for(changeRows)('%s %s needs the admin token', async ([method, path, body]) => {
  for (const headers of [{}, { authorization: 'Bearer the-wrong-one!' }]) {
    const refused = await call(method, path, headers, body)
    expect(refused).toMatchObject({ code: 401, realm: 'Bearer realm="c"' })
    expect(JSON.parse(refused.body)).toMatchObject({ error: 'not-allowed' })
  }
  expect((await call(method, path, bearer, body)).code).toBe(200)
  facts = undefined
  const early = await call(method, path, bearer, body)
  expect([early.code, JSON.parse(early.body)]).toMatchObject([503, { error: 'not-started' }])
})

test.for([
  ['/v1/tokens', {}],
  ['/v1/tokens', { validForMs: '60000' }],
  ['/v1/tokens', { validForMs: 60_000, more: 1 }],
  ['/v1/nodes/n2/remove', {}],
  ['/v1/nodes/n2/remove', { force: 1 }],
  ['/v1/join', {}],
  ['/v1/join', { ...joiner, tokenHash: 'B'.repeat(64) }],
  ['/v1/join', { ...joiner, name: 'N4' }],
  ['/v1/join', { ...joiner, bootId: 1.5 }],
  ['/v1/join', { ...joiner, incarnation: '' }],
  ['/v1/join', { ...joiner, more: 1 }],
] as const)('POST %s %j is not understood', async ([path, body]) => {
  const refused = await call('POST', path, bearer, body)
  expect([refused.code, JSON.parse(refused.body)]).toMatchObject([400, { error: 'bad-request' }])
})

test('to join needs a join token only; what is too long or too often is refused', async () => {
  const unknown = await call('POST', '/v1/join', {}, joiner)
  expect([unknown.code, JSON.parse(unknown.body)]).toEqual([
    403,
    { error: 'token-unknown', says: 'no such token' },
  ])
  const long = await call('POST', '/v1/join', {}, { ...joiner, peer: 'x'.repeat(5_000) })
  expect(long.code).toBe(413)
  const many = await Promise.all(
    Array.from({ length: 60 }, () => call('POST', '/v1/join', {}, joiner)),
  )
  expect(many.filter(({ code }) => code === 429).length).toBeGreaterThan(20)
})

test('members and tokens are facts', async () => {
  expect(JSON.parse((await call('GET', '/v1/nodes')).body)).toMatchObject({ tableVersion: 2 })
  expect(JSON.parse((await call('GET', '/v1/tokens')).body)).toEqual({ tokens: [] })
})
