import { expect, test } from 'vitest'
import type { Command } from '../../src/chat/command.ts'
import { grpTopic, meTopic } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { group, Scene } from '../conformance/topic.ts'
import { Client } from './world.ts'

/** Readers that are too slow for the stream, and readers that come back with a cursor (P4, P10, T24). */
const spread = { nodes: 3, owner: 1, place: (i: number) => (i % 2) + 2 }
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from)
const seqs = (client: Client, topic: TopicName = group) => client.data(topic).map(([seq]) => seq)

function many(client: Client, count: number, topic: TopicName = group): void {
  for (let i = 0; i < count; i++) client.publish(topic, `m${i}`)
}

function remove(low: number, hi: number, hard = true): Command {
  return { kind: 'del', what: 'msg', delseq: [{ low, hi }], hard }
}

/** Asks to be attached from a cursor on; the id of the request. */
function resume(client: Client, cursor: number, topic: TopicName = group): string {
  return client.send(topic, { kind: 'sub' }, undefined, cursor)
}

test('T24: stalled for a minute under load, then let go: all of it, once, in order', async () => {
  const { world, clients } = await Scene.make(spread, 3)
  const [a, slow, fast] = [clients[0]!, clients[1]!, clients[2]!]
  slow.isSlow = true
  for (let second = 0; second < 60; second++) {
    many(a, second % 30 === 0 ? 1_000 : 10)
    await world.settle(50)
    world.time.advance(950)
  }
  await world.settle()
  const total = 2 * 1_000 + 58 * 10
  expect(seqs(slow)).toEqual([])
  expect(seqs(fast)).toEqual(upTo(total))
  slow.ease()
  many(a, 100)
  await world.settle(1_000)
  expect(seqs(slow)).toEqual(upTo(total + 100))
})

test('a reader that is slow again within a page gets the rest of it later, and nothing twice', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  b.isSlow = true
  many(a, 500)
  await world.settle()
  const deliver = b.deliver.bind(b)
  let taken = 0
  b.deliver = (frame) => {
    if (++taken % 7 === 0) b.isSlow = true
    return deliver(frame)
  }
  for (let round = 0; round < 100; round++) {
    b.ease()
    await world.settle(20)
    expect(seqs(b)).toEqual(upTo(Math.min(500, 7 * (round + 1))))
  }
  many(a, 4)
  await world.settle()
  expect(seqs(b)).toEqual(upTo(504))
})

test('several topics take turns; the owner may change meanwhile', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  const topics = [1, 2, 3, 4, 5].map((i) => grpTopic(78, i))
  for (const [i, topic] of topics.entries()) {
    await a.sub(topic, { create: 'grp' }, `new${i + 10}`)
    await b.sub(topic)
  }
  b.isSlow = true
  for (const topic of topics) many(a, 300, topic)
  await world.settle()
  b.ease()
  for (const owner of [2, 3, 1]) {
    await world.settle(10)
    for (const line of world.groups.slice(1)) line.elect(owner)
    for (const topic of topics) many(a, 20, topic)
  }
  await world.settle(1_000)
  for (const topic of topics) expect(seqs(b, topic)).toEqual(upTo(360))
  const order = b.got.filter((m) => m.data).map((m) => m.data.topic)
  const first = order.lastIndexOf(topics[0]!)
  expect(order.slice(0, first).filter((name) => name === topics[4])).not.toEqual([])
})

test('the owner dies while a reader is pulled: it goes on with the next', async () => {
  const { world, clients } = await Scene.make(spread, 3)
  const [a, b] = [clients[0]!, clients[2]!]
  b.isSlow = true
  many(a, 400)
  await world.settle()
  b.ease()
  world.time.advance(0)
  world.kill(1)
  await world.settle(1_000)
  expect(seqs(b).length).toBeLessThan(400)
  for (const line of world.groups.slice(1)) line.elect(3)
  await world.settle(1_000)
  expect(seqs(b)).toEqual(upTo(400))
})

test('who is pulled is told: by notices, or by news on me; others only by the stream', async () => {
  const { world, clients } = await Scene.make(spread, 3)
  const [a, b, c] = [clients[0]!, clients[1]!, clients[2]!]
  b.knowsNotices = true
  await c.me()
  many(a, 3)
  await world.settle()
  b.isSlow = c.isSlow = true
  many(a, 5)
  await world.settle()
  expect(b.pres('pull')).toEqual([{ topic: group, what: 'pull', seq: 3 }])
  expect(b.pres('push')).toEqual([])
  expect(c.pres('msg')).toMatchObject([{ topic: 'me', src: group, seq: 4, act: a.uid }])
  b.ease()
  c.ease()
  await world.settle()
  expect(b.pres('push')).toEqual([{ topic: group, what: 'push', seq: 8 }])
  expect(b.got.at(-1).pres.what).toBe('push')
  expect(seqs(b)).toEqual(upTo(8))
  expect(c.got.filter((m) => m.pres?.what === 'pull' || m.pres?.what === 'push')).toEqual([])
})

test('news for a slow reader is kept with a key that says what replaces what', async () => {
  const { world, clients } = await Scene.make(spread, 3)
  const [a, b, c] = [clients[0]!, clients[1]!, clients[2]!]
  many(a, 5)
  await world.settle()
  b.isSlow = true
  c.send(group, { kind: 'note', what: 'kp', seq: 0 })
  for (const seq of [1, 2, 4]) c.send(group, { kind: 'note', what: 'read', seq })
  await a.ask(group, remove(2, 3))
  await world.settle()
  const keys = b.kept.map(([key]) => key)
  expect(keys.filter((key) => key === 'passing')).toHaveLength(1)
  expect(new Set(keys.filter((key) => key.startsWith('read'))).size).toBe(1)
  expect(b.kept.filter(([key]) => key === 'each').map(([, m]) => m.pres.what)).toEqual(['del'])
})

