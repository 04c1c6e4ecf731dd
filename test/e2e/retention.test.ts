import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { connectStock } from './stock-client.ts'
import type { StockClient } from './stock-client.ts'

/** A topic that keeps ten messages, as stock clients see it. */
let cluster: TestCluster
let alice: StockClient
let bob: StockClient

beforeAll(async () => {
  cluster = await TestCluster.start(1, { 'keep-messages-per-topic': 10 })
  alice = await connectStock('alice', cluster.nodes[0]!.client)
  await alice.tinode.createAccountBasic('alice', 'alice-secret', { login: true })
  bob = await connectStock('bob', cluster.nodes[0]!.client)
  await bob.tinode.createAccountBasic('bob', 'bob-secret', { login: true })
}, 60_000)

afterAll(async () => {
  for (const client of [alice, bob]) client?.close()
  await cluster?.[Symbol.asyncDispose]()
})

async function publish(topic: any, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    expect((await topic.publish(`message ${n}`, false)).params.seq).toBe(n)
  }
}

function seqs(topic: any): number[] {
  const found: number[] = []
  topic.messages((m: any) => {
    if (m.content !== undefined && m.hi === undefined) found.push(m.seq)
  })
  return found
}

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('a reader with an old cursor gets what is kept, and is told what is gone', async () => {
  const group = alice.tinode.getTopic(alice.tinode.newGroupTopicName())
  await group.subscribe(null, {
    desc: { public: { fn: 'few' }, defacs: { auth: 'JRWPS', anon: 'N' } },
  })
  await publish(group, 1, 5)
  const bobs = bob.tinode.getTopic(group.name)
  await bobs.subscribe(bobs.startMetaQuery().withLaterData(24).build())
  await until('the first five', () => seqs(bobs).length === 5)
  bobs.noteRead(5)
  await until('that he has read them', async () => {
    const { sub } = await bobs.getMeta(bobs.startMetaQuery().withLaterSub().build())
    return sub?.some((s: any) => s.read === 5)
  })
  await bobs.leave(false)
  await publish(group, 6, 30)

  const frames: any[] = []
  bob.tinode.onMessage = (frame: any) => frames.push(frame)
  await bobs.subscribe(bobs.startMetaQuery().withLaterDesc().withLaterData(24).build())
  await until(
    'the ten that are kept',
    () => seqs(bobs).at(-1) === 30 && frames.some((f) => f.meta?.del),
  )
  const told = frames.find((frame) => frame.meta?.del)
  expect(told.meta.del.delseq).toEqual([{ low: 1, hi: 21 }])
  expect(seqs(bobs).filter((seq) => seq > 5)).toEqual(upTo(21, 30))
  // He has read five, and only ten can be unread.
  expect(bobs.seq - bobs.read).toBe(10)
})

test('the same after kill -9 and a start: from the rows', async () => {
  const { topic } = await groupOf(alice)
  alice.close()
  bob.close()
  await cluster.stop(0, 'SIGKILL')
  cluster.launch(0)
  await cluster.ready()
  const again = await connectStock('bob', cluster.nodes[0]!.client)
  await again.tinode.loginBasic('bob', 'bob-secret')
  const his = again.tinode.getTopic(topic)
  await his.subscribe(his.startMetaQuery().withLaterData(100).withLaterDel(100).build())
  await until('the ten that are kept', () => seqs(his).at(-1) === 30)
  expect(seqs(his)).toEqual(upTo(21, 30))
  again.close()
})

async function groupOf(client: StockClient): Promise<{ topic: string }> {
  const me = client.tinode.getMeTopic()
  await me.subscribe(me.startMetaQuery().withLaterSub().build())
  let topic = ''
  await until('his group', () => {
    me.contacts((c: any) => (topic = c.topic.startsWith('grp') ? c.topic : topic))
    return topic !== ''
  })
  return { topic }
}
