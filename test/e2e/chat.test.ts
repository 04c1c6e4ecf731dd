import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { connectStock } from './stock-client.ts'
import type { StockClient } from './stock-client.ts'

/** Alice on node 1, Bob on node 2, Carol on node 3, all by the stock SDK; one story in order. */
let cluster: TestCluster
let alice: StockClient
let bob: StockClient
let carol: StockClient
let group = ''

beforeAll(async () => {
  cluster = await TestCluster.start(3)
}, 60_000)

afterAll(async () => {
  for (const client of [alice, bob, carol]) client?.close()
  await cluster?.[Symbol.asyncDispose]()
})

async function signUp(name: string, node: number): Promise<StockClient> {
  const client = await connectStock(name, cluster.nodes[node]!.client)
  const ctrl = await client.tinode.createAccountBasic(name, `${name}-secret`, {
    public: { fn: name },
  })
  expect(ctrl.code).toBe(200)
  expect(ctrl.params.user).toMatch(/^usr[\w-]{11}$/)
  return client
}

async function openMe(client: StockClient): Promise<any> {
  const me = client.tinode.getMeTopic()
  await me.subscribe(me.startMetaQuery().withSub().withDesc().withTags().build())
  return me
}

/** Messages of a topic as they come from the server; the SDK shows the sender his own without that. */
function listen(client: StockClient, topic: any): { seq: number; content: unknown }[] {
  const seen: { seq: number; content: unknown }[] = []
  client.tinode.onDataMessage = (data: any) => {
    if (data.topic === topic.name) seen.push({ seq: data.seq, content: data.content })
  }
  return seen
}

test('three people sign up through three nodes and log in again by password and token', async () => {
  alice = await signUp('alice', 0)
  bob = await signUp('bob', 1)
  carol = await signUp('carol', 2)
  const again = await connectStock('alice', cluster.nodes[2]!.client)
  const ctrl = await again.tinode.loginBasic('alice', 'alice-secret')
  expect(ctrl.params.user).toBe(alice.tinode.getCurrentUserID())
  const { token } = again.tinode.getAuthToken()
  again.close()
  const byToken = await connectStock('alice', cluster.nodes[1]!.client)
  expect((await byToken.tinode.loginToken(token)).params.user).toBe(alice.tinode.getCurrentUserID())
  byToken.close()
  const wrong = await connectStock('alice', cluster.nodes[1]!.client)
  await expect(wrong.tinode.loginBasic('alice', 'nope')).rejects.toMatchObject({ code: 401 })
  wrong.close()
})

test('a taken login name is refused on every node', async () => {
  const other = await connectStock('mallory', cluster.nodes[2]!.client)
  await expect(
    other.tinode.createAccountBasic('alice', 'another-secret', {}),
  ).rejects.toMatchObject({ code: 409 })
  other.close()
})

test('me shows the own profile', async () => {
  const me = await openMe(alice)
  await until('the own profile', () => me.public)
  expect(me.public).toEqual({ fn: 'alice' })
  await openMe(bob)
  await openMe(carol)
})

test('a group: made by Alice, joined by Bob, Carol invited', async () => {
  const topic = alice.tinode.getTopic(alice.tinode.newGroupTopicName())
  const ctrl = await topic.subscribe(topic.startMetaQuery().withDesc().withSub().build(), {
    desc: { public: { fn: 'Team' }, defacs: { auth: 'JRWPS', anon: 'N' } },
  })
  group = ctrl.topic
  expect(group).toMatch(/^grp[\w-]{11}$/)
  const bobs = bob.tinode.getTopic(group)
  await bobs.subscribe(bobs.startMetaQuery().withDesc().withSub().build())
  await until('the description', () => bobs.public)
  expect(bobs.public).toEqual({ fn: 'Team' })

  const invited = new Promise((go) => {
    carol.tinode.getMeTopic().onPres = (pres: any) => {
      if (pres.what === 'acs' && pres.src === group) go(pres)
    }
  })
  await topic.invite(carol.tinode.getCurrentUserID(), 'JRWPS')
  expect(await invited).toMatchObject({ dacs: { want: 'JRWPS', given: 'JRWPS' } })
  await until('Carol has the group in her list', () => {
    let found = false
    carol.tinode
      .getMeTopic()
      .contacts((c: any) => (found ||= c.topic === group || c.name === group))
    return found
  })
  const carols = carol.tinode.getTopic(group)
  await carols.subscribe(carols.startMetaQuery().withDesc().withSub().build())
})

test('messages reach all three, once and in order; the sender has no echo', async () => {
  const people = [alice, bob, carol]
  const topics = people.map((c) => c.tinode.getTopic(group))
  const seen = people.map((c, i) => listen(c, topics[i]))
  for (let i = 0; i < 20; i++) {
    const from = topics[i % 3]
    const ctrl = await from.publish(`message ${i}`, true)
    expect(ctrl.params.seq).toBe(i + 1)
  }
  for (const [i, list] of seen.entries()) {
    const own = Array.from({ length: 20 }, (_, k) => k).filter((k) => k % 3 !== i)
    await until(`${own.length} messages at client ${i}`, () => list.length >= own.length)
    expect(list.map((m) => m.content)).toEqual(own.map((k) => `message ${k}`))
    expect(list.map((m) => m.seq)).toEqual(own.map((k) => k + 1))
  }
})

