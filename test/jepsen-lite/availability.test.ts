import { describe, expect, test } from 'vitest'
import { availability } from '../../jepsen-lite/checker/availability.ts'
import { nemeses } from '../../jepsen-lite/nemesis/registry.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { BusyLoad } from './busy-load.ts'
import { table } from './checker-table.ts'
import type { Line } from './checker-table.ts'
import { publish } from './story.ts'
import { ToyWorld } from './toy-world.ts'

function nemesis(f: string, key: string, value?: unknown): Line {
  return { process: 'nemesis', type: 'info', f, key, ...(value !== undefined && { value }) }
}

const strict = { minAvailability: 0.95, availabilityWindow: 10_000_000 }
const half = Array.from({ length: 10 }, (_, i) =>
  publish(`a.${i}`, i % 2 === 0 ? i : 'info'),
).flat()
const two = ['unavailable', 'unavailable']
table(availability, [
  ['all is well', Array.from({ length: 10 }, (_, i) => publish(`a.${i}`, i)).flat(), [], strict],
  ['half fails', half, two, strict],
  ['a majority is hit', [nemesis('start', 'x', { scope: 'all' }), ...half], [], strict],
  ['a minority is hit', [nemesis('start', 'x', { scope: 'minority' }), ...half], two, strict],
  ['only clients are hit', [nemesis('start', 'x', { scope: 'client' }), ...half], two, strict],
  ['half fails, and nobody set a floor', half, []],
  ['a machine too slow', half, 'unknown', { ...strict, minThroughput: 100_000 }],
])

interface Asked {
  readonly key?: string
  readonly node?: string
  /** Seconds that it takes. */
  readonly takes?: number
  readonly type?: 'ok' | 'fail' | 'info'
  readonly error?: string
}

let processes = 0

/** From and to, in seconds: an operation every so often. */
function every(gap: number, from: number, to: number, asked: Asked = {}): Line[] {
  const { key = 'a', node = 'n2', takes = 0.01, type = 'ok', error } = asked
  const lines: Line[] = []
  for (let at = from; at < to; at += gap) {
    const of = { process: `c${processes++}`, f: 'write', key, node }
    lines.push({ ...of, type: 'invoke', time: at * 1e9 })
    lines.push({ ...of, type, time: (at + takes) * 1e9, ...(error !== undefined && { error }) })
  }
  return lines
}

function fault(
  from: number,
  to: number,
  scope: string,
  targets: readonly string[] = ['n1'],
): Line[] {
  return [
    { ...nemesis('start', 'x', { scope, targets }), time: from * 1e9 },
    { ...nemesis('stop', 'x'), time: to * 1e9 },
  ]
}

function inOrder(...parts: readonly Line[][]): Line[] {
  return parts.flat().toSorted((a, b) => (a.time ?? 0) - (b.time ?? 0))
}

/** Key a is served but for a time; key b always, at all nodes. */
function dead(from: number, to: number, asked: Asked = {}, gap = 1): Line[] {
  const refused = { type: 'fail', error: '503 nobody leads (no-owner)', ...asked } as const
  const b = ['n1', 'n2', 'n3'].flatMap((node) => every(1, 0, 60, { key: 'b', node }))
  return inOrder(every(1, 0, from), every(gap, from, to, refused), every(1, to, 60), b)
}

const floor = { minAvailability: 0.5 }
const all = ['n1', 'n2', 'n3']
const bad = ['key-unavailable']
table(availability, [
  ['every key is served', dead(20, 20), [], floor],
  ['one key is not, without any fault', dead(20, 40), bad, floor],
  ['one key is not, for less than 15 s', dead(20, 34), [], floor],
  ['one key is not, to the end', dead(40, 60), bad, floor],
  ['one key is not, and nobody set a floor', dead(20, 40), []],
  ['on a machine too slow', dead(20, 40), 'unknown', { ...floor, minThroughput: 1_000 }],
  ['while a minority is hit', inOrder(dead(20, 40), fault(18, 42, 'minority')), bad, floor],
  ['while clients are hit', inOrder(dead(20, 40), fault(18, 42, 'client', [])), bad, floor],
  ['while a majority is hit', inOrder(dead(20, 40), fault(18, 42, 'majority')), [], floor],
  ['long after a majority was hit', inOrder(dead(20, 50), fault(18, 28, 'all')), bad, floor],
  ['right after a majority was hit', inOrder(dead(20, 46), fault(18, 28, 'all')), [], floor],
  ['before and behind, 13 s each', inOrder(dead(7, 46), fault(20, 28, 'all')), [], floor],
  [
    'only at the node that was hit',
    inOrder(dead(20, 40, { node: 'n1' }), fault(18, 42, 'minority', ['n1 cannot send'])),
    [],
    floor,
  ],
  [
    'at a node that was hit before',
    inOrder(dead(20, 40, { node: 'n1' }), fault(10, 19, 'minority')),
    bad,
    floor,
  ],
  ['where all are hit a little', inOrder(dead(20, 40), fault(18, 42, 'minority', all)), bad, floor],
  ['refused by rules', dead(20, 40, { error: '409 somebody else has it' }), [], floor],
  ['refused as too much', dead(20, 40, { error: '429 slow down, 503 soon' }), bad, floor],
  ['nobody could ask', dead(20, 40, { error: 'not connected' }), [], floor],
  [
    'nobody heard an answer',
    dead(20, 40, { type: 'info', error: 'timeout', takes: 5 }),
    bad,
    floor,
  ],
  ['asked four times', dead(20, 40, {}, 5), [], floor],
  [
    'asked by nobody',
    inOrder(every(1, 0, 9), every(1, 50, 60), every(1, 0, 60, { key: 'b' })),
    [],
    floor,
  ],
])

/** Faults of the registry that may take more than a minority, and among how many nodes. All others must leave every partition able to serve. */
const large: Readonly<Record<string, readonly number[]>> = {
  partition: [5],
  // What these leave to whom is judged topic by topic, by the checker `served`.
  bridge: [3, 5],
  'majorities-ring': [5],
  chain: [5],
  'meta-cut': [5],
  'kill-majority': [3, 5],
  'kill-all': [3, 5],
  'pause-majority': [3, 5],
  'restart-storm': [3, 5],
  burst: [3, 5],
  'power-loss-all': [3, 5],
  'remove-under-fire': [3, 5],
  'move-under-fire': [3, 5],
  'lost-majority': [3, 5],
  'lost-majority-paused': [3, 5],
  'stale-leader': [3, 5],
  'install-under-fire': [3, 5],
}

describe.for([3, 5])('among %i nodes', (nodes) => {
  const declared = nemeses.filter(({ name }) => name !== 'everything')
  test.for(declared.map((one) => [one.name, one] as const))(
    '%s says what it leaves',
    async ([name, one]) => {
      let isLarge = false
      for (let seed = 0; seed < 10; seed++) {
        const world = new ToyWorld(nodes)
        const load = new BusyLoad()
        const begun = await one.start({ world, prng: new Prng(seed), load, stepMs: 1 })
        isLarge ||= begun?.scope === 'majority' || begun?.scope === 'all'
        if (begun?.scope === 'client') expect(world.down.size + world.paused.size).toBe(0)
        await begun?.stop()
      }
      expect(isLarge).toBe(large[name]?.includes(nodes) === true)
    },
  )
})
