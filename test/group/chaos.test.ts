import { expect, test } from 'vitest'
import { Cluster } from './cluster.ts'
import { Truth } from './truth.ts'
import { seeded } from './virtual-time.ts'

const groups = [0, 1, 2]

async function run(seed: number): Promise<number> {
  const random = seeded(seed)
  const nodes = random.below(2) === 0 ? 3 : 5
  const compactEvery = [10, 40, 1000][random.below(3)] as number
  const syncMs = [0, 2, 15][random.below(3)] as number
  const cluster = await Cluster.start({ nodes, groups, seed, syncMs, group: { compactEvery } })
  const truth = new Truth()
  for (const node of cluster.nodes.values()) truth.watch(node)
  const ids = [...cluster.nodes.keys()]
  let written = 0
  for (let move = 0; move < 60; move++) {
    const id = ids[random.below(ids.length)] as number
    const dice = random.below(10)
    if (dice < 2) {
      const after = random.below(2) === 0 ? 'kill' : 'power-loss'
      const left = cluster.kill(id, after, random.below(4))
      if (random.below(2) === 0) await cluster.linkDown(id)
      await cluster.time.advance(random.below(1_500))
      truth.watch(await cluster.boot(id, left))
    } else if (dice === 2) cluster.isolate(id)
    else if (dice === 3) cluster.cut.add(`${id}>${ids[random.below(ids.length)]}`)
    else if (dice < 6) cluster.heal()
    else if (dice === 6) {
      const group = cluster.group(id, random.below(3))
      group.transferLeader(ids[random.below(ids.length)] as number)
    }
    cluster.breakBulkAfter = random.below(3) === 0 ? 0 : Infinity
    for (let n = 0; n < 25; n++) {
      const node = cluster.node(ids[random.below(ids.length)] as number)
      const group = node.host.get(random.below(3))
      if (group?.isLeader === true) {
        const proposed = group.propose(Buffer.from(`${seed}.${written}`), group.term)
        if (proposed.error === undefined) written++
      }
      await cluster.time.advance(random.below(12))
    }
  }
  cluster.heal()
  cluster.breakBulkAfter = Infinity
  await cluster.time.advance(3_000)
  for (const group of groups) {
    await cluster.write('the last', group)
    const wanted = truth.list(group)
    for (const node of cluster.nodes.values()) {
      expect(await cluster.machine(node.id, group).texts()).toEqual(wanted)
    }
  }
  expect(cluster.fatal).toEqual([])
  cluster.stop()
  return written
}

test.each([1, 2, 3, 4, 5])(
  'seed %i: crashes, losses of power, cut links, moved leaders: one list everywhere, nothing committed is lost',
  async (seed) => {
    expect(await run(seed)).toBeGreaterThan(50)
  },
)
