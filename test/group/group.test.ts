import { afterEach, describe, expect, test } from 'vitest'
import { message } from '../../src/raft/message.ts'
import type { MemoryLog } from '../../src/store/memory-log.ts'
import { Cluster } from './cluster.ts'
import type { ClusterOptions } from './cluster.ts'

let cluster: Cluster
const start = async (options?: ClusterOptions): Promise<Cluster> =>
  (cluster = await Cluster.start(options))

afterEach(() => {
  cluster.stop()
  expect(cluster.fatal).toEqual([])
})

const asText = (n: number): string => `message ${n}`
const texts = (id: number, group = 1): Promise<string[]> => cluster.machine(id, group).texts()

describe('three nodes', () => {
  test('elect, replicate, and apply the same everywhere', async () => {
    await start()
    for (let n = 0; n < 20; n++) await cluster.write(asText(n))
    const wanted = Array.from({ length: 20 }, (_, n) => asText(n))
    for (const id of [1, 2, 3]) expect(await texts(id)).toEqual(wanted)
    const terms = [1, 2, 3].map((id) => cluster.group(id).term)
    expect(new Set(terms).size).toBe(1)
  })

  test('GROUP-2: the machine is given every index, also the one that the log starts behind', async () => {
    await start()
    await cluster.write('first')
    expect(await cluster.machine(1).list()).toEqual(['3=first']) // 1: the start, 2: the term
    expect(cluster.machine(1).applied()).toBe(3)
  })

  test('a killed leader is followed by another at once, and comes back', async () => {
    await start()
    await cluster.write('before')
    const old = (await cluster.elected()).id
    const left = cluster.kill(old)
    const died = cluster.time.monotonic()
    await cluster.linkDown(old)
    await cluster.elected()
    expect(cluster.time.monotonic() - died).toBeLessThan(400)
    await cluster.write('meanwhile')
    await cluster.boot(old, left)
    await cluster.write('after')
    for (const id of [1, 2, 3]) expect(await texts(id)).toEqual(['before', 'meanwhile', 'after'])
  })

  test('a leader that only falls silent is followed within two election timeouts', async () => {
    await start()
    const old = (await cluster.elected()).id
    cluster.isolate(old)
    await cluster.time.until(
      () => cluster.leader()?.id !== old && cluster.leader() !== null,
      'another leader',
    )
    const heir = cluster.leader()?.id
    await cluster.time.until(() => !cluster.group(old).isLeader, 'the old one gave up')
    expect(cluster.machine(old).told.at(-1)).toMatch(/^follow/)
    cluster.heal()
    await cluster.write('together again')
    expect(cluster.leader()?.id).toBe(heir)
    expect(await texts(old)).toEqual(['together again'])
  })

  test('a crash of all at once keeps what was answered', async () => {
    await start({ syncMs: 3 })
    for (let n = 0; n < 5; n++) await cluster.write(asText(n))
    const leader = await cluster.elected()
    const group = cluster.group(leader.id)
    for (let n = 5; n < 9; n++) group.propose(Buffer.from(asText(n)), group.term)
    await cluster.time.advance(2) // sent, and on nobody's disk
    const left = [1, 2, 3].map((id) => [id, cluster.kill(id, 'power-loss')] as const)
    for (const [id, rest] of left) await cluster.boot(id, rest)
    await cluster.write('again')
    const wanted = [...Array.from({ length: 5 }, (_, n) => asText(n)), 'again']
    for (const id of [1, 2, 3]) expect(await texts(id)).toEqual(wanted)
  })
})

