import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import type { NodeClock, World } from '../world/world.ts'
import { pickTarget, scopeOf, usable } from './nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from './nemesis.ts'

/** As far as clocks jump, s; Jepsen goes to 288. */
const maxJump = 300
const minJump = 0.1

/** The wall clock lies; the monotonic one, which timers use, does not. Nothing that is safe may depend on it. */
export const clockNemeses: readonly Nemesis[] = [
  {
    name: 'clock-jump',
    says: 'C1: the clock of one node jumps by 0.1 s to 5 min, forward or back.',
    needs: ['clock'],
    async start(context) {
      const node = await pickTarget(context)
      const offset = jump(context.prng)
      return shifted(context.world, [[node, offset, 1]])
    },
  },
  {
    name: 'clock-rate',
    says: 'C2: the clock of one node runs at half to twice the speed.',
    needs: ['clock'],
    async start(context) {
      const node = await pickTarget(context)
      const rate = Math.round(2 ** context.prng.between(-1, 1) * 100) / 100
      return shifted(context.world, [[node, 0, rate === 1 ? 2 : rate]])
    },
  },
  {
    name: 'clock-strobe',
    says: 'C3: the clock of one node flips between two offsets every 1 ms to 1 s.',
    needs: ['clock'],
    start: strobe,
  },
  {
    name: 'clock-skew',
    says: 'C5: all clocks differ, by up to 5 min, forward or back.',
    needs: ['clock'],
    async start({ world, prng }) {
      return shifted(
        world,
        usable(world).map((node) => [node, jump(prng), 1]),
      )
    },
  },
]

/** Small jumps and large ones alike. */
function jump(prng: Prng): number {
  const size = minJump * (maxJump / minJump) ** prng.fraction()
  return Math.round((prng.chance(0.5) ? size : -size) * 1000) / 1000
}

type Shift = readonly [node: string, offset: number, rate: number]

/** While only clocks are wrong, nobody is lost. */
function shifted(world: World, shifts: readonly Shift[]): Fault | undefined {
  const clocks = shifts.flatMap(([node, offset, rate]) => {
    const clock = world.clock(node)
    return clock ? [{ node, clock, offset, rate }] : []
  })
  if (clocks.length === 0) return undefined
  for (const { clock, offset, rate } of clocks) clock.set(offset, rate)
  const says = clocks.map(
    ({ node, offset, rate }) =>
      `${node} ${offset >= 0 ? '+' : ''}${offset} s${rate === 1 ? '' : ` ×${rate}`}`,
  )
  return {
    targets: clocks.map(({ node }) => node),
    scope: scopeOf(0, world),
    how: { shifts: says },
    effect: async () => says.join(', '),
    async stop() {
      for (const { clock } of clocks) clock.heal()
    },
  }
}

async function strobe(context: NemesisContext): Promise<Fault | undefined> {
  const { world, prng, stepMs } = context
  const node = await pickTarget(context)
  const clock = world.clock(node)
  if (!clock) return undefined
  const [offset, everyMs] = [jump(prng), Math.round(1 + prng.between(0, 0.4) * stepMs)]
  let flips = 0
  let over = false
  const flipping = flip(clock, () => {
    flips++
    return over ? undefined : { offset: flips % 2 === 0 ? 0 : offset, everyMs }
  })
  return {
    targets: [node],
    scope: scopeOf(0, world),
    how: { offset, everyMs },
    effect: async () =>
      flips > 1 ? `${node} flips by ${offset} s every ${everyMs} ms` : undefined,
    async stop() {
      over = true
      await flipping
      clock.heal()
    },
  }
}

async function flip(
  clock: NodeClock,
  next: () => { offset: number; everyMs: number } | undefined,
): Promise<void> {
  for (let step = next(); step; step = next()) {
    clock.set(step.offset)
    await sleep(step.everyMs)
  }
}
