import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { connectStock } from './stock-client.ts'
import type { StockClient } from './stock-client.ts'

/** The owner of a busy group is killed -9 in mid-stream; nobody who stayed connected notices more than a pause. */
let cluster: TestCluster
const clients: StockClient[] = []

beforeAll(async () => {
  cluster = await TestCluster.start(3)
}, 120_000)

afterAll(async () => {
  for (const client of clients) client.close()
  await cluster?.[Symbol.asyncDispose]()
})

async function person(name: string, node: number): Promise<StockClient> {
  const client = await connectStock(name, cluster.nodes[node]!.client)
  clients.push(client)
  await client.tinode
    .createAccountBasic(name, 'secret-secret', { public: { fn: name } })
    .catch((error: any) => {
      if (error.code !== 409) throw error
      return client.tinode.loginBasic(name, 'secret-secret')
    })
  return client
}

/** All of a topic as the server sends it to a fresh session: the SDK's own cache stays out of it. */
async function history(name: string, node: number, group: string): Promise<Map<number, string>> {
  const reader = await person(name, node)
  const found = new Map<number, string>()
  reader.tinode.onDataMessage = (data: any) => {
    if (data.topic !== group) return
    expect(found.has(data.seq)).toBe(false)
    found.set(data.seq, data.content)
  }
  const topic = reader.tinode.getTopic(group)
  await topic.subscribe(topic.startMetaQuery().withDesc().build())
  await until('the description', () => topic.seq > 0)
  const last = topic.seq as number
  for (let before = last + 1; before > 1; before -= 100) {
    const ask = { what: 'data', data: { since: Math.max(1, before - 100), before, limit: 100 } }
    await reader.tinode.getMeta(group, ask)
  }
  await until('all of history', () => found.size >= last, 5_000).catch(() => undefined)
  reader.close()
  return found
}

test('kill -9 of the owner under load', async () => {
  const owner = await person('owner', 0)
  const made = owner.tinode.getTopic(owner.tinode.newGroupTopicName())
  const { topic: group } = await made.subscribe(undefined, {
    desc: { defacs: { auth: 'JRWPS', anon: 'N' } },
  })
  owner.close() // its node may be the one that dies
  const victim = (await until('an owner', () => cluster.ownerOf(group))) as number
  const stay = [0, 1, 2].filter((i) => i !== victim)
  const people = await Promise.all(stay.map((node) => person(`stays${node}`, node)))
  const lost = await person('moves', victim)
  const seen = new Map<string, { seq: number; content: string }[]>()
  for (const { tinode, name } of [...people, lost]) {
    const list: { seq: number; content: string }[] = []
    seen.set(name, list)
    const topic = tinode.getTopic(group)
    topic.noteRecv = () => {} // the SDK marks from a timer, also when its socket is gone
    await topic.subscribe()
    tinode.onDataMessage = (data: any) => list.push({ seq: data.seq, content: data.content })
  }

  // Each of those who stay keeps one message in flight, and sends a failed one never again.
  const acked = new Map<number, string>()
  const unsure = new Set<string>()
  let stop = false
  const publishers = people.map(async ({ tinode, name }) => {
    for (let i = 0; !stop; i++) {
      const content = `${name} ${i}`
      const ctrl = await tinode.publish(group, content, true).catch(() => undefined)
      if (ctrl?.params?.seq === undefined) unsure.add(content)
      else {
        expect(acked.has(ctrl.params.seq)).toBe(false)
        acked.set(ctrl.params.seq, content)
      }
    }
  })
  await until('some messages', () => acked.size > 100)
  const killedAt = acked.size
  lost.tinode.onDisconnect = () => lost.close() // or the SDK dials the dead node for ever
  await cluster.stop(victim, 'SIGKILL')
  await until('messages after the kill', () => acked.size > killedAt + 200)
  await cluster.restart(victim)
  await until('messages after the restart', () => acked.size > killedAt + 400)
  stop = true
  await Promise.all(publishers)

  // Durable, once, contiguous.
  const stored = await history('reads', stay[0]!, group)
  const last = Math.max(...stored.keys())
  expect([...stored.keys()].sort((a, b) => a - b)).toEqual(
    Array.from({ length: last }, (_, i) => i + 1),
  )
  expect(new Set(stored.values()).size).toBe(stored.size)
  for (const [seq, content] of acked) expect(stored.get(seq)).toBe(content)
  for (const content of stored.values()) {
    expect(unsure.has(content) || [...acked.values()].includes(content)).toBe(true)
  }

  // Live: each who stayed saw every message of the others, once and in order.
  for (const { name } of people) {
    const others = [...stored].filter(([, content]) => !content.startsWith(`${name} `))
    const list = seen.get(name)!
    await until(`all live messages at ${name}`, () => list.length >= others.length)
    expect(list.map((m) => m.seq)).toEqual(others.map(([seq]) => seq).sort((a, b) => a - b))
  }

  // The one whose node died comes back through another and catches up.
  expect((await history('moves', stay[1]!, group)).size).toBe(last)
}, 120_000)
