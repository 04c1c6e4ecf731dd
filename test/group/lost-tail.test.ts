import { afterEach, describe, expect, test } from 'vitest'
import { marks } from '../../src/assert.ts'
import { acceptLoss } from '../../src/group/accept-loss.ts'
import { isBehindFence } from '../../src/group/lost-tail.ts'
import type { MemoryLog } from '../../src/store/memory-log.ts'
import { Cluster } from './cluster.ts'
import type { ClusterOptions } from './cluster.ts'
import { ListMachine } from './list-machine.ts'
import { Truth } from './truth.ts'
import { seeded } from './virtual-time.ts'

let cluster: Cluster
const start = async (options: ClusterOptions = {}): Promise<Cluster> =>
  (cluster = await Cluster.start({ losable: 1_000, ...options }))

afterEach(() => {
  cluster.stop()
  expect(cluster.fatal).toEqual([])
})

const texts = (id: number): Promise<string[]> => cluster.machine(id).texts()
const votesAgain = (id: number): Promise<void> =>
  cluster.time.until(() => !cluster.group(id).isMuted, `node ${id} votes again`)

/** A leader and a follower hold the newest entry, the third member does not; the follower's log forgets it. */
async function forgotten(
  after: 'kill' | 'power-loss',
  lost: number,
): Promise<{ leader: number; forgetful: number; other: number }> {
  for (let n = 0; n < 5; n++) await cluster.write(`entry ${n}`)
  const { id: leader } = await cluster.elected()
  const [forgetful = 0, other = 0] = [1, 2, 3].filter((id) => id !== leader)
  cluster.cut.add(`${leader}>${other}`)
  const group = cluster.group(leader)
  const proposed = group.propose(Buffer.from('acknowledged'), group.term)
  const index = 'index' in proposed ? (proposed.index ?? 0) : 0
  await cluster.time.until(() => cluster.machine(leader).applied() >= index, 'it is committed')
  const left = cluster.kill(forgetful, after, 0, lost)
  const rest = cluster.kill(leader)
  cluster.heal()
  await cluster.boot(forgetful, left)
  // Two of three, and the third held an entry that neither has: nobody may lead.
  await cluster.time.advance(8_000)
  expect(cluster.leader()).toBeNull()
  expect(cluster.group(forgetful).isMuted).toBe(true)
  await cluster.boot(leader, rest)
  return { leader, forgetful, other }
}

describe('a node that lost acknowledged records', () => {
  test.each([
    ['its newest records', 'kill', 3],
    ['its newest records and the rows of them', 'power-loss', 3],
    ['its whole log', 'kill', 1_000],
    ['everything', 'power-loss', 1_000],
  ] as const)('GROUP-10, GROUP-11: %s: no vote before it is refilled', async (_, after, lost) => {
    await start()
    const { leader, forgetful, other } = await forgotten(after, lost)
    await votesAgain(forgetful)
    await cluster.write('goes on')
    expect(await texts(forgetful)).toEqual(await texts(leader))
    await cluster.time.until(() => !cluster.node(forgetful).log.lostTail, 'noted as made good')
    // Its vote counts again.
    cluster.kill(leader)
    await cluster.write('without the third')
    expect(await texts(other)).toEqual(await texts(forgetful))
    expect(await texts(other)).toContain('acknowledged')
    expect(marks.get('group: rows that a shortened log does not prove were dropped')).toBeDefined()
  })

  test('a restart before it is refilled changes nothing, one behind it votes at once', async () => {
    await start()
    const { leader, forgetful } = await forgotten('kill', 3)
    const again = cluster.kill(forgetful, 'power-loss')
    expect(again.log.lostTail).toBe(true)
    await cluster.boot(forgetful, again)
    await votesAgain(forgetful)
    await cluster.boot(forgetful, cluster.kill(forgetful, 'power-loss'))
    expect(cluster.group(forgetful).isMuted).toBe(false)
    cluster.kill(leader)
    await cluster.write('without the third')
    expect(await texts(forgetful)).toContain('acknowledged')
  })

  test('a group that is opened only after the loss was made good does not vote either', async () => {
    await start({ groups: [1, 2] })
    await cluster.write('one', 1)
    await cluster.write('two', 2)
    const { id: leader } = await cluster.elected(2)
    const [forgetful = 0, other = 0] = [1, 2, 3].filter((id) => id !== leader)
    const left = cluster.kill(forgetful, 'power-loss', 0, 1_000)
    const node = await cluster.boot(forgetful, left)
    node.host.close(2)
    await votesAgain(forgetful)
    await cluster.time.advance(1_000)
    cluster.kill(leader)
    cluster.isolate(forgetful)
    await cluster.open(node, 2)
    expect(cluster.group(forgetful, 2).isMuted).toBe(true)
    cluster.heal()
    await cluster.time.advance(5_000)
    expect(cluster.leader(2)).toBeNull()
    expect(cluster.group(other, 2).appliedIndex).toBeGreaterThan(1)
  })
})

