import { expect, test } from 'vitest'
import { tables } from '../../src/chat/tables.ts'
import type { ChatLimits } from '../../src/chat/entity.ts'
import type { Actor, Command } from '../../src/chat/command.ts'
import { grpTopic } from '../../src/ids/topic-name.ts'
import { parseUserId } from '../../src/ids/user-id.ts'
import { Partition } from '../../src/partition/partition.ts'
import { PartitionRows } from '../../src/partition/partition-rows.ts'
import { entityKey } from '../../src/partition/rows.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import type { Entry } from '../../src/raft/entry.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { VirtualTime } from '../peer/virtual-time.ts'

const uid = parseUserId('usrFYHpffQQIhE')!
const actor: Actor = { uid, level: 'auth', sid: 's1', node: 1, asChan: false, attached: true }
const limits: ChatLimits = {
  maxSubscriberCount: 10,
  maxTagCount: 16,
  minTagLength: 2,
  maxTagLength: 96,
  messageDeleteAgeS: 0,
  p2pDelete: true,
  keepMessages: 0,
  keepMessagesS: 0,
}

/** A partition whose entries commit as soon as they are proposed; `restart` gives the next life of it. */
function life(
  more: Partial<ChatLimits>,
  store = new MemoryStore(),
  applied = 0,
  at = 1_800_000_000_000,
) {
  const time = new VirtualTime(at)
  const rows = new PartitionRows(1, store, applied, () => {})
  let index = applied
  let largest = 0
  const entries: Entry[] = []
  const partition = new Partition({
    id: 1,
    group: {
      propose(data, term) {
        index++
        largest = Math.max(largest, data.length)
        entries.push({ index, term, kind: 'normal', data: Uint8Array.from(data) })
        return { index, term }
      },
      readIndex: (done) => done(index),
      applied: () => {},
    },
    store,
    applied,
    partitions: 1,
    timers: time,
    clock: time,
    logger: silentLogger,
    metrics: noMetrics,
    limits: { ...limits, ...more },
    listener: {
      owned() {},
      lost() {},
      released() {},
      online: () => false,
      active: () => false,
    },
    carry: (_target, _letters, done) => done(null),
  })
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left >= 0; left -= 100) {
      time.advance(Math.min(left, 100))
      for (let i = 0; i < 12; i++) {
        if (entries.length > 0) partition.committed(entries.splice(0))
        await Promise.resolve()
        time.advance(0)
      }
    }
  }
  const ask = (topic: string, command: Command): Promise<string> =>
    new Promise((resolve) => {
      partition.command(topic, actor, command, {
        released: ({ parts }) => resolve(parts[0]?.kind === 'ctrl' ? String(parts[0].code) : ''),
        refused: resolve,
      })
    })
  const count = async (topic: string): Promise<number> =>
    (await rows.read(entityKey(topic), tables.messages, tables.messages + 1)).length
  const lead = async (): Promise<void> => {
    partition.lead(1)
    await pass(0)
  }
  const restart = (other: Partial<ChatLimits>, laterMs = 0) =>
    life(other, store, partition.applied(), time.now() + laterMs)
  return { partition, pass, ask, count, lead, restart, largest: () => largest }
}

const topics = [1, 2, 3, 4, 5].map((n) => grpTopic(n, n))

async function filled(messages: number) {
  const it = life({})
  await it.lead()
  for (const topic of topics) {
    void it.ask(topic, { kind: 'sub', create: 'grp' })
    await it.pass(0)
    for (let n = 1; n <= messages; n++) {
      const key = { producer: 's1', n, hash: n }
      void it.ask(topic, { kind: 'pub', ...key, head: null, content: `"${n}"`, noecho: false })
    }
    await it.pass(0)
    expect(await it.count(topic)).toBe(messages)
  }
  return it
}

test('a lower limit: the new owner finds idle topics and trims them, a bounded slice at a time', async () => {
  const it = (await filled(1_200)).restart({ keepMessages: 50 })
  await it.lead()
  await it.pass(1_100) // a look at the first four, and one sweep
  const after = await Promise.all(topics.map((topic) => it.count(topic)))
  expect(after.filter((count) => count < 1_200)).toHaveLength(1)
  expect(Math.min(...after)).toBe(1_200 - 512)
  await it.pass(20_000)
  expect(await Promise.all(topics.map((topic) => it.count(topic)))).toEqual([50, 50, 50, 50, 50])
})

test('idle topics are emptied when their messages are too old, and not before', async () => {
  const first = await filled(20)
  const young = first.restart({ keepMessagesS: 600 }, 500_000)
  await young.lead()
  await young.pass(10_000)
  expect(await young.count(topics[0]!)).toBe(20)
  const old = first.restart({ keepMessagesS: 600 }, 700_000)
  await old.lead()
  await old.pass(10_000)
  expect(await Promise.all(topics.map((topic) => old.count(topic)))).toEqual([0, 0, 0, 0, 0])
})

test('without limits nobody looks, and who does not own does not sweep', async () => {
  const first = await filled(100)
  const free = first.restart({})
  await free.lead()
  await free.pass(5_000)
  expect(await free.count(topics[0]!)).toBe(100)
  const follower = first.restart({ keepMessages: 10 })
  await follower.pass(5_000)
  expect(await follower.count(topics[0]!)).toBe(100)
  await follower.lead()
  follower.partition.follow(2, 9)
  await follower.pass(5_000)
  expect(await follower.count(topics[0]!)).toBe(100)
})

test('a sweep that the end of a term cuts short goes on in the next one', async () => {
  const it = (await filled(1_200)).restart({ keepMessages: 50 })
  await it.lead()
  await it.pass(1_100)
  it.partition.follow(2, 9)
  await it.pass(3_000)
  await it.lead()
  await it.pass(20_000)
  expect(await Promise.all(topics.map((topic) => it.count(topic)))).toEqual([50, 50, 50, 50, 50])
})
