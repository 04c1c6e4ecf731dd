import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { p2pName } from '../../src/ids/topic-name.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { group, TestClient, TestEdge } from './edge-fixture.ts'

/** What each verb becomes when it reaches the topic floor, and what is answered before that. */
let edge: TestEdge
let client: TestClient
let alice: UserId
let bob: UserId

beforeAll(async () => {
  edge = await TestEdge.open()
  alice = await edge.user('alice')
  bob = await edge.user('bob')
  client = await edge.client(alice)
})
afterAll(() => edge[Symbol.asyncDispose]())

const lastRequest = () => edge.topics.requests.at(-1)!

describe('sub', () => {
  test.for([
    ['me', () => alice as string],
    ['slf', () => 'slf' + alice.slice(3)],
    ['fnd', () => 'fnd' + alice.slice(3)],
    ['sys', () => 'sys'],
  ] as [string, () => string][])('%s is the own topic', async ([said, name]) => {
    expect((await client.ask({ sub: { topic: said } })).code).toBe(200)
    expect(lastRequest()).toMatchObject({
      said,
      topic: name(),
      asChan: false,
      command: { kind: 'sub' },
    })
  })

  test('a peer is a p2p topic', async () => {
    const ctrl = await client.ask({ sub: { topic: bob, set: { sub: { mode: 'JRW' } } } })
    expect(ctrl).toMatchObject({ code: 200, topic: bob })
    const command = { kind: 'sub', mode: 'JRW' }
    expect(lastRequest()).toMatchObject({ topic: p2pName(alice, bob), command })
  })

  test.for([
    ['new123', 'grp'],
    ['nch7', 'chn'],
    ['new', 'grp'],
  ] as const)('%s makes a group under a minted name', async ([said, create]) => {
    const desc = { public: { fn: 'Team' }, defacs: { auth: 'JRWPS' } }
    const ctrl = await client.ask({ sub: { topic: said, set: { desc, tags: ['team'] } } })
    expect(ctrl.code).toBe(200)
    expect(lastRequest().topic).toMatch(/^grp/)
    const command = { kind: 'sub', create, desc, tags: ['team'] }
    expect(lastRequest()).toMatchObject({ said, asChan: false, command })
  })

  test('a channel reader comes as such', async () => {
    const topic = 'chn' + group(1).slice(3)
    expect((await client.ask({ sub: { topic } })).topic).toBe(topic)
    expect(lastRequest()).toMatchObject({ topic: group(1), asChan: true })
  })

  test('get rides along, with times in ms', async () => {
    const get = {
      what: 'data sub nonsense sub',
      sub: { ims: '2026-07-10T09:00:00.010Z' },
      data: { limit: 24 },
    }
    await client.ask({ sub: { topic: group(2), get } })
    const ims = Date.parse('2026-07-10T09:00:00.010Z')
    expect(lastRequest().command).toEqual({
      kind: 'sub',
      get: { what: ['sub', 'data'], sub: { ims }, data: { limit: 24 } },
    })
  })
})

describe('pub', () => {
  test('head and content become text, with a hash', async () => {
    await client.ask({ sub: { topic: group(3) } })
    const ctrl = await client.ask({
      pub: { topic: group(3), head: { mime: 'x' }, content: { a: [1] } },
    })
    expect(ctrl).toMatchObject({ code: 202, text: 'accepted', topic: group(3), params: { seq: 1 } })
    expect(lastRequest().command).toEqual({
      kind: 'pub',
      producer: '',
      n: 0,
      hash: expect.any(Number),
      head: '{"mime":"x"}',
      content: '{"a":[1]}',
      noecho: false,
    })
  })

  test.for([
    [{ content: 'x', noecho: true }, undefined, { content: '"x"', head: null, noecho: true }],
    [{}, undefined, { content: 'null', head: null }],
    [{ content: null, head: null }, undefined, { content: 'null', head: null }],
    [{ content: 1, head: { sender: 'usrX' } }, undefined, { head: null }],
    [{ content: 1, head: { sender: 'usrX', mime: 'y' } }, undefined, { head: '{"mime":"y"}' }],
    [{ content: 1 }, { producer: '1zyx0123456', n: 4 }, { producer: '1zyx0123456', n: 4 }],
    [{ content: 1 }, { attachments: ['/a'] }, { producer: '', n: 0 }],
  ] as const)('%j with extra %j', async ([body, extra, expected]) => {
    const message = { pub: { topic: group(3), ...body }, ...(extra === undefined ? {} : { extra }) }
    expect((await client.ask(message)).code).toBe(202)
    expect(lastRequest().command).toMatchObject(expected)
  })

  test('the same body has the same hash, another has another', async () => {
    const hashOf = async (body: object): Promise<number> => {
      await client.ask({ pub: { topic: group(3), ...body } })
      return (lastRequest().command as { hash: number }).hash
    }
    const first = await hashOf({ content: 'a', head: { x: 1 } })
    expect(await hashOf({ content: 'a', head: { x: 1 } })).toBe(first)
    expect(await hashOf({ content: 'b', head: { x: 1 } })).not.toBe(first)
    expect(await hashOf({ content: 'a' })).not.toBe(first)
    expect(first).toBe(first >>> 0)
  })
})

