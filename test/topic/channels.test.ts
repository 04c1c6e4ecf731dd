import { expect, test } from 'vitest'
import type { Command } from '../../src/chat/command.ts'
import { grpTopic, meTopic } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { group, Scene } from '../conformance/topic.ts'
import { Client } from './world.ts'

/** Readers of a channel: what they are told, under which name, and what of them others see (2.15, 6.1, 14.26). */
const spread = { nodes: 3, owner: 1, place: (i: number) => (i % 2) + 2 }
const channel: TopicName = grpTopic(77, 99)
const chn = 'chn' + channel.slice(3)

/** An owner, a full member, and a reader, all attached; the reader's other session is on `me`. */
async function scene() {
  const { world, clients } = await Scene.make(spread, 4)
  const [owner, member, reader, other] = [clients[0]!, clients[1]!, clients[2]!, clients[3]!]
  await owner.ask(group, { kind: 'del', what: 'topic', hard: true })
  const made = await owner.sub(channel, { create: 'chn', desc: { public: { fn: 'News' } } }, 'nch1')
  expect(made).toMatchObject({ code: 200, topic: channel })
  await owner.ask(channel, { kind: 'set', sub: { user: member.uid, mode: 'JRWPS' } })
  expect(await member.sub(channel)).toMatchObject({ code: 200, topic: channel })
  expect(await reader.sub(channel, {}, chn)).toMatchObject({ code: 200, topic: chn })
  const onMe = new Client(world, 2, reader.uid, 'reader-on-me')
  await onMe.me()
  await world.settle()
  for (const client of [owner, member, reader, onMe]) client.got.length = 0
  return { world, owner, member, reader, onMe, other }
}

function note(what: 'kp' | 'read', seq = 0): Command {
  return { kind: 'note', what, seq }
}

const text = (client: Client): string => JSON.stringify(client.got)

test('messages come under the chn name, without a sender; news on me under the chn name', async () => {
  const { world, owner, member, reader, onMe } = await scene()
  owner.publish(channel, 'hello', false)
  await world.settle()
  expect(member.got.find((m) => m.data)?.data).toMatchObject({ topic: channel, from: owner.uid })
  expect(reader.got).toMatchObject([{ data: { topic: chn, seq: 1, content: 'hello' } }])
  expect(text(reader)).not.toContain(owner.uid)
  expect(onMe.pres('msg')).toMatchObject([{ topic: 'me', src: chn, seq: 1 }])
  for (const client of [reader, onMe]) expect(text(client)).not.toContain(channel)
})

test('who types, reads, comes or goes a reader is not told, nor is anybody of him', async () => {
  const { world, owner, member, reader, onMe, other } = await scene()
  owner.publish(channel, 'hello')
  await world.settle()
  for (const client of [owner, member, reader, onMe]) client.got.length = 0
  member.send(channel, note('kp'))
  member.send(channel, note('read', 1))
  reader.send(channel, note('kp'), chn)
  reader.send(channel, note('read', 1), chn)
  await owner.ask(channel, { kind: 'set', sub: { user: other.uid, mode: 'JRWPS' } })
  await other.sub(channel)
  await world.settle()
  other.gone()
  await world.settle(1_500)
  expect(reader.got).toEqual([])
  expect(onMe.got.filter((m) => m.info || m.pres?.src === channel || m.pres?.src === chn)).toEqual(
    [],
  )
  expect(owner.pres('on').some((pres) => pres.src === other.uid)).toBe(true)
  reader.gone()
  const second = new Client(world, 3, reader.uid, 'second')
  await second.sub(channel, {}, chn)
  await world.settle(1_500)
  for (const client of [owner, member]) expect(text(client)).not.toContain(reader.uid)
})

test('a channel with readers only is not online; a member makes it so, for members alone', async () => {
  const { world, owner, member, onMe } = await scene()
  const watching = new Client(world, 2, member.uid, 'member-on-me')
  await watching.me()
  await world.settle()
  owner.gone()
  member.gone()
  await world.settle(1_500)
  expect(watching.pres('off')).toMatchObject([{ topic: 'me', src: channel }])
  watching.got.length = onMe.got.length = 0
  const again = new Client(world, 3, owner.uid, 'owner-again')
  await again.sub(channel)
  await world.settle()
  expect(watching.pres('on')).toMatchObject([{ topic: 'me', src: channel }])
  expect(onMe.pres('on')).toEqual([])
})

test('a reader may not write; his list and his answers use the chn name', async () => {
  const { world, reader, onMe } = await scene()
  const id = reader.send(
    channel,
    { kind: 'pub', producer: '', n: 0, hash: 1, head: null, content: '"x"', noecho: false },
    chn,
  )
  await world.settle()
  expect(reader.answer(id)).toMatchObject({ code: 403, topic: chn })
  const list = await onMe.ask(meTopic(reader.uid), { kind: 'get', query: { what: ['sub'] } }, 'me')
  expect(list.sub.map((row: any) => row.topic)).toEqual([chn])
  const desc = await reader.ask(channel, { kind: 'get', query: { what: ['desc'] } }, chn)
  expect(desc).toMatchObject({ topic: chn, desc: { chan: true } })
})

test('all of it holds with the next owner, who is told anew', async () => {
  const { world, owner, member, reader, onMe } = await scene()
  for (const line of world.groups.slice(1)) line.elect(3)
  await world.settle()
  owner.publish(channel, 'hello', false)
  member.send(channel, note('kp'))
  await world.settle(1_500)
  expect(reader.got).toMatchObject([{ data: { topic: chn, seq: 1 } }])
  expect(reader.got[0].data.from).toBeUndefined()
  expect(onMe.pres('msg')).toMatchObject([{ src: chn, seq: 1 }])
  expect(onMe.got.filter((m) => m.info)).toEqual([])
  reader.gone()
  await world.settle(2_500)
  for (const client of [owner, member]) expect(text(client)).not.toContain(reader.uid)
})

test('a slow reader of a channel is pulled under its name, without senders', async () => {
  const { world, owner, reader } = await scene()
  reader.isSlow = true
  for (let i = 0; i < 50; i++) owner.publish(channel, `m${i}`)
  await world.settle()
  reader.ease()
  await world.settle()
  expect(reader.got.map((m) => m.data.seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  expect(reader.got.every((m) => m.data.topic === chn && m.data.from === undefined)).toBe(true)
})

test('a reader who is made a full member hears like one, and under the grp name', async () => {
  const { world, owner, reader } = await scene()
  const left = await reader.ask(channel, { kind: 'leave', unsub: true }, chn)
  expect(left).toMatchObject({ code: 200 })
  await owner.ask(channel, { kind: 'set', sub: { user: reader.uid, mode: 'JRWPS' } })
  expect(await reader.sub(channel)).toMatchObject({ code: 200, topic: channel })
  reader.got.length = 0
  owner.publish(channel, 'hello', false)
  owner.send(channel, note('kp'))
  await world.settle()
  expect(reader.got.map((m) => m.data?.from ?? m.info?.what)).toEqual([owner.uid, 'kp'])
})
