import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FlotillaClient, type ClientOptions } from '../../src/client/client.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import { FakeCluster, type FakeNode } from './fake-server.ts'

let cluster: FakeCluster
let nodes: FakeNode[]
const clients: FlotillaClient[] = []

beforeEach(async () => {
  cluster = new FakeCluster()
  nodes = [await cluster.start(), await cluster.start()]
})
afterEach(() => {
  for (const client of clients.splice(0)) client.close()
  cluster.stop()
})

function client(options: Partial<ClientOptions> = {}): FlotillaClient {
  const made = new FlotillaClient({
    addresses: nodes.map((node) => node.address),
    apiKey: 'key',
    backoff: { minMs: 5, maxMs: 50 },
    requestTimeoutMs: 2_000,
    ...options,
  })
  clients.push(made)
  return made
}

/** Connected, with an account, logged in. */
async function ready(name: string, options: Partial<ClientOptions> = {}): Promise<FlotillaClient> {
  const made = client(options)
  expect((await made.connect()).kind).toBe('ok')
  expect(await made.createAccount({ login: name, password: 'secret' })).toMatchObject({ code: 200 })
  return made
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** A group with a reader that notes every seq it is shown. */
async function group(owner: FlotillaClient, reader: FlotillaClient, since?: number) {
  const made = await owner.createGroup({ fn: 'group' })
  const { topic } = made.subscription as Subscription
  const seen: number[] = []
  const ended: unknown[] = []
  const options = since === undefined ? {} : { since }
  const { outcome } = await reader.subscribe(topic, {
    ...options,
    data: ({ seq, content }) => {
      expect(content).toBe(`m${seq}`)
      seen.push(seq)
    },
    ended: (why) => ended.push(why),
  })
  expect(outcome.kind).toBe('ok')
  return { topic, seen, ended, publish: (n: number) => cluster.publish(topic, 'usrx', `m${n}`) }
}

const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from)

describe.for(['json', 'msgpack'] as const)('over %s', (codec) => {
  test('accounts, login, group, publish, history, notes, leave', async () => {
    const anna = await ready('anna', { codec })
    expect(anna.user).toBe('usranna0000000')
    expect(anna.serverParams).toMatchObject({ build: 'fake' })
    expect(await anna.createAccount({ login: 'anna', password: 'x' })).toMatchObject({
      kind: 'fail',
      code: 409,
    })
    const ben = client({ codec })
    await ben.connect()
    cluster.users.set('ben', { user: 'usrben', password: 'pw' })
    expect(await ben.login('ben', 'wrong')).toMatchObject({ kind: 'fail', code: 401 })
    expect(await ben.login('ben', 'pw')).toMatchObject({ kind: 'ok' })

    const { outcome, subscription } = await anna.createGroup({ fn: 'Team' })
    expect(outcome).toMatchObject({ kind: 'ok', topic: subscription?.topic })
    const topic = subscription?.topic as string
    const seen: unknown[] = []
    await ben.subscribe(topic, {
      data: ({ seq, from, content }) => seen.push([seq, from, content]),
      info: ({ what, from }) => seen.push([what, from]),
    })
    expect(await anna.publish(topic, { txt: 'hi' })).toMatchObject({
      kind: 'ok',
      params: { seq: 1 },
    })
    anna.note(topic, 'kp')
    await until(() => seen.length === 2, 'a message and a note')
    expect(seen).toEqual([
      [1, 'usranna0000000', { txt: 'hi' }],
      ['kp', 'usranna0000000'],
    ])
    for (let n = 2; n <= 5; n++) await ben.publish(topic, n)
    const page = await anna.history(topic, { since: 2, before: 5, limit: 2 })
    expect(page.messages.map(({ seq, content }) => [seq, content])).toEqual([
      [3, 3],
      [4, 4],
    ])
    const { metas } = await anna.get(topic, { what: 'desc sub' })
    expect(metas.map((meta) => meta.desc?.seq ?? meta.sub?.length)).toEqual([5, 1])
    expect(await ben.leave(topic)).toMatchObject({ code: 200 })
    expect(await ben.publish(topic, 'x')).toMatchObject({ kind: 'fail', code: 409 })
    expect(anna.outstanding + ben.outstanding).toBe(0)
  })
})

