import { expect, test } from 'vitest'
import type { Fault } from '../../jepsen-lite/nemesis/nemesis.ts'
import { forecast, Reach } from '../../jepsen-lite/nemesis/reach.ts'
import { shapeNemeses } from '../../jepsen-lite/nemesis/shape-nemeses.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import type { Roles } from '../../jepsen-lite/world/world.ts'
import { ToyWorld } from './toy-world.ts'

const topics = ['grp', 'grp1', 'grp22', 'grp333']

async function started(
  name: string,
  seed: number,
  world = new ToyWorld(5),
): Promise<{ world: ToyWorld; fault: Fault | undefined }> {
  const nemesis = shapeNemeses.find((one) => one.name === name)
  const context = { world, prng: new Prng(seed), stepMs: 1, topics: () => topics }
  return { world, fault: await nemesis?.start(context) }
}

/** Whom a node hears, itself included, as the links are now. */
function heard(world: ToyWorld, node: string): string[] {
  const bad = new Set(world.faulty)
  return world.nodes.filter(
    (to) => to === node || !(bad.has(`${node}→${to}`) || bad.has(`${to}→${node}`)),
  )
}

test.for([5, 6, 7])('majorities-ring of %i: each hears a majority, no two the same', async (n) => {
  for (let seed = 0; seed < 10; seed++) {
    const { world } = await started('majorities-ring', seed, new ToyWorld(n))
    const all = world.nodes.map((node) => heard(world, node))
    for (const some of all) {
      expect(some.length).toBeGreaterThan(n / 2)
      expect(some.length).toBeLessThan(n)
    }
    expect(new Set(all.map((some) => some.toSorted().join())).size).toBe(n)
  }
})

test('chain: two ends hear one other node, all others two, and all are connected', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const { world, fault } = await started('chain', seed)
    const sizes = world.nodes.map((node) => heard(world, node).length).toSorted((a, b) => a - b)
    expect(sizes).toEqual([2, 2, 3, 3, 3])
    expect(fault?.how?.['about']).toMatch(/^n\d( – n\d){4}$/)
    // Of all threes of five in a row, one has no two neighbours.
    expect(fault).toMatchObject({ scope: 'majority', how: { lost: [expect.stringMatching(/^p/)] } })
  }
})

test('meta-cut: either meta has no majority and partitions have one, or the other way round', async () => {
  const lost = new Set<string>()
  for (let seed = 0; seed < 20; seed++) {
    const { world, fault } = await started('meta-cut', seed)
    const groups = fault?.how?.['lost'] as string[]
    const { groups: now, metaLeader } = await world.roles()
    for (const group of groups) expect(now.get(group)?.leader).toBeUndefined()
    if (groups.includes('meta')) {
      lost.add('meta')
      // Sides of two, two and one: six of ten threes have two on one side.
      expect(groups).toHaveLength(5)
      expect(Object.keys(fault?.how?.['serves'] as object).length).toBeGreaterThan(0)
    } else {
      lost.add('partition')
      expect(groups).toHaveLength(1)
      expect(now.get('meta')?.leader).toBeDefined()
      expect(metaLeader).toBeDefined()
    }
    expect(await fault?.effect()).toMatch(groups.includes('meta') ? /^meta, p/ : /^p\d+ without/)
    await fault?.stop()
    expect(world.faulty).toEqual([])
  }
  expect(lost).toEqual(new Set(['meta', 'partition']))
})

test('with fewer than five nodes that are not out, only a bridge is possible', async () => {
  const { fault } = await started('bridge', 1, new ToyWorld(3))
  expect(fault?.how?.['lost']).toEqual([])
  for (const { name } of shapeNemeses) {
    if (name === 'bridge') continue
    expect((await started(name, 1, new ToyWorld(3))).fault).toBeUndefined()
    const world = new ToyWorld(5)
    await world.giveUp('n2')
    expect((await started(name, 1, world)).fault).toBeUndefined()
  }
})

test('a group that leads without a majority, or has one and no leader, is a finding', async () => {
  class Stubborn extends ToyWorld {
    led: Roles['groups'] = new Map()

    override async roles(): Promise<Roles> {
      const roles = await super.roles()
      return this.led.size === 0 ? roles : { ...roles, groups: this.led }
    }
  }
  const complaintAt = async (change: (groups: Roles['groups']) => Roles['groups']) => {
    const world = new Stubborn(5)
    const { groups } = await world.roles()
    const nemesis = shapeNemeses.find(({ name }) => name === 'majorities-ring')
    const context = { world, prng: new Prng(1), stepMs: 1, topics: () => topics }
    const fault = await nemesis?.start(context)
    world.led = change(groups)
    return { complaint: await fault?.complaint?.(), world }
  }
  const silent = await complaintAt((groups) => {
    const { voters = [] } = groups.get('meta') ?? {}
    return new Map([['meta', { voters, leader: undefined }]])
  })
  expect(silent.complaint?.says).toMatch(/may lead meta, and nobody does/)
  const moved = await complaintAt(() => new Map([['p1', { voters: ['n1'], leader: undefined }]]))
  expect(moved.complaint).toBeUndefined()
})

test('who may lead, and where it must be served', () => {
  const nodes = ['a', 'b', 'c', 'd', 'e']
  const chain = new Reach(nodes, [
    ['a', 'c'],
    ['a', 'd'],
    ['a', 'e'],
    ['b', 'd'],
    ['b', 'e'],
    ['c', 'e'],
  ])
  const groups = new Map(
    Object.entries({ meta: nodes, p1: ['a', 'b', 'c'], p2: ['a', 'b', 'd'], p3: ['a', 'c', 'e'] }),
  )
  expect(chain.canLead(nodes)).toEqual(['b', 'c', 'd'])
  const voters = new Map([...groups].map(([group, names]) => [group, { voters: names }]))
  expect(forecast(voters, chain)).toEqual({
    lost: ['p3'],
    // p1 may be led by any of its three, whom only b hears; p2 by a or b.
    kept: { p1: ['b'], p2: ['a', 'b'] },
  })
})