describe('get, set, del, leave', () => {
  const ranges = [{ low: 3 }, { low: 5, hi: 9 }]
  test.for([
    [{ get: { what: 'desc' } }, { kind: 'get', query: { what: ['desc'] } }],
    [
      {
        get: {
          what: 'data',
          data: {
            ranges: [
              { low: 3, hi: 0 },
              { low: 5, hi: 9 },
            ],
          },
        },
      },
      { kind: 'get', query: { what: ['data'], data: { ranges } } },
    ],
    [
      { get: { what: 'del aux', del: { since: 2, before: 5, limit: 0 } } },
      { kind: 'get', query: { what: ['del', 'aux'], del: { since: 2, before: 5 } } },
    ],
    [
      { set: { tags: [], aux: null, desc: null, sub: { mode: 'N' } } },
      { kind: 'set', sub: { mode: 'N' }, tags: [] },
    ],
    [
      { set: { desc: { public: '\u2421', private: null } } },
      { kind: 'set', desc: { public: '\u2421' } },
    ],
    [
      { set: { aux: { pins: [4] }, cred: { meth: 'email' } } },
      { kind: 'set', aux: { pins: [4] }, cred: { meth: 'email' } },
    ],
    [{ del: { what: 'topic', hard: true } }, { kind: 'del', what: 'topic', hard: true }],
    [
      { del: { delseq: [{ low: 1 }] } },
      { kind: 'del', what: 'msg', hard: false, delseq: [{ low: 1 }] },
    ],
    [{ leave: {} }, { kind: 'leave', unsub: false }],
    [{ leave: { unsub: true } }, { kind: 'leave', unsub: true }],
  ] as const)('%j', async ([message, command]) => {
    const [[verb, body]] = Object.entries(message) as [[string, object]]
    await client.ask({ [verb]: { topic: group(3), ...body } })
    expect(lastRequest().command).toEqual(command)
  })

  test('a user in sub and a topic in get are canonical', async () => {
    const other = bob.slice(0, -1) + String.fromCharCode(bob.charCodeAt(13) + 1)
    await client.ask({ set: { topic: group(3), sub: { user: other, mode: 'JR' } } })
    expect(lastRequest().command).toEqual({ kind: 'set', sub: { user: bob, mode: 'JR' } })
    await client.ask({ get: { topic: 'me', what: 'sub', sub: { topic: bob } } })
    const query = { what: ['sub'], sub: { topic: p2pName(alice, bob) } }
    expect(lastRequest().command).toEqual({ kind: 'get', query })
  })
})

describe('note', () => {
  test('reaches the others, is never answered', async () => {
    const ben = await edge.client(bob)
    for (const each of [client, ben]) await each.ask({ sub: { topic: group(5) } })
    const before = client.heard.length
    client.send({ note: { topic: group(5), what: 'kp' } })
    await ben.until((m) => m.info?.what === 'kp')
    for (const note of [
      { what: 'kp', seq: 4 },
      { what: 'read' },
      { what: 'read', seq: -1 },
      { what: 'sing' },
      { what: 'data' },
    ]) {
      client.send({ note: { topic: group(5), ...note } })
    }
    await client.ask({ get: { topic: 'me', what: 'desc' } })
    expect(client.heard.length).toBe(before + 1)
    expect(lastRequest().command.kind).toBe('get')
    ben.close()
  })
})

test('on behalf of another: root only', async () => {
  const root = await edge.client(await edge.user('root', 'root'))
  const refused = await client.ask({ get: { topic: 'me', what: 'desc' }, extra: { obo: bob } })
  expect(refused).toMatchObject({ code: 403, topic: 'me' })
  root.close()
  edge.topics.change(bob, {})
  const uid = (edge.topics.logins.get('nam:basic:root') as { uid: UserId }).uid
  const boss = await TestClient.open(edge.url)
  await boss.hi()
  const login = await boss.ask({
    login: { scheme: 'token', secret: edge.token(uid, { level: 'root' }) },
  })
  expect(login.params.authlvl).toBe('root')
  await boss.ask({ sub: { topic: group(6) }, extra: { obo: bob } })
  await boss.ask({ pub: { topic: group(6), content: 1 }, extra: { obo: bob } })
  expect(edge.topics.askers.at(-1)).toMatchObject({ uid: bob, level: 'auth' })
  expect(lastRequest().command).toMatchObject({ head: JSON.stringify({ sender: uid }) })
  const bad = await boss.ask({ sub: { topic: group(6) }, extra: { obo: 'usr?' } })
  expect(bad.code).toBe(400)
  boss.close()
})

test("several verbs in one envelope: the first in the protocol's order", async () => {
  await client.ask({ get: { topic: group(3), what: 'desc' }, set: { topic: group(3), tags: [] } })
  expect(lastRequest().command.kind).toBe('get')
  await client.ask({ set: { topic: group(3), tags: ['a'] }, pub: null as unknown as object })
  expect(lastRequest().command.kind).toBe('set')
})