test('history by pages', async () => {
  const late = await connectStock('bob', cluster.nodes[0]!.client)
  await late.tinode.loginBasic('bob', 'bob-secret')
  const topic = late.tinode.getTopic(group)
  await topic.subscribe(topic.startMetaQuery().withLaterData(8).build())
  await until('the first page', () => topic.messageCount() >= 8)
  expect(topic.minMsgSeq()).toBe(13)
  await topic.getMessagesPage(100, [], undefined, topic.minMsgSeq())
  await until('all of history', () => topic.messageCount() >= 20)
  const seqs: number[] = []
  topic.messages((m: any) => seqs.push(m.seq))
  expect(seqs).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  late.close()
})

test('typing, received and read marks', async () => {
  const topic = alice.tinode.getTopic(group)
  const infos: any[] = []
  topic.onInfo = (info: any) => infos.push(info)
  const bobs = bob.tinode.getTopic(group)
  const { seq } = (await topic.publish('have you read this?', true)).params
  await until('the message at Bob', () => bobs.maxMsgSeq() === seq)
  bobs.noteKeyPress()
  bobs.noteRead(seq)
  await until('typing', () => infos.some((i) => i.what === 'kp'))
  await until('the received mark', () => infos.some((i) => i.what === 'recv' && i.seq === seq))
  await until('the read mark', () => infos.some((i) => i.what === 'read' && i.seq === seq))
  const rows: any[] = []
  await topic.getMeta(topic.startMetaQuery().withSub().build())
  topic.subscribers((s: any) => rows.push(s))
  const bobsRow = await until('Bob’s row', () =>
    rows.find((r) => r.user === bob.tinode.getCurrentUserID()),
  )
  expect(bobsRow.read).toBe(seq)
})

test('a p2p chat: both ways, presence, news by me', async () => {
  const toBob = alice.tinode.getTopic(bob.tinode.getCurrentUserID())
  await toBob.subscribe(
    toBob.startMetaQuery().withDesc().withSub().withData(undefined, undefined, 10).build(),
  )
  await until('the description', () => toBob.public)
  expect(toBob.public).toEqual({ fn: 'bob' })
  const news: any[] = []
  bob.tinode.getMeTopic().onPres = (pres: any) => news.push(pres)
  expect((await toBob.publish('hello Bob', true)).params.seq).toBe(1)
  await until('news of a message', () =>
    news.some((p) => p.what === 'msg' && p.src === alice.tinode.getCurrentUserID()),
  )
  const toAlice = bob.tinode.getTopic(alice.tinode.getCurrentUserID())
  const aliceSees = listen(alice, toBob)
  await toAlice.subscribe(
    toAlice.startMetaQuery().withDesc().withSub().withData(undefined, undefined, 10).build(),
  )
  await until('the message in history', () => toAlice.messageCount() === 1)
  expect((await toAlice.publish('hello Alice', true)).params.seq).toBe(2)
  await until('the answer', () => aliceSees.length === 1)
  expect(aliceSees[0]).toMatchObject({ seq: 2, content: 'hello Alice' })
})

test('presence: a contact goes and comes back', async () => {
  const seen: any[] = []
  alice.tinode.getMeTopic().onPres = (pres: any) => {
    if (pres.src === bob.tinode.getCurrentUserID()) seen.push(pres.what)
  }
  const uid = bob.tinode.getCurrentUserID()
  bob.close()
  await until('off', () => seen.includes('off'))
  bob = await connectStock('bob', cluster.nodes[2]!.client)
  await bob.tinode.loginBasic('bob', 'bob-secret')
  expect(bob.tinode.getCurrentUserID()).toBe(uid)
  await openMe(bob)
  await until('on', () => seen.at(-1) === 'on')
})

test('deleting: for oneself, and for everybody', async () => {
  const topic = alice.tinode.getTopic(group)
  const hard = await topic.delMessages([{ low: 1, hi: 3 }], true)
  expect(hard.params.del).toBe(1)
  const reader = await connectStock('carol', cluster.nodes[0]!.client)
  await reader.tinode.loginBasic('carol', 'carol-secret')
  const carols = reader.tinode.getTopic(group)
  await carols.subscribe(carols.startMetaQuery().withLaterData(100).build())
  await until('what is left', () => carols.messageCount() >= 19)
  const seqs: number[] = []
  carols.messages((m: any) => seqs.push(m.seq))
  expect(seqs.filter((seq) => seq < 3)).toEqual([])
  reader.close()
})

test('somebody is found by his tags', async () => {
  const fnd = alice.tinode.getFndTopic()
  await carol.tinode.getMeTopic().setMeta({ tags: ['basic:carol', 'gardening'] })
  await fnd.subscribe()
  await until('Carol is found', async () => {
    await fnd.setMeta({ desc: { public: 'gardening' } })
    await fnd.getMeta(fnd.startMetaQuery().withSub().build()).catch(() => undefined)
    let found = false
    fnd.contacts(
      (c: any) =>
        (found ||=
          c.user === carol.tinode.getCurrentUserID() ||
          c.topic === carol.tinode.getCurrentUserID()),
    )
    return found
  })
})
