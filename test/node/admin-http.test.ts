import { request } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { splitAddress } from '../../src/node/address.ts'
import { openAdminHttp } from '../../src/node/admin-http.ts'
import type { AdminHttp } from '../../src/node/admin-http.ts'
import type { NodeFacts } from '../../src/node/facts.ts'
import { MetricRegistry } from '../../src/node/metrics.ts'
import { fakeFacts } from './fake-facts.ts'

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
  admin = await openAdminHttp({ listen: '127.0.0.1:0', token, facts: () => facts, metrics })
})
afterEach(() => admin.close())

function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ code: number; body: string }> {
  const { host, port } = splitAddress(admin.address)
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, headers, agent: false }, (answer) => {
      let body = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => (body += part))
      answer.on('end', () => resolve({ code: answer.statusCode!, body }))
    })
    sent.on('error', reject)
    sent.end()
  })
}
const bearer = { authorization: `Bearer ${token}` }

test('health: alive always, ready as the node says, with reasons', async () => {
  expect((await call('GET', '/healthz')).code).toBe(200)
  expect(await call('GET', '/readyz')).toEqual({ code: 200, body: '{"ready":true,"reasons":[]}' })
  state.readiness = { ready: false, reasons: ['no link to n2'] }
  expect(await call('GET', '/readyz')).toEqual({
    code: 503,
    body: '{"ready":false,"reasons":["no link to n2"]}',
  })
  facts = undefined
  expect(await call('GET', '/readyz')).toEqual({
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
  if (code >= 400) expect(JSON.parse(answer.body)).toEqual({ error: expect.any(String) })
})

test('drain with the token', async () => {
  expect(await call('POST', '/v1/drain', bearer)).toEqual({ code: 200, body: '{"drained":true}' })
  expect(state.drains).toBe(1)
  expect((await call('GET', '/readyz')).code).toBe(503)
})

test('before the node has started there are no facts', async () => {
  facts = undefined
  expect((await call('GET', '/v1/status')).code).toBe(503)
  expect((await call('POST', '/v1/drain', bearer)).code).toBe(503)
})