describe('outcomes', () => {
  test.for([
    [403, { kind: 'fail', code: 403 }],
    [503, { kind: 'unknown', code: 503 }],
    [500, { kind: 'unknown', code: 500 }],
    ['silent', { kind: 'unknown', code: 0, text: 'timeout' }],
    ['close', { kind: 'unknown', code: 0, text: 'closed' }],
  ] as const)('a publish that meets %s', async ([fault, expected]) => {
    const anna = await ready('anna', { requestTimeoutMs: 150 })
    const { subscription } = await anna.createGroup('g')
    for (const node of nodes) node.fault = (verb) => (verb === 'pub' ? fault : undefined)
    const outcome = await anna.publish(subscription?.topic as string, 'x')
    expect(outcome).toMatchObject(expected)
    expect(anna.outstanding).toBe(0)
  })

  test('what never left is failed: no node in time, too late, closed', async () => {
    for (const node of nodes) node.stop()
    const lost = client({ requestTimeoutMs: 60 })
    expect(await lost.connect(80)).toMatchObject({ kind: 'fail', code: 0 })
    expect(await lost.publish('grpx', 'x')).toMatchObject({ kind: 'fail', code: 0 })
    const pending = lost.publish('grpx', 'x', { timeoutMs: 60_000 })
    lost.close()
    expect(await pending).toMatchObject({ kind: 'fail', text: 'closed' })
    expect(await lost.publish('grpx', 'x')).toMatchObject({ kind: 'fail', text: 'closed' })
  })

  test('a retry under its key is stored once, across a reconnect', async () => {
    const anna = await ready('anna')
    const { subscription } = await anna.createGroup('g')
    const topic = subscription?.topic as string
    let isFirst = true
    for (const node of nodes) {
      node.fault = (verb, body) => {
        if (verb !== 'pub' || !isFirst) return undefined
        isFirst = false
        cluster.keys.set(`${topic} p1 1`, cluster.publish(topic, 'x', body['content']))
        return 'close' // stored, but the answer is lost
      }
    }
    const key = { producer: 'p1', n: 1 }
    expect((await anna.publish(topic, 'once', { key })).kind).toBe('unknown')
    expect(await anna.publish(topic, 'once', { key })).toMatchObject({ params: { seq: 1 } })
    expect(cluster.topic(topic).messages.length).toBe(1)
  })
})

