import { expect, test } from 'vitest'
import { faultBands } from '../../jepsen-lite/checker/fault-bands.ts'
import { HistoryWriter } from '../../jepsen-lite/history.ts'
import type { Complaint, Fault, Nemesis } from '../../jepsen-lite/nemesis/nemesis.ts'
import { nemeses } from '../../jepsen-lite/nemesis/registry.ts'
import { Schedule } from '../../jepsen-lite/nemesis/schedule.ts'
import { History } from '../../jepsen-lite/operations.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { sleep } from '../../jepsen-lite/sleep.ts'
import { BusyLoad } from './busy-load.ts'
import { ToyWorld } from './toy-world.ts'

/** Nodes that are out stay so; everything else works. */
function isWell(world: ToyWorld): boolean {
  const down = [...world.down].filter((node) => !world.out.has(node))
  const disks = [...world.disks.values()].every(({ orders }) => Object.keys(orders).length === 0)
  const clocks = [...world.clocks.values()].every(({ offset, rate }) => offset === 0 && rate === 1)
  return down.length + world.paused.size + world.faulty.length === 0 && disks && clocks
}

async function seen(fault: Fault): Promise<string | undefined> {
  for (let i = 0; i < 100; i++) {
    const what = await fault.effect()
    if (what !== undefined) return what
    await sleep(1)
  }
  return undefined
}

test.for(nemeses.map((nemesis) => [nemesis.name, nemesis] as const))(
  '%s: hits, tells its effect, and ends what it began',
  async ([, nemesis]) => {
    for (let seed = 0; seed < 20; seed++) {
      const world = new ToyWorld(5)
      const load = new BusyLoad()
      const fault = await nemesis.start({ world, prng: new Prng(seed), load, stepMs: 1 })
      if (!fault) throw new Error('nothing was hit')
      await fault.carryOut?.()
      if (fault.optional !== true) {
        expect(fault.targets.length).toBeGreaterThan(0)
        expect(await seen(fault)).toBeTypeOf('string')
      }
      expect(await fault.complaint?.()).toBeUndefined()
      await fault.stop()
      expect(isWell(world)).toBe(true)
    }
  },
)

async function cutLinks(name: string, seed: number): Promise<ToyWorld> {
  const world = new ToyWorld(5)
  await nemeses
    .find((nemesis) => nemesis.name === name)
    ?.start({ world, prng: new Prng(seed), stepMs: 1 })
  return world
}

/** Nodes that `from` reaches over links without a fault in both directions, itself included. */
function reached(world: ToyWorld, from: string): string[] {
  const bad = new Set(world.faulty)
  return world.nodes.filter(
    (to) => to === from || !(bad.has(`${from}→${to}`) || bad.has(`${to}→${from}`)),
  )
}

test('shapes of partitions among five nodes', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const sizes = async (name: string): Promise<number[]> => {
      const world = await cutLinks(name, seed)
      return world.nodes.map((node) => reached(world, node).length).sort((a, b) => a - b)
    }
    expect(await sizes('isolate')).toEqual([1, 4, 4, 4, 4])
    expect(await sizes('partition')).toEqual([2, 2, 3, 3, 3])
    expect(await sizes('bridge')).toEqual([3, 3, 3, 3, 5])
    expect((await cutLinks('one-way', seed)).faulty).toHaveLength(4)
    expect((await cutLinks('client-cut', seed)).faulty).toEqual([
      expect.stringMatching(/^client→n\d$/),
    ])
  }
})

test('faults of client links hit a node that clients are connected to', async () => {
  for (const name of ['client-cut', 'slow-clients'])
    for (let seed = 0; seed < 20; seed++) {
      const world = new ToyWorld(5)
      const link = world.clientLink('n4')
      if (link) link.openConnections = 1
      const nemesis = nemeses.find((one) => one.name === name)
      const fault = await nemesis?.start({ world, prng: new Prng(seed), stepMs: 1 })
      expect(fault?.targets).toEqual(['n4'])
    }
})

