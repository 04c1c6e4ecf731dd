import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { GroupHost } from '../../src/group/group-host.ts'
import { GroupDamaged } from '../../src/group/opening.ts'
import type { PeerPort } from '../../src/group/peer-port.ts'
import type { Timers } from '../../src/ports.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import { LevelStore } from '../../src/store/level-store.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { SegmentedLog } from '../../src/store/segmented-log.ts'
import { FaultyDisk } from '../store/faulty-disk.ts'
import { Cluster } from './cluster.ts'
import { ListMachine } from './list-machine.ts'
import { VirtualTime, seeded } from './virtual-time.ts'

const onFatal = (error: Error): void => {
  throw error
}
const options = { onFatal, metrics: noMetrics, segmentBytes: 8 * 1024, maxSegments: 3 }

test('over the segmented log: losses of power, one node after the other and all at once', async () => {
  const disks = new Map([1, 2, 3].map((id) => [id, new FaultyDisk()]))
  const open = (id: number) => SegmentedLog.openOn(disks.get(id) as FaultyDisk, options)
  const groups = [0, 1, 2, 3]
  const cluster = await Cluster.start({ groups, openLog: open, group: { compactEvery: 20 } })
  const random = seeded(7)
  const crash = async (ids: readonly number[]): Promise<void> => {
    const stores = ids.map((id) => cluster.kill(id, 'power-loss').store)
    for (const id of ids) {
      const harsh = (): boolean => random.below(2) === 0
      disks.set(
        id,
        (disks.get(id) as FaultyDisk).crash(harsh, () => random.below(100) / 100),
      )
    }
    for (const [at, id] of ids.entries()) {
      await cluster.boot(id, { log: await open(id), store: stores[at] as MemoryStore })
    }
  }
  let written = 0
  for (let round = 0; round < 8; round++) {
    for (let n = 0; n < 15; n++) {
      for (const group of groups) await cluster.write(`${written} `.padEnd(100, 'x'), group)
      written++
    }
    await cluster.time.advance(700) // logs are cut, segments go
    await crash(round % 3 === 2 ? [1, 2, 3] : [1 + (round % 3)])
  }
  for (const group of groups) {
    await cluster.write('the last', group)
    for (const id of [1, 2, 3]) {
      const texts = await cluster.machine(id, group).texts()
      expect(texts.map((text) => Number.parseInt(text, 10) || 0).slice(0, written)).toEqual(
        Array.from({ length: written }, (_, n) => n),
      )
    }
  }
  for (const node of cluster.nodes.values()) expect(node.log.stats().segments).toBeLessThan(8)
  expect(cluster.fatal).toEqual([])
  cluster.stop()
})

test('a follower that lags is served from the disk when memory has let go of its entries', async () => {
  const reads: number[] = []
  const open = async (): Promise<SegmentedLog> => {
    const more = { segmentBytes: 64 * 1024, memoryBytes: 4_000, groupFloorBytes: 500 }
    const log = await SegmentedLog.openOn(new FaultyDisk(), { ...options, ...more })
    const load = log.load.bind(log)
    log.load = (group, lo, hi) => {
      reads.push(lo)
      return load(group, lo, hi)
    }
    return log
  }
  const cluster = await Cluster.start({ openLog: open, bulk: false })
  await cluster.write('first')
  const { id } = await cluster.elected()
  const away = [1, 2, 3].find((node) => node !== id) as number
  cluster.isolate(away)
  const group = cluster.group(id)
  for (let n = 0; n < 300; n++) {
    group.propose(Buffer.from(`${n} `.padEnd(100, 'x')), group.term)
    await cluster.time.advance(2)
  }
  expect(cluster.node(id).log.stats().memoryBytes).toBeLessThan(6_000)
  cluster.heal()
  await cluster.write('the last')
  expect(reads.length).toBeGreaterThan(0)
  expect(await cluster.machine(away).texts()).toEqual(await cluster.machine(id).texts())
  expect(await cluster.machine(away).texts()).toHaveLength(302)
  expect(cluster.fatal).toEqual([])
  cluster.stop()
})

const realTimers: Timers = {
  after: (ms, task) => {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
  every: (ms, task) => {
    const timer = setInterval(task, ms)
    return () => clearInterval(timer)
  },
  soon: (task) => void setImmediate(task),
}

test('over files and LevelDB, in real time: a node of its own, stopped and started again', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-group-'))
  const nobody: PeerPort = { post() {}, postHeartbeats() {} }
  const conf = { voters: [1], outgoing: [], learners: [], learnersNext: [], autoLeave: false }
  for (let life = 1; life <= 3; life++) {
    const log = await SegmentedLog.open(join(dir, 'log'), { ...options, segmentBytes: 1024 * 1024 })
    const store = await LevelStore.open(join(dir, 'data'), { onFatal, metrics: noMetrics })
    const host = new GroupHost({
      node: 1,
      log,
      store,
      timers: realTimers,
      clock: { now: () => Date.now(), monotonic: () => performance.now() },
      random: seeded(life),
      logger: silentLogger,
      metrics: noMetrics,
      peers: nobody,
      options: { tickMs: 5, compactEvery: 100 },
      onFatal,
    })
    const machine = await ListMachine.open(1, store)
    const group = host.open(1, { machine, bootstrap: conf })
    machine.group = group
    host.start()
    await expect.poll(() => machine.told.at(-1), { interval: 5 }).toMatch(/^lead/)
    let index = 0
    for (let n = 0; n < 300; n++) {
      const proposed = group.propose(Buffer.from(`${life}.${n}`), group.term)
      index = 'index' in proposed && proposed.error === undefined ? proposed.index : 0
    }
    await expect.poll(() => machine.applied(), { interval: 5 }).toBeGreaterThanOrEqual(index)
    expect(await machine.texts()).toHaveLength(life * 300)
    host.stop()
    await log.close()
    await store.close()
  }
  await rm(dir, { recursive: true })
})

test('a store that fell behind what the log has cut is refused, and so is one that is ahead of it', async () => {
  const time = new VirtualTime()
  const log = await SegmentedLog.openOn(new FaultyDisk(), options)
  const snapshot = {
    index: 50,
    term: 3,
    conf: { voters: [1], outgoing: [], learners: [], learnersNext: [], autoLeave: false },
  }
  const hardState = { term: 3, vote: 0, commit: 50 }
  log.append(1, { snapshot, hardState, entries: [], conf: null }, true, () => {})
  const host = new GroupHost({
    node: 1,
    log,
    store: new MemoryStore(),
    timers: time,
    clock: time,
    random: seeded(1),
    logger: silentLogger,
    metrics: noMetrics,
    peers: { post() {}, postHeartbeats() {} },
    onFatal,
  })
  const machine = await ListMachine.open(1, new MemoryStore())
  expect(() => host.open(1, { machine, bootstrap: null })).toThrow(GroupDamaged)
  machine.applied = () => 51
  expect(() => host.open(1, { machine, bootstrap: null })).toThrow(GroupDamaged)
  host.stop()
  await log.close()
})

test('GROUP-1: a machine or core that throws stops the node, and nothing goes on', async () => {
  const cluster = await Cluster.start({ nodes: 1 })
  await cluster.write('fine')
  cluster.machine(1).committed = () => {
    throw new Error('the machine broke')
  }
  const group = cluster.group(1)
  group.propose(Buffer.from('breaks'), group.term)
  await cluster.time.advance(1_000)
  expect(cluster.fatal.map((error) => error.message)).toEqual(['the machine broke'])
  cluster.stop()
})