describe.for(['with cursors', 'to a stock server'])('reconnecting %s', (how) => {
  beforeEach(() => {
    cluster.resumes = how === 'with cursors'
  })

  test('moves to the next node, logs in by token, attaches again, misses and repeats nothing', async () => {
    const anna = await ready('anna')
    const ben = await ready('ben')
    const { seen, publish } = await group(anna, ben)
    let n = 0
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 40; i++) publish(++n)
      const node = nodes[round % 2] as FakeNode
      node.cut()
      for (let i = 0; i < 150; i++) publish(++n)
      await until(() => seen.length === n, `all ${n} in round ${round}`)
    }
    expect(seen).toEqual(upTo(n))
    expect(cluster.log.filter((line) => line === 'login').length).toBeGreaterThan(2)
  })

  test('a node that stays away: the other takes over; both away: it waits and comes back', async () => {
    const anna = await ready('anna')
    const ben = await ready('ben')
    const { topic, seen, publish } = await group(anna, ben)
    publish(1)
    for (const node of nodes) node.stop()
    await until(() => !anna.isReady, 'the loss to be noticed')
    publish(2)
    const waiting = anna.publish(topic, 'm3', { timeoutMs: 10_000 })
    await nodes[1]?.restart()
    expect(await waiting).toMatchObject({ kind: 'ok', params: { seq: 3 } })
    await until(() => seen.length === 3, 'all three')
    expect(seen).toEqual([1, 2, 3])
  })

  test('live messages that a proxy lost are fetched; deleted ones are passed over', async () => {
    const anna = await ready('anna')
    const ben = await ready('ben')
    const { topic, seen, publish } = await group(anna, ben)
    for (const node of nodes) node.loseLive = (seq) => seq % 3 === 0
    for (let n = 1; n <= 40; n++) publish(n)
    await until(() => seen.length === 40, 'all of them')
    for (const node of nodes) node.loseLive = (seq) => seq >= 41 && seq <= 45
    for (let n = 41; n <= 45; n++) publish(n)
    cluster.delete(topic, 43)
    for (let n = 46; n <= 50; n++) publish(n)
    await until(() => seen.length === 49, 'all but the deleted one')
    expect(seen).toEqual([...upTo(42), ...upTo(50, 44)])
  })

  test('from seq 1 on a long topic: pages come in order, before what is live', async () => {
    const anna = await ready('anna')
    const made = await anna.createGroup('g')
    const { topic } = made.subscription as Subscription
    for (let n = 1; n <= 730; n++) cluster.publish(topic, 'x', n)
    const ben = await ready('ben')
    const seen: unknown[] = []
    await ben.subscribe(topic, { since: 1, data: ({ content }) => seen.push(content) })
    for (let n = 731; n <= 760; n++) cluster.publish(topic, 'x', n)
    await until(() => seen.length === 760, 'all')
    expect(seen).toEqual(upTo(760))
  })

  test('faults while re-attaching are retried; a definite no ends the subscription', async () => {
    const anna = await ready('anna')
    const ben = await ready('ben')
    const { topic, seen, publish } = await group(anna, ben)
    let faults = 4
    for (const node of nodes) {
      node.fault = (verb) => {
        if (!['sub', 'get', 'login'].includes(verb) || faults <= 0) return undefined
        return [503, 500, 'close', 503][--faults] as number
      }
    }
    for (const node of nodes) node.cut()
    publish(1)
    await until(() => seen.length === 1, 'the message')
    const ended: unknown[] = []
    const again = await ready('carl')
    await again.subscribe(topic, { ended: (why) => ended.push(why) })
    for (const node of nodes) node.fault = (verb) => (verb === 'sub' ? 403 : undefined)
    for (const node of nodes) node.cut()
    await until(() => ended.length === 1, 'the end')
    expect(ended).toMatchObject([{ kind: 'fail', code: 403 }])
  })

  test('a token that is refused falls back to the password, then to no user', async () => {
    const anna = await ready('anna')
    cluster.tokens.clear()
    for (const node of nodes) node.cut()
    await until(() => cluster.tokens.size === 1 && anna.isReady, 'a new login')
    const why: unknown[] = []
    const ben = await ready('ben', { events: { loggedOut: (outcome) => why.push(outcome) } })
    cluster.tokens.clear()
    cluster.users.clear()
    for (const node of nodes) node.cut()
    await until(() => why.length === 1, 'logged out')
    expect(why).toMatchObject([{ kind: 'fail', code: 401 }])
    expect(ben.user).toBeNull()
  })

  test('eviction: ended when unsubscribed, else attached again; shutdown moves on', async () => {
    const anna = await ready('anna')
    const ben = await ready('ben')
    const { topic, seen, ended, publish } = await group(anna, ben)
    const sessions = () => nodes.flatMap((node) => [...node.sessions])
    const evict = (unsub: boolean) => {
      for (const session of sessions()) {
        if (session.user !== ben.user) continue
        session.attached.delete(topic)
        session.ctrl(undefined, 205, 'evicted', { topic, params: { unsub } })
      }
    }
    evict(false)
    publish(1)
    await until(() => seen.length === 1, 'the message after a new attach')
    const connections = () => nodes.reduce((sum, node) => sum + node.connections, 0)
    const before = connections()
    for (const session of sessions()) session.ctrl(undefined, 205, 'server shutdown')
    await until(() => connections() > before + 1, 'both to move')
    publish(2)
    const late = ben.publish(topic, 'm3', { timeoutMs: 8_000 })
    expect(await late).toMatchObject({ kind: 'ok' })
    await until(() => seen.length === 3, 'all three')
    expect(seen).toEqual([1, 2, 3])
    evict(true)
    await until(() => ended.length === 1, 'the end')
    expect(ended).toMatchObject([{ code: 205, params: { unsub: true } }])
  })

  test('a wrong api key never connects; a silent server is left', async () => {
    const wrong = client({ apiKey: 'x' })
    expect(await wrong.connect(100)).toMatchObject({ kind: 'fail' })
    for (const node of nodes) node.fault = (verb) => (verb === 'hi' ? 'silent' : undefined)
    const waiting = client({ connectTimeoutMs: 60, silenceMs: 90 })
    const connected = waiting.connect()
    await until(() => nodes.every((node) => node.connections > 0), 'both tried')
    for (const node of nodes) node.fault = () => undefined
    expect((await connected).kind).toBe('ok')
  })
})
