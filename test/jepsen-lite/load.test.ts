import { describe, expect, test } from 'vitest'
import { Generator } from '../../jepsen-lite/generator.ts'
import { families } from '../../jepsen-lite/matrix/families.ts'
import { planOf } from '../../jepsen-lite/matrix/plan.ts'
import { loadNemeses } from '../../jepsen-lite/nemesis/load-nemeses.ts'
import type { Fault } from '../../jepsen-lite/nemesis/nemesis.ts'
import { nemeses } from '../../jepsen-lite/nemesis/registry.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { usualPace } from '../../jepsen-lite/run.ts'
import { sleep } from '../../jepsen-lite/sleep.ts'
import { burstFactor, hotShare, Load, maxLanes } from '../../jepsen-lite/workload/load.ts'
import type { LoadOptions } from '../../jepsen-lite/workload/load.ts'
import { BusyLoad } from './busy-load.ts'
import { ToyWorld } from './toy-world.ts'

function loadOf(options: Partial<LoadOptions> = {}): Load {
  return new Load({ rate: 300, lanes: 20, mayBurst: false, ...options })
}

describe('a hot topic', () => {
  const topics = Array.from({ length: 8 }, (_, i) => `t${i}`)
  const share = (load: Load, of: string): number => {
    const prng = new Prng(3)
    const picked = Array.from({ length: 5_000 }, () => load.pick(prng, topics))
    return picked.filter((topic) => topic === of).length / picked.length
  }

  test.for([0, 0.3, 0.999])(
    'at place %f takes nine of ten, and no longer than it is hot',
    (place) => {
      const load = loadOf()
      load.setHot(place)
      const hot = load.hotOf(topics) as string
      expect(hot).toBe(topics[Math.floor(place * 8)])
      expect(share(load, hot)).toBeCloseTo(hotShare + (1 - hotShare) / 8, 1)
      expect(load.hotName).toBe(hot)
      const { choices, hotChoices } = load.counts
      expect(choices).toBe(5_000)
      expect(hotChoices / choices).toBeGreaterThan(0.88)
      load.setHot(undefined)
      expect(share(load, hot)).toBeCloseTo(1 / 8, 1)
      expect(load.counts.choices).toBe(5_000)
    },
  )
})

describe('a burst', () => {
  test.for([
    [20, false, 20],
    [4, true, 4 * burstFactor],
    [50, true, maxLanes],
    [500, true, 500],
  ] as const)('%i lanes, may burst: %s, makes %i in all', ([lanes, mayBurst, all]) => {
    expect(loadOf({ lanes, mayBurst }).lanes).toBe(all)
  })

  test.for([4, 50])('of %i lanes raises the mean rate tenfold', (lanes) => {
    const load = loadOf({ lanes, mayBurst: true })
    const options = { rate: 300, lanes, mix: { send: 1 }, idleShare: 0.1, idleMs: 500, now: null }
    const generator = new Generator({ ...options, prng: new Prng(7), load })
    const perSecond = (working: number): number => {
      let [ms, sent] = [0, 0]
      for (let i = 0; i < 100_000; i++) {
        const step = generator.next()
        ms += step.after
        if (step.kind !== 'idle') sent++
      }
      return (working * sent * 1_000) / ms
    }
    expect(perSecond(lanes) / 300).toBeCloseTo(1, 0)
    load.setFactor(burstFactor)
    expect(perSecond(load.lanes) / 3_000).toBeCloseTo(1, 0)
    load.setFactor(1)
    expect(perSecond(lanes) / 300).toBeCloseTo(1, 0)
  })

  test('its lanes sleep before and after, and count what is under way', async () => {
    const load = loadOf({ rate: 100_000, lanes: 1, mayBurst: true })
    const options = { rate: 100_000, lanes: 1, mix: { send: 1 }, idleShare: 0, idleMs: 0 }
    const extra = new Generator({ ...options, prng: new Prng(7), load, isExtra: true })
    const soon = (): number => performance.now() + 30
    expect(await extra.step(soon())).toBeUndefined()
    const asleep = extra.step(performance.now() + 60_000)
    load.setFactor(burstFactor)
    expect(await asleep).toBeUndefined()
    expect(load.counts).toMatchObject({ operations: 0, open: 0 })
    expect(await extra.step(performance.now() + 60_000)).toBe('send')
    expect(load.counts).toMatchObject({ operations: 1, open: 1 })
    load.setFactor(1)
    expect(await extra.step(soon())).toBeUndefined()
    expect(load.counts).toMatchObject({ operations: 1, open: 0 })
  })
})

