import { afterEach, describe, expect, test } from 'vitest'
import { marks } from '../../src/assert.ts'
import { finishInstalls, markStaged } from '../../src/group/staging.ts'
import type { ConfChange } from '../../src/raft/confchange.ts'
import { groupRange } from '../../src/store/keys.ts'
import type { MemoryLog } from '../../src/store/memory-log.ts'
import { Cluster } from './cluster.ts'
import type { ClusterOptions } from './cluster.ts'
import { crashAfter } from './crash-after.ts'
import { catchUp, leaveBehind, writeTo } from './left-behind.ts'

let cluster: Cluster
const small = { group: { compactEvery: 10 } }
const start = async (options: ClusterOptions = {}): Promise<Cluster> =>
  (cluster = await Cluster.start({ ...small, ...options }))

afterEach(() => {
  cluster.stop()
  expect(cluster.fatal).toEqual([])
})

const texts = (id: number): Promise<string[]> => cluster.machine(id).texts()
const writeMany = (from: number, to: number): Promise<void> => writeTo(cluster, from, to)
const leftBehind = (): ReturnType<typeof leaveBehind> => leaveBehind(cluster)
const caughtUp = (id: number): Promise<void> => catchUp(cluster, id)

describe('cutting', () => {
  test('GROUP-5: a log is cut behind what is applied, and not before the store is synced', async () => {
    await start()
    const synced: number[] = []
    for (const node of cluster.nodes.values()) {
      const { store, log } = node
      const sync = store.sync.bind(store)
      store.sync = async () => {
        synced.push(log.group(1).firstIndex())
        await sync()
      }
    }
    await writeMany(0, 60)
    await cluster.time.advance(2_000)
    for (const id of [1, 2, 3]) {
      const { log, appliedIndex } = cluster.group(id)
      expect(log.firstIndex()).toBeGreaterThan(40)
      expect(log.firstIndex()).toBeLessThanOrEqual(appliedIndex + 1)
    }
    expect(synced.length).toBeGreaterThan(0)
    // What is left suffices: all crash, with what was synced.
    const lefts = [1, 2, 3].map((id) => [id, cluster.kill(id, 'power-loss')] as const)
    for (const [id, left] of lefts) await cluster.boot(id, left)
    await writeMany(60, 61)
    for (const id of [1, 2, 3]) expect(await texts(id)).toHaveLength(61)
  })

  test('a follower that is a little behind is waited for', async () => {
    await start()
    await writeMany(0, 5)
    const { id: leader } = await cluster.elected()
    const slow = [1, 2, 3].find((node) => node !== leader) as number
    cluster.cut.add(`${leader}>${slow}`)
    const before = cluster.machine(slow).applied()
    for (let n = 5; n < 30; n++) {
      cluster.group(leader).propose(Buffer.from(String(n)), cluster.group(leader).term)
    }
    await cluster.time.advance(590)
    expect(cluster.group(leader).log.firstIndex()).toBeLessThanOrEqual(before + 1)
    cluster.heal()
    await caughtUp(slow)
    expect(cluster.bulksOpened).toBe(0)
  })

  test('without a way to send snapshots, nothing that a live follower needs is cut', async () => {
    await start({ bulk: false })
    await writeMany(0, 5)
    const { id: leader } = await cluster.elected()
    const slow = [1, 2, 3].find((node) => node !== leader) as number
    const needed = cluster.machine(slow).applied() + 1
    const { host } = cluster.node(slow)
    const receive = host.receive.bind(host)
    host.receive = (id, m, from) => {
      if (m.kind !== 'append') receive(id, m, from)
    }
    const group = cluster.group(leader)
    for (let n = 0; n < 300; n++) {
      group.propose(Buffer.from(String(n)), group.term)
      await cluster.time.advance(10)
    }
    expect(group.log.firstIndex()).toBeLessThanOrEqual(needed)
    host.receive = receive
    await caughtUp(slow)
  })
})

