import { expect, test } from 'vitest'
import type { Command } from '../../src/chat/command.ts'
import { meTopic, p2pName, slfTopic } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { Client } from './world.ts'
import { group, Scene } from '../conformance/topic.ts'

/**
 * Where implementers of the protocol go wrong (tinode-wire.md, section 14): those P0 rows that the
 * topic floor decides, by their numbers there. Rows 1, 15, 16, 19: test/session; row 17: test/ids.
 */
const spread = { nodes: 3, owner: 1, place: (i: number) => (i % 2) + 2 }

function get(what: string[], more: object = {}): Command {
  return { kind: 'get', query: { what, ...more } } as Command
}

/** Every text that a client was sent. */
function sent(client: Client): string {
  return JSON.stringify(client.got)
}

test('2, 3: no owner for a while is answered below 5 s, and as 5xx, never 4xx', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  world.kill(1)
  const before = world.time.now()
  const ids = [
    clients[0]!.send(group, get(['desc'])),
    clients[0]!.send(group, { kind: 'set', desc: { private: { a: 1 } } }),
    clients[0]!.publish(group, 'x'),
  ]
  await world.settle(4_500)
  for (const id of ids) expect(clients[0]!.answer(id).code).toBeGreaterThanOrEqual(500)
  expect(world.time.now() - before).toBeLessThan(5_000)
})

test('4: {sub me} during a change of owner is held back, not failed', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  world.kill(1)
  const id = clients[0]!.send(meTopic(clients[0]!.uid), { kind: 'sub' })
  await world.settle(2_000)
  expect(clients[0]!.answer(id)).toBeUndefined()
  for (const line of world.groups.slice(1)) line.elect(2)
  await world.settle(500)
  expect(clients[0]!.answer(id)).toMatchObject({ code: 200, topic: 'me' })
})

test('5: every time has exactly three digits of fraction and a Z', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  clients[0]!.publish(group, 'x', false)
  await clients[1]!.ask(group, get(['desc', 'sub', 'data']))
  await world.settle()
  const times = [...sent(clients[0]!).matchAll(/"(?:ts|created|updated|touched|when)":"([^"]*)"/g)]
  expect(times.length).toBeGreaterThan(2)
  for (const [, time] of times) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('6, 11, 18: ctrl first and with its topic; each part of a get is answered, also an empty one', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const late = new Client(world, 2, clients[1]!.uid, 'late')
  const words = ['desc', 'sub', 'data', 'del', 'aux'] as const
  const id = late.send(group, { kind: 'sub', get: { what: [...words] } })
  await world.settle()
  const answers = late.got.filter((m) => (m.ctrl ?? m.meta)?.id === id).map((m) => m.ctrl ?? m.meta)
  expect(answers[0]).toMatchObject({ code: 200, topic: group })
  expect(answers).toHaveLength(1 + words.length)
  for (const answer of answers) expect(answer.topic).toBe(group)
  expect(
    answers
      .filter((a) => a.code === 204)
      .map((a) => a.params.what as string)
      .toSorted((x, y) => (x < y ? -1 : 1)),
  ).toEqual(['aux', 'data', 'del'])
})

test('7: nobody ever sees an internal name, and a p2p is called by the other’s', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  const onMe = [a, b].map((c, i) => new Client(world, spread.place(i), c.uid, `me${i}`))
  for (const client of onMe) await client.me()
  const chat = p2pName(a.uid, b.uid)
  await a.sub(chat)
  await a.sub(slfTopic(a.uid))
  await b.sub(chat)
  a.publish(chat, 'x', false)
  b.send(chat, { kind: 'note', what: 'read', seq: 1 })
  await a.ask(chat, { kind: 'del', what: 'msg', delseq: [{ low: 1 }], hard: false })
  await onMe[0]!.ask(meTopic(a.uid), get(['sub']))
  await world.settle()
  for (const client of [a, b, ...onMe]) {
    expect(sent(client)).not.toMatch(/"p2p[\w-]{22}"/)
    expect(sent(client)).not.toMatch(/"(?:slf|fnd)[\w-]{11}"/)
    const wrong = client.got.filter((m) => m.data?.topic === client.uid)
    expect(wrong).toEqual([])
  }
})

