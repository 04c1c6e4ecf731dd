import { sleep } from '../sleep.ts'
import type { Need, World } from '../world/world.ts'
import type { Fault, Nemesis, NemesisContext, Scope } from './nemesis.ts'

/** The mixture stays for so long, ms; all faults at once at all times would hide what needs a quiet system. */
const mixtureMs = [30_000, 60_000] as const
const quietShare = 0.25
/** So many kinds are in a mixture, and so many faults in force at once. */
const kindsInMixture = [2, 5] as const
const atOnce = 2

const every: readonly Need[] = ['processes', 'pauses', 'links', 'disk', 'clock', 'members']

interface Mixture {
  readonly kinds: readonly Nemesis[]
  readonly until: number
}

/** X10: of all others, those that this world can do, one or two at a time, with quiet times. */
export function everything(others: readonly Nemesis[]): Nemesis {
  const mixtures = new WeakMap<World, Mixture>()
  return {
    name: 'everything',
    says: 'X10: one or two of all others at once, a mixture of kinds for 30 to 60 s, quiet a quarter of the time.',
    needs: [],
    wants: every,
    load: 'any',
    lastsMs: Math.max(0, ...others.map(({ lastsMs = 0 }) => lastsMs)),
    async start(context) {
      const { world, prng } = context
      let mixture = mixtures.get(world)
      if (!mixture || mixture.until < performance.now())
        mixtures.set(world, (mixture = draw(context, others)))
      if (prng.chance(quietShare)) return quiet
      const faults: [string, Fault][] = []
      for (const kind of fewOf(prng.shuffled(mixture.kinds), 1 + prng.below(atOnce))) {
        const fault = await kind.start(context)
        if (fault) faults.push([kind.name, fault])
      }
      return faults.length === 0 ? quiet : together(faults)
    },
  }
}

/** The first `count`, with at most one that may cost a node. */
function fewOf(kinds: readonly Nemesis[], count: number): Nemesis[] {
  const costly = kinds.find((kind) => kind.costsNode)
  return kinds.filter((kind) => kind.costsNode !== true || kind === costly).slice(0, count)
}

function draw({ world, prng }: NemesisContext, others: readonly Nemesis[]): Mixture {
  const able = others.filter((nemesis) => nemesis.needs.every((need) => !world.lacks(need)))
  const [least, most] = kindsInMixture
  return {
    kinds: prng.shuffled(able).slice(0, least + prng.below(most - least + 1)),
    until: performance.now() + prng.between(...mixtureMs),
  }
}

const quiet: Fault = {
  targets: [],
  scope: 'minority',
  how: { quiet: true },
  optional: true,
  effect: async () => undefined,
  stop: () => sleep(0),
}

const worse: readonly Scope[] = ['client', 'minority', 'majority', 'all']

function together(faults: readonly [string, Fault][]): Fault {
  const scopes = faults.map(([, fault]) => worse.indexOf(fault.scope))
  const hits = faults.filter(([, fault]) => fault.scope !== 'client').length
  return {
    targets: [...new Set(faults.flatMap(([, fault]) => fault.targets))],
    // Two minorities may be a majority.
    scope: hits > 1 ? 'majority' : (worse[Math.max(...scopes)] ?? 'all'),
    how: Object.fromEntries(faults.map(([name, fault]) => [name, fault.how ?? {}])),
    optional: faults.every(([, fault]) => fault.optional === true),
    async carryOut() {
      for (const [, fault] of faults) await fault.carryOut?.()
    },
    async effect() {
      const seen = await Promise.all(faults.map(([, fault]) => fault.effect()))
      const texts = seen.flatMap((what, i) =>
        what === undefined ? [] : `${faults[i]?.[0]}: ${what}`,
      )
      return texts.length === 0 ? undefined : texts.join('; ')
    },
    async complaint() {
      for (const [, fault] of faults) {
        if (fault.needsTheRest === true && faults.length > 1) continue
        const complaint = await fault.complaint?.()
        if (complaint) return complaint
      }
      return undefined
    },
    async stop() {
      for (const [, fault] of faults.toReversed()) await fault.stop()
    },
  }
}