test('rights end while a reader is pulled: what he may not read any more he does not get', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  b.isSlow = true
  many(a, 50)
  await world.settle()
  await a.ask(group, { kind: 'set', sub: { user: b.uid, mode: 'JWP' } })
  b.ease()
  await world.settle()
  expect(seqs(b)).toEqual([])
  await a.ask(group, { kind: 'set', sub: { user: b.uid, mode: 'JRWP' } })
  many(a, 1)
  await world.settle()
  expect(seqs(b)).toEqual([51])
})

test('out and in again while a page is under way: the page is not of this stay', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  b.isSlow = true
  many(a, 50)
  await world.settle()
  b.ease()
  b.send(group, { kind: 'leave', unsub: false })
  b.send(group, { kind: 'sub' })
  await world.settle()
  many(a, 1)
  await world.settle()
  expect(seqs(b)).toEqual([51])
})

test('many slow readers do not hold up the fast one; each ends with everything', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, fast] = [clients[0]!, clients[1]!]
  const slow: Client[] = []
  for (let i = 0; i < 100; i++) {
    const client = new Client(world, 2 + (i % 2), fast.uid, `slow${i}`)
    client.send(group, { kind: 'sub' })
    slow.push(client)
  }
  await world.settle()
  for (const client of slow) client.isSlow = true
  many(a, 300)
  await world.settle()
  expect(seqs(fast)).toEqual(upTo(300))
  for (const client of slow) client.ease()
  many(a, 10)
  await world.settle(50)
  expect(seqs(fast)).toEqual(upTo(310))
  await world.settle(1_000)
  for (const client of slow) expect(seqs(client)).toEqual(upTo(310))
})

test.for([
  ['of everything', 0, 250],
  ['in the middle', 120, 250],
  ['at the end', 250, 250],
  ['beyond the end', 900, 250],
] as const)(
  'resume %s: the answer says where the topic stands, then the rest, then live',
  async ([, cursor, top]) => {
    const { world, clients } = await Scene.make(spread, 2)
    const [a, b] = [clients[0]!, clients[1]!]
    many(a, top)
    await world.settle()
    const back = new Client(world, 2, b.uid, 'back')
    const id = resume(back, cursor)
    many(a, 30)
    await world.settle(1_000)
    expect(back.got[0].ctrl).toMatchObject({ id, code: 200, topic: group, params: { seq: top } })
    expect(seqs(back)).toEqual(upTo(top + 30, Math.min(cursor, top) + 1))
  },
)

test('resume tells deletions from losses: as ranges, before what lies behind them', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  many(a, 60)
  await world.settle()
  await a.ask(group, remove(5, 8))
  await b.ask(group, remove(20, 21, false))
  await a.ask(group, remove(58, 61))
  await world.settle()
  const back = new Client(world, 2, b.uid, 'back')
  resume(back, 2)
  await world.settle()
  const gone = back.got.flatMap((m) => m.meta?.del?.delseq ?? [])
  expect(gone).toEqual([{ low: 5, hi: 8 }, { low: 20 }, { low: 58, hi: 61 }])
  const seen = seqs(back)
  expect(seen).toEqual(upTo(57, 3).filter((seq) => ![5, 6, 7, 20].includes(seq)))
  const at = (found: (m: any) => boolean): number => back.got.findIndex(found)
  expect(at((m) => m.meta?.del?.delseq[0].low === 20)).toBeLessThan(at((m) => m.data?.seq === 21))
})

test('resume of a topic that is no more, or of a stranger', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  await a.ask(group, { kind: 'del', what: 'topic', hard: true })
  await world.settle()
  const back = new Client(world, 2, b.uid, 'back')
  const id = resume(back, 3)
  await world.settle()
  expect(back.answer(id)).toMatchObject({ code: 404 })
  expect(back.answer(id).params?.seq).toBeUndefined()
})

test('a cursor of one that is attached already: the stream goes back to it', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  many(a, 10)
  await world.settle()
  resume(b, 4)
  await world.settle()
  many(a, 2)
  await world.settle()
  expect(seqs(b)).toEqual([...upTo(10), ...upTo(12, 5)])
})

test('fifty topics are resumed by fifty requests that do not wait for each other', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  const topics = Array.from({ length: 50 }, (_, i) => grpTopic(79, i + 1))
  for (const [i, topic] of topics.entries()) {
    a.send(topic, { kind: 'sub', create: 'grp' }, `new${i + 10}`)
  }
  await world.settle()
  for (const topic of topics) b.send(topic, { kind: 'sub' })
  await world.settle()
  for (const topic of topics) many(a, 12, topic)
  await world.settle()
  const back = new Client(world, 3, b.uid, 'back')
  for (const [i, topic] of topics.entries()) resume(back, i % 13, topic)
  await world.settle(500)
  for (const [i, topic] of topics.entries())
    expect(seqs(back, topic)).toEqual(upTo(12, (i % 13) + 1))
})

test('a session that is gone is not pulled any more', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  b.isSlow = true
  many(a, 100)
  await world.settle()
  b.ease()
  b.gone()
  await world.settle()
  expect(seqs(b)).toEqual([])
  const me = new Client(world, 2, b.uid, 'me')
  await me.me()
  expect(world.node(2).hub.isAttached('me', meTopic(b.uid))).toBe(true)
})