test('a stall that is over before the asker gives up shows in a late answer', async () => {
  const world = new ToyWorld(3)
  const isReady = world.isReady.bind(world)
  world.isReady = async (node) => {
    while (!(await isReady(node))) await sleep(1)
    return true
  }
  const nemesis = nemeses.find(({ name }) => name === 'stall')
  const fault = await nemesis?.start({ world, prng: new Prng(1), stepMs: 100 })
  expect(await fault?.effect()).toMatch(/mute for \d+ ms/)
})

test('a schedule logs start, effect and end of every fault, and leaves the world well', async () => {
  const world = new ToyWorld(3)
  const history = new HistoryWriter()
  const schedule = new Schedule({
    world,
    nemeses,
    history,
    prng: new Prng(7),
    quietMs: 5,
    faultMs: [5, 20],
    restMs: [1, 5],
    stepMs: 1,
  })
  await schedule.run(performance.now() + 400)
  expect(isWell(world)).toBe(true)
  const bands = new History(history.ops).derived(faultBands)
  expect(bands.length).toBeGreaterThan(4)
  for (const { effects, optional, to } of bands)
    expect([optional || effects.length === 1, to < Infinity]).toEqual([true, true])
  expect(history.ops.at(-1)).toMatchObject({ f: 'heal', key: 'all' })
})

function bare(name: string, more: Partial<Nemesis> = {}, fault: Partial<Fault> = {}): Nemesis {
  return {
    name,
    says: name,
    needs: [],
    start: async () => ({
      targets: ['n1'],
      scope: 'minority',
      effect: async () => 'hit',
      stop: async () => undefined,
      ...fault,
    }),
    ...more,
  }
}

async function played(chosen: readonly Nemesis[], ms: number): Promise<HistoryWriter> {
  const history = new HistoryWriter()
  const pace = { quietMs: 1, faultMs: [5, 6], restMs: [1, 2], stepMs: 1 } as const
  const [world, prng] = [new ToyWorld(3), new Prng(7)]
  await new Schedule({ world, nemeses: chosen, history, prng, ...pace }).run(performance.now() + ms)
  return history
}

test('each fault comes once before any comes twice; what found no turn is told', async () => {
  const never = bare('never', { start: async () => undefined })
  const long = bare('long', { lastsMs: 60_000 })
  const { ops } = await played([bare('a'), bare('b'), bare('c'), never, long], 200)
  const starts = ops.filter(({ f }) => f === 'start').map(({ key }) => key)
  expect(new Set(starts.slice(0, 3))).toEqual(new Set(['a', 'b', 'c']))
  expect(new Set(starts.slice(3, 6))).toEqual(new Set(['a', 'b', 'c']))
  const skips = ops.filter(({ f }) => f === 'skip').map(({ key }) => key)
  expect(new Set(skips)).toEqual(new Set(['long', 'never']))
})

test('what a node did that it must not do is a finding', async () => {
  const complaint = async (): Promise<Complaint> => ({ node: 'n2', says: 'n2 goes on' })
  const { ops } = await played([bare('bad', {}, { complaint })], 50)
  expect(ops.find(({ f }) => f === 'log')).toMatchObject({
    process: 'observer',
    node: 'n2',
    value: { line: 'n2 goes on' },
  })
})

test('the steps of a fault come after its start, and a large one ends when all serve again', async () => {
  const order: string[] = []
  const carryOut = async (): Promise<void> => void order.push('carried out')
  const { ops } = await played([bare('big', {}, { scope: 'all', carryOut })], 300)
  expect(order.length).toBeGreaterThan(0)
  const facts = ops.map(({ f }) => f).slice(0, 4)
  expect(facts).toEqual(['start', 'effect', 'stop', 'recovered'])
})

test('equal seeds draw equal faults', async () => {
  const drawn = async (seed: number): Promise<string[]> => {
    const prng = new Prng(seed).split('nemesis')
    const faults: string[] = []
    for (let i = 0; i < 10; i++) {
      const nemesis = prng.pick(nemeses)
      const fault = await nemesis.start({ world: new ToyWorld(5), prng, stepMs: 1 })
      faults.push(`${nemesis.name} ${fault?.targets.join()} ${JSON.stringify(fault?.how)}`)
    }
    return faults
  }
  expect(await drawn(1)).toEqual(await drawn(1))
  expect(await drawn(1)).not.toEqual(await drawn(2))
})