describe('a node that is alone', () => {
  test.each([3, 1_000])(
    'cannot be refilled: it says so, and goes on only when told (%i lost)',
    async (lost) => {
      await start({ nodes: 1 })
      for (let n = 0; n < 5; n++) await cluster.write(`entry ${n}`)
      const left = cluster.kill(1, 'kill', 0, lost)
      await expect(cluster.boot(1, left)).rejects.toThrow('no other node has a copy')
      const { log, store } = cluster.kill(1)
      expect(await store.range({ gte: new Uint8Array(2), lt: Uint8Array.of(255) })).not.toEqual([])
      const applied = (id: number) => ListMachine.appliedOf(id, store)
      const accepting = acceptLoss({ log, self: 1, groups: [1, 2], isAlone: true, applied })
      await cluster.time.advance(100)
      // What the rows have beyond the log is kept as well.
      expect(await accepting).toEqual([
        { group: 1, keptTo: 7 },
        { group: 2, keptTo: 0 },
      ])
      expect([log.lostTail, isBehindFence(log.group(1), log.fence)]).toEqual([false, false])
      await cluster.boot(1, { log: (log as MemoryLog).crash(), store })
      await cluster.write('goes on')
      expect(await texts(1)).toHaveLength(6)
    },
  )
})

/** Losses of up to a minority at a time, votes and all, while leaders die and links break. */
async function run(seed: number): Promise<number> {
  const random = seeded(seed)
  const nodes = random.below(3) === 0 ? 5 : 3
  const compactEvery = [10, 1000][random.below(2)] as number
  const syncMs = [0, 2, 15][random.below(3)] as number
  await start({ nodes, seed, syncMs, group: { compactEvery } })
  const truth = new Truth()
  for (const node of cluster.nodes.values()) truth.watch(node)
  const ids = [...cluster.nodes.keys()]
  const anyone = (): number => ids[random.below(ids.length)] as number
  let written = 0
  for (let move = 0; move < 14; move++) {
    const lossy = [...cluster.nodes.values()].filter(({ log }) => log.lostTail).length
    const victim = anyone()
    const mayLose = lossy < (nodes - 1) / 2 || cluster.node(victim).log.lostTail
    const lost = mayLose ? 1 + random.below(random.below(2) === 0 ? 3 : 40) : 0
    const killed = [victim, ...(random.below(2) === 0 ? [anyone()] : [])]
    const lefts = [...new Set(killed)].map((id) => {
      const after = random.below(2) === 0 ? 'kill' : 'power-loss'
      return [id, cluster.kill(id, after, random.below(4), id === victim ? lost : 0)] as const
    })
    if (random.below(2) === 0) await cluster.linkDown(victim)
    for (const [id, left] of lefts) {
      await cluster.time.advance(random.below(random.below(3) === 0 ? 1_500 : 20))
      truth.watch(await cluster.boot(id, left))
    }
    const dice = random.below(6)
    if (dice === 0) cluster.isolate(anyone())
    else if (dice === 1) cluster.cut.add(`${anyone()}>${anyone()}`)
    else if (dice > 3) cluster.heal()
    for (let n = 0; n < 12; n++) {
      for (const { host } of cluster.nodes.values()) {
        const group = host.get(1)
        if (group?.isLeader !== true) continue
        if (group.propose(Buffer.from(`${seed}.${written}`), group.term).error === undefined)
          written++
      }
      await cluster.time.advance(random.below(random.below(4) === 0 ? 200 : 10))
      truth.look(cluster.nodes.values())
    }
  }
  cluster.heal()
  await cluster.time.until(() => cluster.up.every(({ log }) => !log.lostTail), `seed ${seed}`)
  await cluster.write('the last')
  for (const { id } of cluster.nodes.values()) expect(await texts(id)).toEqual(truth.list(1))
  expect(cluster.fatal).toEqual([])
  return truth.list(1).length
}

describe('seeds', () => {
  const chunk = 25
  test.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'no. %i: nothing committed is lost, one leader a term',
    async (n) => {
      let written = 0
      for (let seed = n * chunk + 1; seed <= (n + 1) * chunk; seed++) {
        if (seed > n * chunk + 1) cluster.stop()
        written += await run(seed)
      }
      expect(written).toBeGreaterThan(5 * chunk)
    },
  )
})