describe('terms', () => {
  test('GROUP-3: a proposal of another term than the one led is refused', async () => {
    await start()
    const { id } = await cluster.elected()
    const group = cluster.group(id)
    const data = Buffer.from('x')
    expect(group.propose(data, group.term - 1)).toEqual({ error: 'not-leader' })
    expect(group.propose(data, group.term + 1)).toEqual({ error: 'not-leader' })
    expect(group.propose(data, group.term)).toMatchObject({ term: group.term })
    const follower = [1, 2, 3].find((other) => other !== id) as number
    expect(cluster.group(follower).propose(data, group.term)).toEqual({ error: 'not-leader' })
  })

  test('lead comes after everything of earlier terms is applied here', async () => {
    await start()
    const { id } = await cluster.elected()
    await cluster.write('one')
    const heir = [1, 2, 3].find((other) => other !== id) as number
    let wake = (): void => {}
    const machine = cluster.machine(heir)
    machine.slow = new Promise((resolve) => (wake = resolve))
    cluster.group(id).propose(Buffer.from('two'), cluster.group(id).term)
    await cluster.time.advance(300)
    cluster.group(id).transferLeader(heir)
    await cluster.time.until(() => cluster.group(heir).isLeader, 'the transfer')
    await cluster.time.advance(300)
    expect(machine.told.at(-1)).toMatch(/^follow/)
    machine.slow = null
    wake()
    await cluster.time.until(() => machine.told.at(-1)?.startsWith('lead') === true, 'lead is told')
    expect(await machine.texts()).toEqual(['one', 'two'])
    expect(cluster.machine(id).told.at(-1)).toMatch(/^follow/)
  })
})

describe('reads', () => {
  test('are confirmed, and see what was applied', async () => {
    await start()
    await cluster.write('x')
    const { id } = await cluster.elected()
    for (const reader of [1, 2, 3]) {
      let index: number | null | undefined
      cluster.group(reader).readIndex((at) => (index = at))
      await cluster.time.until(() => index !== undefined, `a read at ${reader}`)
      expect(index).toBe(cluster.machine(id).applied())
      expect(cluster.machine(reader).applied()).toBeGreaterThanOrEqual(index as number)
    }
  })

  test('of one turn share one round', async () => {
    await start()
    await cluster.write('x')
    const { id } = await cluster.elected()
    await cluster.time.advance(45)
    cluster.frames.length = 0
    const answers: (number | null)[] = []
    for (let n = 0; n < 1000; n++) cluster.group(id).readIndex((at) => answers.push(at))
    await cluster.time.until(() => answers.length === 1000, 'all reads')
    expect(answers.every((at) => at !== null)).toBe(true)
    expect(cluster.frames.filter((frame) => frame.startsWith(`${id}>`)).length).toBeLessThan(10)
  })

  test('GROUP-9: a cut-off leader confirms none', async () => {
    await start()
    const { id } = await cluster.elected()
    cluster.isolate(id)
    const answers: (number | null)[] = []
    cluster.group(id).readIndex((at) => answers.push(at))
    await cluster.time.until(() => answers.length === 1, 'an answer')
    expect(answers).toEqual([null])
    cluster.group(id).readIndex((at) => answers.push(at))
    await cluster.time.until(() => answers.length === 2, 'an answer')
    expect(answers).toEqual([null, null])
    cluster.heal()
  })
})

describe('many groups', () => {
  const groups = Array.from({ length: 65 }, (_, id) => id)

  test('65 groups elect, spread, and exchange one frame of heartbeats per pair of nodes', async () => {
    await start({ groups })
    for (const id of groups) await cluster.elected(id)
    const led = [1, 2, 3].map(
      (node) => groups.filter((id) => cluster.leader(id)?.id === node).length,
    )
    expect(Math.min(...led)).toBeGreaterThan(5)
    await cluster.time.advance(1_000)
    cluster.frames.length = 0
    await cluster.time.advance(1_000)
    // 20 ticks, 6 directed pairs, asked and answered; and nothing else.
    expect(cluster.frames.length).toBeLessThanOrEqual(20 * 6 * 2)
  })

  test('a lost frame of heartbeats makes nobody stand', async () => {
    await start({ groups })
    for (const id of groups) await cluster.elected(id)
    await cluster.time.advance(500)
    const terms = groups.map((id) => cluster.group(1, id).term)
    for (const pair of ['1>2', '2>3', '3>1']) cluster.cut.add(pair)
    await cluster.time.advance(150)
    cluster.heal()
    await cluster.time.advance(2_000)
    expect(groups.map((id) => cluster.group(1, id).term)).toEqual(terms)
  })

  test('a stalled event loop is one tick, not many', async () => {
    await start({ groups })
    for (const id of groups) await cluster.elected(id)
    await cluster.time.advance(500)
    const leaders = groups.map((id) => cluster.leader(id)?.id)
    const terms = groups.map((id) => cluster.group(1, id).term)
    cluster.time.stall(5_000)
    await cluster.time.advance(2_000)
    expect(groups.map((id) => cluster.leader(id)?.id)).toEqual(leaders)
    expect(groups.map((id) => cluster.group(1, id).term)).toEqual(terms)
  })
})