test('8, 9: a change of rights is `dacs` in pres; act is there for others, not for the actor', async () => {
  const { world, clients } = await Scene.make(spread, 3)
  const own = new Client(world, 3, clients[0]!.uid, 'own-device')
  const other = new Client(world, 2, clients[1]!.uid, 'other-device')
  await own.me()
  await other.me()
  await world.settle()
  clients[0]!.publish(group, 'x')
  await clients[0]!.ask(group, { kind: 'set', sub: { user: clients[1]!.uid, mode: 'JRWP' } })
  await world.settle()
  expect(own.pres('msg')).toMatchObject([{ src: group, seq: 1 }])
  expect(own.pres('msg')[0].act).toBeUndefined()
  expect(other.pres('msg')).toMatchObject([{ src: group, seq: 1, act: clients[0]!.uid }])
  const [change] = other.pres('acs')
  expect(change.dacs).toEqual({ given: '-S' })
  expect(change.acs).toBeUndefined()
})

test('9: in a p2p the news names the actor although he is the source, or it would count as own', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  const chat = p2pName(a.uid, b.uid)
  await a.sub(chat)
  const onMe = new Client(world, 3, b.uid, 'on-me')
  await onMe.me()
  await world.settle()
  a.publish(chat, 'x')
  await world.settle()
  expect(onMe.pres('msg')).toMatchObject([{ src: a.uid, act: a.uid, seq: 1 }])
})

test('10: news goes by session: to the user’s session that is not attached, not to the one that is', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const both = new Client(world, 3, clients[1]!.uid, 'both')
  await both.me()
  await both.sub(group)
  const onMe = new Client(world, 3, clients[1]!.uid, 'on-me')
  await onMe.me()
  await world.settle()
  clients[0]!.publish(group, 'x')
  await world.settle()
  expect(both.pres('msg')).toEqual([])
  expect(both.data(group)).toHaveLength(1)
  expect(onMe.pres('msg')).toHaveLength(1)
  expect(onMe.data(group)).toEqual([])
})

test('12, 13: clear counts deletions; since and low are inclusive, before and hi exclusive', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  for (let i = 1; i <= 9; i++) a.publish(group, `${i}`)
  await world.settle()
  const first = { kind: 'del', what: 'msg', delseq: [{ low: 8 }], hard: true } as const
  expect((await a.ask(group, first)).params).toEqual({ del: 1 })
  const second = { kind: 'del', what: 'msg', delseq: [{ low: 2, hi: 4 }], hard: true } as const
  expect((await a.ask(group, second)).params).toEqual({ del: 2 })
  const log = await b.ask(group, get(['del']))
  expect(log.del).toEqual({ clear: 2, delseq: [{ low: 2, hi: 4 }, { low: 8 }] })
  b.got.length = 0
  await b.ask(group, get(['data'], { data: { since: 4, before: 9 } }))
  await world.settle()
  expect(b.data(group).map(([seq]) => seq)).toEqual([7, 6, 5, 4])
  b.got.length = 0
  await b.ask(group, get(['data'], { data: { ranges: [{ low: 1, hi: 3 }, { low: 9 }] } }))
  await world.settle()
  expect(b.data(group).map(([seq]) => seq)).toEqual([9, 1])
})

test('15: a publish of nothing is stored as null, a sub without get and set attaches', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  a.send(group, {
    kind: 'pub',
    producer: '',
    n: 0,
    hash: 0,
    head: null,
    content: 'null',
    noecho: true,
  })
  await world.settle()
  expect(b.data(group)).toEqual([[1, null]])
})

test('20, 21: marks never fall, and the sender’s own rise with his message', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  for (let i = 0; i < 5; i++) a.publish(group, `${i}`)
  await world.settle()
  b.send(group, { kind: 'note', what: 'read', seq: 4 })
  b.send(group, { kind: 'note', what: 'recv', seq: 2 })
  b.send(group, { kind: 'note', what: 'read', seq: 3 })
  await world.settle()
  const { sub } = await a.ask(group, get(['sub']))
  const row = (user: string) => sub.find((r: any) => r.user === user)
  expect(row(a.uid)).toMatchObject({ read: 5, recv: 5 })
  expect(row(b.uid)).toMatchObject({ read: 4, recv: 4 })
})

test('22, 24: leaving and coming back does not lift a ban', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  await a.ask(group, { kind: 'set', sub: { user: b.uid, mode: 'N' } })
  await world.settle()
  expect(b.got.some((m) => m.ctrl?.code === 205 && m.ctrl.text === 'evicted')).toBe(true)
  expect(await b.ask(group, { kind: 'leave', unsub: true })).toBeDefined()
  expect(await b.sub(group)).toMatchObject({ code: 403 })
})

test('26: the stream stays with a session whose owner changes twice in a row', async () => {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  const line = world.groupOf(group as TopicName)
  for (const owner of [2, 3, 1, 2]) {
    line.elect(owner)
    a.publish(group, `under ${owner}`)
    await world.settle(300)
  }
  expect(b.data(group).map(([seq]) => seq)).toEqual([1, 2, 3, 4])
})