describe('snapshots', () => {
  test('bring back a follower whose entries are gone', async () => {
    await start()
    const { id, left } = await leftBehind()
    await cluster.boot(id, left)
    await caughtUp(id)
    expect(cluster.bulksOpened).toBeGreaterThan(0)
    expect(cluster.machine(id).told.some((told) => told.startsWith('restored'))).toBe(true)
    await writeMany(70, 75)
    // And it survives its own crash, with nothing but what was synced.
    const again = cluster.kill(id, 'power-loss')
    await cluster.boot(id, again)
    await writeMany(75, 76)
    expect(await texts(id)).toHaveLength(76)
  })

  test('under writes, a stream that breaks is sent again', async () => {
    await start()
    const { id, left } = await leftBehind()
    cluster.breakBulkAfter = 0
    await cluster.boot(id, left)
    await cluster.time.until(() => cluster.bulksOpened > 1, 'a second try')
    expect(cluster.machine(id).told.some((told) => told.startsWith('restored'))).toBe(false)
    cluster.breakBulkAfter = Infinity
    const leader = cluster.group((await cluster.elected()).id)
    for (let n = 0; n < 20; n++) {
      leader.propose(Buffer.from(`meanwhile ${n}`), leader.term)
      await cluster.time.advance(10)
    }
    await caughtUp(id)
  })

  test('nobody looks at rows while they are exchanged', async () => {
    await start()
    const { id, left } = await leftBehind()
    let goOn = (): void => {}
    const gate = new Promise<void>((resolve) => (goOn = resolve))
    const deleteRange = left.store.deleteRange.bind(left.store)
    let isExchanging = false
    left.store.deleteRange = async (range) => {
      await deleteRange(range)
      isExchanging ||= range.gte[0] === 0
      if (isExchanging) await gate
    }
    const { host } = await cluster.boot(id, left)
    await cluster.time.until(() => isExchanging, 'the exchange')
    const look = (): Promise<boolean | null> => cluster.time.passWhile(host.exactly(1, () => true))
    expect(await look()).toBe(null)
    goOn()
    await caughtUp(id)
    expect(await look()).toBe(true)
  })

  test.each(['kill', 'power-loss'] as const)(
    'store and log agree after a crash at any point of the exchange (%s)',
    async (after) => {
      for (let at = 1; at <= 9; at++) {
        await start()
        const { id, left } = await leftBehind()
        const { store } = await cluster.boot(id, left)
        crashAfter(store, at)
        await cluster.time.advance(600)
        const rest = cluster.kill(id, after)
        await cluster.boot(id, rest)
        await writeMany(70, 72)
        await caughtUp(id)
        expect(await texts(id)).toHaveLength(72)
        expect(cluster.fatal).toEqual([])
        cluster.stop()
      }
      const reached = marks.get('group: the exchange of rows was completed at a start') ?? 0
      expect(reached).toBeGreaterThan(1)
    },
  )

  test('GROUP-2: rows may be ahead of what the core has handed out, twice in a row', async () => {
    await start()
    await writeMany(0, 3)
    const { id: leader } = await cluster.elected()
    const id = leader === 1 ? 2 : 1
    const group = cluster.group(id)
    const { applied } = group.status()
    // The message came in a term that was over by then, so the core does not know.
    for (const ahead of [5, 9]) {
      group.installed(applied + ahead, () => {})
      expect([group.appliedIndex, group.status().applied]).toEqual([applied + ahead, applied])
    }
    cluster.kill(id)
  })

  test('GROUP-8: finishing an exchange twice is finishing it once', async () => {
    await start()
    const { id, left } = await leftBehind()
    const node = await cluster.boot(id, left)
    await caughtUp(id)
    const rows = await node.store.range(groupRange(1))
    const rest = cluster.kill(id)
    await Promise.all([finishInstalls(rest.log, rest.store), cluster.time.advance(10)])
    await Promise.all([finishInstalls(rest.log, rest.store), cluster.time.advance(10)])
    expect(await rest.store.range(groupRange(1))).toEqual(rows)
    await cluster.boot(id, rest)
    await caughtUp(id)
  })
})