describe('large messages', () => {
  test('are as large as may be, a fifth of all, and not too close to each other', () => {
    let now = 0
    const load = loadOf({ now: () => now })
    const prng = new Prng(5)
    load.setLarge(true)
    const sizes = Array.from({ length: 500 }, (_, i) => {
      now += 60
      const { pad = '' } = load.body(prng, `m.${i}`, 0)
      return Buffer.byteLength(pad)
    }).filter((size) => size > 0)
    expect(sizes.length / 500).toBeCloseTo(0.2, 1)
    expect(Math.min(...sizes)).toBeGreaterThan(99_000)
    expect(Math.max(...sizes)).toBeLessThan(131_000)
    expect(Array.from({ length: 500 }, (_, i) => load.body(prng, `n.${i}`)).length).toBe(500)
    const atOnce = Array.from({ length: 500 }, (_, i) => load.body(prng, `n.${i}`))
    expect(atOnce.filter(({ pad }) => pad !== undefined).length).toBeLessThanOrEqual(1)
    load.setLarge(false)
    now += 60_000
    const small = Array.from({ length: 100 }, (_, i) => load.body(prng, `n.${i}`))
    expect(small.every(({ pad }) => pad === undefined)).toBe(true)
  })
})

function named(name: string): (load: Load) => Promise<Fault | undefined> {
  const nemesis = loadNemeses.find((one) => one.name === name)
  if (!nemesis) throw new Error(`no ${name}`)
  return (load) => nemesis.start({ world: new ToyWorld(3), prng: new Prng(1), load, stepMs: 4 })
}

test.for([
  ['hot-topic', /^[abcd] takes \d+ of \d+ operations$/],
  ['burst', /^\d+ operations per second instead of 1, 40 at once instead of 4 at most$/],
  ['large-messages', /^\d+ large messages stored, 1\d\d kB each$/],
] as const)('%s: clients that follow are its effect, others are none', async ([name, says]) => {
  const start = named(name)
  const fault = await start(new BusyLoad())
  let what: string | undefined
  for (let i = 0; i < 1_000 && what === undefined; i++) {
    what = await fault?.effect()
    await sleep(1)
  }
  expect(what).toMatch(says)
  await fault?.stop()
  const idle = await start(new Load({ rate: 1, lanes: 4, mayBurst: true }))
  expect(await idle?.effect()).toBeUndefined()
  await idle?.stop()
})

test.for(loadNemeses.map(({ name }) => name))('%s: leaves nothing behind', async (name) => {
  const load = loadOf({ mayBurst: true, now: () => Infinity })
  const fault = await named(name)(load)
  await fault?.stop()
  expect([load.factor, load.hotOf(['a'])]).toEqual([1, undefined])
  expect(load.body(new Prng(1), 'm.1')).toEqual({ id: 'm.1', sum: expect.any(Number) })
})

test.for(['hot-topic', 'burst', 'large-messages'] as const)(
  '%s: not begun where the workload cannot',
  async (kind) => {
    expect(
      await named(kind)(loadOf({ without: { [kind]: 'it is of another kind' } })),
    ).toBeUndefined()
  },
)

test('a campaign leaves out what means nothing to a workload', () => {
  const options = { families, nemeses, seconds: 300, pace: usualPace(300) }
  const planned = (workload: string): string[] =>
    planOf({ ...options, workloads: [workload] }).flatMap((cell) => cell.nemeses)
  const all = ['hot-topic', 'burst', 'large-messages']
  expect(all.filter((name) => planned('publish').includes(name))).toEqual(all)
  expect(all.filter((name) => planned('ids').includes(name))).toEqual(['burst'])
})
