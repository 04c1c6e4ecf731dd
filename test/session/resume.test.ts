import { afterEach, expect, test } from 'vitest'
import type { FlotillaClient } from '../../src/client/client.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import { eventually, stockKey, TestClient } from './edge-fixture.ts'
import { LiveWorld } from './live-world.ts'

/** Real sockets, sessions and topics: slow readers, and clients that come back (T24, G18, G26, S33). */
let live: LiveWorld
afterEach(async () => await live.close())

const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from)

async function group(owner: FlotillaClient): Promise<string> {
  const { subscription } = await owner.createGroup({ fn: 'Team' })
  return (subscription as Subscription).topic
}

/** Publishes and gives the last seq. */
async function publish(client: FlotillaClient, topic: string, count: number, text: string) {
  const sent = Array.from({ length: count }, () => client.publish(topic, text, { noecho: true }))
  let last = 0
  for (const outcome of await Promise.all(sent)) {
    expect(outcome).toMatchObject({ kind: 'ok' })
    if (outcome.kind === 'ok') last = Math.max(last, outcome.params['seq'] as number)
  }
  return last
}

/** A client that is made by hand, on node 2, logged in and attached. */
async function byHand(login: string, topic: string, hi: object = {}): Promise<TestClient> {
  const url = `ws://${live.addresses[1]}/v0/channels?apikey=${stockKey}`
  const client = await TestClient.open(url)
  client.send({ hi: { id: '1', ver: '0.25', ua: 'test' }, extra: hi })
  const secret = Buffer.from(`${login}:secret12`).toString('base64')
  expect(await client.ask({ login: { scheme: 'basic', secret } })).toMatchObject({ code: 200 })
  expect(await client.ask({ sub: { topic } })).toMatchObject({ code: 200 })
  return client
}

test('T24: a paused socket gets everything when it reads again; its neighbours do not wait', async () => {
  live = await LiveWorld.open(2, { queueBytes: 1024 * 1024, queueFrames: 1_024 })
  const anna = await live.client('anna')
  await live.client('ben')
  const topic = await group(anna)
  const [slow, fast] = [await byHand('ben', topic, { notices: true }), await byHand('ben', topic)]
  slow.socket.pause()
  const text = 'x'.repeat(10_000)
  let last = 0
  for (let round = 0; round < 10; round++) last = await publish(anna, topic, 100, text)
  const seqs = (client: TestClient) =>
    client.heard.filter((m) => m.data !== undefined).map((m) => m.data.seq as number)
  await eventually(() => seqs(fast).length === last)
  expect(seqs(slow).length).toBeLessThan(last)
  expect(live.counts.get('session_queue_overflows_total')).toBeUndefined()
  slow.socket.resume()
  await eventually(() => seqs(slow).at(-1) === last)
  await publish(anna, topic, 3, 'small')
  await eventually(() => seqs(slow).at(-1) === last + 3)
  expect(seqs(slow)).toEqual(upTo(last + 3))
  expect(seqs(fast)).toEqual(upTo(last + 3))
  const turns = slow.heard.filter((m) => ['pull', 'push'].includes(m.pres?.what))
  expect(turns.map((m) => m.pres.what).slice(0, 2)).toEqual(['pull', 'push'])
})

test('a client that loses its connection at any moment, and its node, gets each message once', async () => {
  live = await LiveWorld.open(3)
  const anna = await live.client('anna')
  const topics = [await group(anna), await group(anna), await group(anna)]
  const ben = await live.client('ben', { addresses: live.addresses.slice(1) })
  const seen = new Map<string, number[]>()
  for (const topic of topics) {
    seen.set(topic, [])
    const data = ({ seq }: { seq: number }): void => void seen.get(topic)?.push(seq)
    expect((await ben.subscribe(topic, { data })).outcome.kind).toBe('ok')
  }
  for (let round = 0; round < 12; round++) {
    const sent = topics.map((topic) => publish(anna, topic, 40, `round ${round}`))
    // Somewhere in the middle of it.
    await new Promise((resolve) => setTimeout(resolve, (round * 7) % 23))
    ben.reconnect()
    if (round % 4 === 1) for (const line of live.world.groups.slice(1)) line.elect(1 + (round % 3))
    await Promise.all(sent)
  }
  for (const topic of topics) await eventually(() => seen.get(topic)?.at(-1) === 480, 10_000)
  for (const topic of topics) expect(seen.get(topic)).toEqual(upTo(480))
})

test('what was deleted while a client was away is not waited for', async () => {
  live = await LiveWorld.open(2)
  const anna = await live.client('anna', { addresses: live.addresses.slice(0, 1) })
  const topic = await group(anna)
  const ben = await live.client('ben', { addresses: live.addresses.slice(1) })
  const seen: number[] = []
  const { subscription } = await ben.subscribe(topic, { data: ({ seq }) => seen.push(seq) })
  await publish(anna, topic, 5, 'x')
  await eventually(() => seen.length === 5)
  live.world.cut.add('1 2') // what happens now, ben's node learns later
  await publish(anna, topic, 20, 'x')
  const deleted = await anna.del(topic, 'msg', { delseq: [{ low: 8, hi: 24 }], hard: true })
  expect(deleted).toMatchObject({ kind: 'ok' })
  ben.reconnect()
  live.world.cut.clear()
  await eventually(() => subscription?.lastSeq === 25)
  expect(seen).toEqual([...upTo(7), 24, 25])
})

test('S33: the edge node dies under a client: it goes on at another, without a gap', async () => {
  live = await LiveWorld.open(3)
  const anna = await live.client('anna', { addresses: live.addresses.slice(0, 1) })
  const topic = await group(anna)
  const ben = await live.client('ben', { addresses: live.addresses.slice(1) })
  const seen: number[] = []
  await ben.subscribe(topic, { data: ({ seq }) => seen.push(seq) })
  const sent = [publish(anna, topic, 60, 'x')]
  await eventually(() => seen.length > 5)
  const at = live.edges.findIndex((edge, i) => i > 0 && edge.sessions > 0)
  live.world.kill(at + 1)
  const closing = live.edges[at]?.close()
  sent.push(publish(anna, topic, 60, 'x'))
  await Promise.all([...sent, closing])
  await publish(anna, topic, 5, 'x')
  await eventually(() => seen.length === 125)
  expect(seen).toEqual(upTo(125))
})