describe('members', () => {
  test('GROUP-4: rows of a snapshot bring its members, also where the log holds the entries already', async () => {
    await start()
    const { log, store } = cluster.kill(1)
    const four = {
      voters: [1, 2, 3],
      outgoing: [],
      learners: [4],
      learnersNext: [],
      autoLeave: false,
    }
    const empty = { hardState: null, entries: [], snapshot: null, conf: null }
    const { index: before } = log.group(9).marker
    const data = new Uint8Array(0)
    const entries = [1, 2, 3].map((n) => ({
      index: before + n,
      term: 1,
      kind: n === 2 ? ('conf-change' as const) : ('normal' as const),
      data,
    }))
    const hardState = { term: 1, vote: 0, commit: before }
    log.append(9, { ...empty, hardState, entries }, true, () => {})
    // Crashed when the rows were durable and the change, which the core had applied, was not.
    await markStaged(store, 9, { index: before + 3, term: 1, conf: four })
    await cluster.time.passWhile(finishInstalls(log, store))
    expect(log.group(9).confAt(before + 3)).toEqual(four)
    expect(log.group(9).lastIndex()).toBe(before + 3)
    // Members of a later index are not taken back.
    const conf = { index: before + 3, conf: { ...four, learners: [5] } }
    log.append(9, { ...empty, conf }, true, () => {})
    await markStaged(store, 9, { index: before + 3, term: 1, conf: four })
    await cluster.time.passWhile(finishInstalls(log, store))
    expect(log.group(9).confAt(before + 3).learners).toEqual([5])
  })

  const step = (...steps: ConfChange['steps'][number][]): ConfChange => ({
    transition: 'auto',
    steps,
    context: new Uint8Array(0),
  })

  async function change(what: ConfChange): Promise<void> {
    const { id } = await cluster.elected()
    const proposed = cluster.group(id).proposeConfChange(what)
    if (proposed.error !== undefined) throw new Error(proposed.error)
    await cluster.time.until(() => cluster.group(id).appliedIndex >= proposed.index, 'the change')
  }

  test('a learner starts empty, gets a snapshot, and becomes a voter; the change survives a restart', async () => {
    await start({ nodes: 4, voters: [1, 2, 3] })
    cluster.kill(4)
    await writeMany(0, 60)
    await cluster.time.advance(1_000)
    await cluster.boot(4)
    await change(step({ kind: 'add-learner', id: 4 }))
    await caughtUp(4)
    await change(step({ kind: 'add-voter', id: 4 }))
    const first = await cluster.elected()
    const gone = first.id === 1 ? 2 : 1
    await change(step({ kind: 'remove', id: gone }))
    cluster.kill(gone)
    const voters = [1, 2, 3, 4].filter((node) => node !== gone)
    await writeMany(60, 62)
    for (const id of voters) {
      const left = cluster.kill(id, 'power-loss')
      await cluster.boot(id, left)
      await cluster.elected()
    }
    await writeMany(62, 64)
    for (const id of voters) {
      expect(cluster.group(id).status().config.voters).toEqual(voters)
      expect(await texts(id)).toHaveLength(64)
    }
  })

  test('GROUP-4: the machine is never ahead of the members on disk', async () => {
    await start({ nodes: 4, voters: [1, 2, 3], syncMs: 20 })
    cluster.kill(4)
    await writeMany(0, 3)
    const { id } = await cluster.elected()
    const { log } = cluster.node(id)
    const machine = cluster.machine(id)
    const seen: number[] = []
    const committed = machine.committed.bind(machine)
    machine.committed = (entries) => {
      for (const { kind, index } of entries) {
        if (kind !== 'conf-change') continue
        // What a crash at this very moment would leave.
        seen.push(...(log as MemoryLog).image().group(1).confAt(index).learners)
      }
      committed(entries)
    }
    const proposed = cluster.group(id).proposeConfChange(step({ kind: 'add-learner', id: 4 }))
    const index = 'index' in proposed ? proposed.index : 0
    await cluster.time.until(() => machine.applied() >= index, 'the change')
    expect(seen).toEqual([4])
    const left = cluster.kill(id, 'kill')
    expect(left.log.group(1).confAt(index).learners).toEqual([4])
    await cluster.boot(id, left)
    await cluster.elected()
    expect(cluster.group(id).status().config.learners).toEqual([4])
  })
})
