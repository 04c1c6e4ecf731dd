import { expect, test } from 'vitest'
import type { Actor, Command } from '../../src/chat/command.ts'
import type { Outcome } from '../../src/chat/outcome.ts'
import { grpTopic } from '../../src/ids/topic-name.ts'
import { parseUserId } from '../../src/ids/user-id.ts'
import type { Sink } from '../../src/partition/evaluation.ts'
import { Partition } from '../../src/partition/partition.ts'
import { PartitionRows } from '../../src/partition/partition-rows.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import type { Entry } from '../../src/raft/entry.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { VirtualTime } from '../peer/virtual-time.ts'

const uid = parseUserId('usrFYHpffQQIhE')!
const topic = grpTopic(5, 6)
const actor: Actor = { uid, level: 'auth', sid: 's1', node: 1, asChan: false, attached: true }

function publish(n: number): Command {
  const content = `"${n}"`
  return { kind: 'pub', producer: 's1', n, hash: n, head: null, content, noecho: false }
}

/** One partition whose log the test commits by hand. */
function world() {
  const time = new VirtualTime(1_800_000_000_000)
  const store = new MemoryStore()
  const log: Entry[] = []
  const told: string[] = []
  const reads: ((index: number | null) => void)[] = []
  const state = { refuse: '' }
  const partition = new Partition({
    id: 1,
    group: {
      propose(data, term) {
        if (state.refuse !== '') return { error: state.refuse }
        const index = log.length + 1
        log.push({ index, term, kind: 'normal', data: Uint8Array.from(data) })
        return { index, term }
      },
      readIndex: (done) => void reads.push(done),
      applied: () => {},
    },
    store,
    applied: 0,
    partitions: 1,
    timers: time,
    clock: time,
    logger: silentLogger,
    metrics: noMetrics,
    limits: {
      maxSubscriberCount: 10,
      maxTagCount: 16,
      minTagLength: 2,
      maxTagLength: 96,
      messageDeleteAgeS: 0,
      keepMessages: 0,
      keepMessagesS: 0,
      p2pDelete: true,
    },
    listener: {
      owned: (_p, term) => void told.push(`owned ${term}`),
      lost: () => void told.push('lost'),
      released: () => void told.push('released'),
      online: () => false,
      active: () => false,
    },
    carry: (_target, _letters, done) => done(null),
  })
  const run = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      time.advance(0)
      await Promise.resolve()
    }
  }
  const commit = async (upTo = log.length): Promise<void> => {
    partition.committed(log.slice(committed, upTo))
    committed = upTo
    await run()
  }
  let committed = 0
  const sent: string[] = []
  const sink = (name: string): Sink<Outcome> => ({
    released: ({ parts }) => {
      const first = parts[0]
      sent.push(`${name} ${first?.kind === 'ctrl' ? first.code : first?.kind}`)
    },
    refused: (why) => void sent.push(`${name} ${why}`),
  })
  const ask = (name: string, command: Command): void =>
    partition.command(topic, actor, command, sink(name))
  const lead = async (term: number): Promise<void> => {
    partition.lead(term)
    await run()
  }
  return { partition, store, log, told, reads, state, sent, run, commit, ask, lead }
}

async function withGroup() {
  const it = world()
  await it.lead(1)
  it.ask('make', { kind: 'sub', create: 'grp' })
  await it.run()
  await it.commit()
  expect(it.sent).toEqual(['make 200'])
  it.sent.length = 0
  return it
}

test('nothing is answered before its entry commits, and then in the order of evaluation', async () => {
  const it = await withGroup()
  it.ask('a', publish(1))
  it.ask('b', publish(2))
  await it.run()
  it.ask('c', publish(3))
  await it.run()
  expect(it.sent).toEqual([])
  expect(it.log).toHaveLength(3) // one entry a turn
  await it.commit(2)
  expect(it.sent).toEqual(['a 202', 'b 202'])
  await it.commit()
  expect(it.sent).toEqual(['a 202', 'b 202', 'c 202'])
})

