import { expect, test } from 'vitest'
import type { Group } from '../../src/group/group.ts'
import { SnapshotSink } from '../../src/group/snapshot-sink.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import { message } from '../../src/raft/message.ts'
import type { Message } from '../../src/raft/message.ts'
import { MemoryLog } from '../../src/store/memory-log.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { encodeRaft } from '../../src/wire/raft-frames.ts'
import { dataFormat } from '../../src/wire/versions.ts'
import { VirtualTime } from './virtual-time.ts'

const conf = { voters: [1, 2], outgoing: [], learners: [], learnersNext: [], autoLeave: false }

function snapshotOf(format: number): Message {
  const data = Uint8Array.of(format)
  return message('snapshot', {
    from: 1,
    to: 2,
    term: 3,
    snapshot: { meta: { index: 9, term: 3, conf }, data },
  })
}

test('a snapshot of a newer format stops the node before a row of it is kept', async () => {
  const fatal: unknown[] = []
  const store = new MemoryStore()
  const sink = new SnapshotSink({
    node: 2,
    log: new MemoryLog({ timers: new VirtualTime() }),
    store,
    logger: silentLogger,
    metrics: noMetrics,
    guard: (task) => {
      try {
        task()
      } catch (error) {
        fatal.push(error)
      }
    },
  })
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield await Promise.reject(new Error('nothing is read'))
  }
  const header = encodeRaft(1, snapshotOf(dataFormat + 1))
  const group = { id: 1 } as Group
  await expect(sink.receive(1, header, chunks(), () => group)).rejects.toThrow(
    `a snapshot was written by a newer Flotilla (format ${dataFormat + 1}, this one reads up to ${dataFormat})`,
  )
  expect(fatal).toMatchObject([{ name: 'NewerFormat' }])
  expect(await store.range({ gte: new Uint8Array(0), lt: Uint8Array.of(255, 255, 255) })).toEqual(
    [],
  )
})