describe('a hanging disk', () => {
  test('costs the leader its lead, although it goes on sending heartbeats', async () => {
    await start()
    await cluster.write('before')
    const { id, log } = await cluster.elected()
    ;(log as MemoryLog).stall(true)
    cluster.group(id).propose(Buffer.from('held'), cluster.group(id).term)
    await cluster.time.until(() => (cluster.leader()?.id ?? id) !== id, 'another leader', 2_500)
    const heir = cluster.leader()?.id as number
    const proposed = cluster.group(heir).propose(Buffer.from('goes on'), cluster.group(heir).term)
    const index = 'index' in proposed ? proposed.index : 0
    await cluster.time.until(() => cluster.machine(heir).applied() >= (index ?? 0), 'it is applied')
    expect(await texts(heir)).toEqual(['before', 'held', 'goes on'])
    ;(log as MemoryLog).stall(false)
    await cluster.write('all again')
    expect(await texts(id)).toEqual(['before', 'held', 'goes on', 'all again'])
  })
})

describe('a hanging disk under many groups', () => {
  test('costs those their lead as well that have nothing to write', async () => {
    const groups = Array.from({ length: 9 }, (_, id) => id)
    await start({ groups })
    for (const group of groups) await cluster.elected(group)
    const { id, log } = await cluster.elected(0)
    const led = (): number[] => groups.filter((group) => cluster.leader(group)?.id === id)
    await cluster.time.until(() => led().length > 1, 'several led by one node')
    ;(log as MemoryLog).stall(true)
    cluster.group(id, 0).propose(Buffer.from('held'), cluster.group(id, 0).term)
    await cluster.time.until(() => led().length === 0, 'others lead all of them', 3_500)
    ;(log as MemoryLog).stall(false)
  })
})

describe('one node', () => {
  test('leads alone, and answers only what is durable', async () => {
    await start({ nodes: 1, syncMs: 5 })
    await cluster.elected()
    const log = cluster.node(1).log as MemoryLog
    log.stall(true)
    const group = cluster.group(1)
    group.propose(Buffer.from('held'), group.term)
    await cluster.time.advance(500)
    expect(await texts(1)).toEqual([])
    log.stall(false)
    await cluster.time.until(() => cluster.machine(1).applied() >= 3, 'it is applied')
    expect(await texts(1)).toEqual(['held'])
  })
})

describe('mistakes of whoever wires it', () => {
  test('GROUP-6: a log that would be cut all the time; GROUP-7: a group opened twice', async () => {
    await expect(Cluster.start({ group: { compactEvery: 9 } })).rejects.toThrow('GROUP-6')
    await start({ nodes: 1 })
    await expect(cluster.open(cluster.node(1), 1)).rejects.toThrow('GROUP-7')
  })
})

describe('strangers', () => {
  test('messages for other groups, other nodes, or under another name are dropped', async () => {
    await start()
    const { id } = await cluster.elected()
    const { host } = cluster.node(id)
    const before = cluster.group(id).term
    const strange = { from: 2, to: id, term: 99 }
    host.receive(9, message('append', strange))
    host.receive(1, message('append', { ...strange, to: id + 1 }))
    host.receive(1, message('vote', { ...strange, from: id === 2 ? 3 : 2 }), 9)
    const meta = { index: 999, term: 99, conf: cluster.conf }
    const snapshot = { meta, data: new Uint8Array(0) }
    host.receive(1, message('snapshot', { ...strange, snapshot }))
    host.receive(1, message('storage-append-response', { ...strange, from: 2 }))
    await cluster.time.advance(100)
    expect(cluster.group(id).term).toBe(before)
  })
})