test('a read waits for what was evaluated before it, and for the proof of leadership', async () => {
  const it = await withGroup()
  it.ask('write', publish(1))
  await it.run()
  it.ask('read', { kind: 'get', query: { what: ['desc'] } })
  await it.run()
  it.reads.shift()!(1)
  expect(it.sent).toEqual([])
  await it.commit()
  expect(it.sent).toEqual(['write 202', 'read meta'])
  it.ask('read', { kind: 'get', query: { what: ['desc'] } })
  await it.run()
  expect(it.sent).toHaveLength(2)
  it.reads.shift()!(null)
  expect(it.sent.at(-1)).toBe('read term-changed')
})

test('a lost term: everything under way is refused, nothing of it shows in the next one', async () => {
  const it = await withGroup()
  it.ask('a', publish(1))
  await it.run()
  it.ask('b', publish(2))
  it.partition.follow(2, 9)
  expect(it.sent).toEqual(['a term-changed', 'b not-owner'])
  it.log.length = 1 // neither was committed: another leader's entries take their place
  it.sent.length = 0
  await it.lead(3)
  it.ask('again', publish(1))
  await it.run()
  await it.commit()
  expect(it.sent).toEqual(['again 202'])
  const page = await new PartitionRows(1, it.store, 0, () => {}).read(
    (await import('../../src/partition/rows.ts')).entityKey(topic),
    0x80,
    0x81,
  )
  expect(page).toHaveLength(1)
})

test('a proposal refused after evaluation: certainly not done, and the memory is thrown away', async () => {
  const it = await withGroup()
  it.state.refuse = 'transferring'
  it.ask('a', publish(1))
  await it.run()
  expect(it.sent).toEqual(['a not-owner'])
  expect(it.told.slice(-2)).toEqual(['lost', 'owned 1'])
  it.state.refuse = ''
  it.ask('a', publish(1))
  await it.run()
  await it.commit()
  expect(it.sent.at(-1)).toBe('a 202')
})

test('the same number again gets its first answer and stores nothing, also from a new owner', async () => {
  const it = await withGroup()
  it.ask('first', publish(1))
  await it.run()
  await it.commit()
  it.partition.follow(2, 9)
  await it.lead(3)
  const before = it.log.length
  it.ask('again', publish(1))
  await it.run()
  it.reads.shift()!(before)
  expect(it.sent).toEqual(['first 202', 'again 202'])
  expect(it.log).toHaveLength(before)
})

test('PARTITION-4: another entry at the index of a proposal of this term stops the node', async () => {
  const it = await withGroup()
  it.ask('a', publish(1))
  await it.run()
  const foreign = { ...it.log[1]!, term: 7 }
  expect(() => it.partition.committed([foreign])).toThrow(/PARTITION-4/)
})

test('an entry of a newer format stops the node, and nothing of it or after it is applied', async () => {
  const it = await withGroup()
  it.ask('a', publish(1))
  await it.run()
  const entry = it.log[1]!
  const data = Uint8Array.from(entry.data)
  data[0] = 2
  const before = await it.store.range({ gte: Uint8Array.of(0), lt: Uint8Array.of(255) })
  const applied = it.partition.applied()
  expect(() =>
    it.partition.committed([
      { ...entry, data },
      { ...entry, index: 3 },
    ]),
  ).toThrow(
    'an entry of the log was written by a newer Flotilla (format 2, this one reads up to 1)',
  )
  await it.run()
  expect(it.partition.applied()).toBe(applied)
  expect(await it.store.range({ gte: Uint8Array.of(0), lt: Uint8Array.of(255) })).toEqual(before)
  expect(it.sent).toEqual([])
})

test('not the owner: refused at once', () => {
  const it = world()
  it.ask('a', publish(1))
  expect(it.sent).toEqual(['a not-owner'])
})
