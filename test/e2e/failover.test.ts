import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster, until } from './cluster.ts'
import { connectStock } from './stock-client.ts'
import type { StockClient } from './stock-client.ts'

/** The owner of a busy group is killed -9 in mid-stream; nobody who stayed connected notices more than a pause. */
let cluster: TestCluster
const clients: StockClient[] = []

beforeAll(async () => {
  cluster = await TestCluster.start(3)
}, 60_000)

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

async function history(client: StockClient, group: string): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  const topic = client.tinode.getTopic(group)
  topic.onData = (data: any) => data && found.set(data.seq, data.content)
  const last = async () => {
    await topic.getMeta(topic.startMetaQuery().withDesc().build())
    return topic.seq as number
  }
  const seq = await last()
  for (let before = seq + 1; before > 1; before -= 100) {
    await client.tinode.getMeta(group, { what: 'data', data: { before, limit: 100 } })
  }
  return found
}

test('kill -9 of the owner under load', async () => {
  const owner = await person('owner', 0)
  const made = owner.tinode.getTopic(owner.tinode.newGroupTopicName())
  const { topic: group } = await made.subscribe(undefined, {
    desc: { defacs: { auth: 'JRWPS', anon: 'N' } },
  })
  const victim = (await until('an owner', () => cluster.ownerOf(group))) as number
  const stay = [0, 1, 2].filter((i) => i !== victim)
  const people = await Promise.all(stay.map((node) => person(`stays-${node}`, node)))
  const lost = await person('moves', victim)
  const seen = new Map<string, { seq: number; content: string }[]>()
  for (const { tinode, name } of [...people, lost]) {
    const list: { seq: number; content: string }[] = []
    seen.set(name, list)
    const topic = tinode.getTopic(group)
    await topic.subscribe()
    topic.onData = (data: any) => data && list.push({ seq: data.seq, content: data.content })
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
  await cluster.stop(victim, 'SIGKILL')
  await until('messages after the kill', () => acked.size > killedAt + 200)
  await cluster.restart(victim)
  await until('messages after the restart', () => acked.size > killedAt + 400)
  stop = true
  await Promise.all(publishers)

  // Durable, once, contiguous.
  const reader = people[0]!
  const stored = await history(reader, group)
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
  const back = await connectStock('moves', cluster.nodes[stay[0]!]!.client)
  clients.push(back)
  await back.tinode.loginBasic('moves', 'secret-secret')
  const topic = back.tinode.getTopic(group)
  await topic.subscribe()
  expect((await history(back, group)).size).toBe(last)
}, 60_000)
