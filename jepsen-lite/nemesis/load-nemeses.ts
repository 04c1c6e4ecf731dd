import { sleep } from '../sleep.ts'
import { burstFactor } from '../workload/load.ts'
import type { Load, LoadKind } from '../workload/load.ts'
import type { Fault, Nemesis, NemesisContext } from './nemesis.ts'

/** Fewer choices say nothing about their shares. */
const fewestChoices = 20
/** Fewer may all have been before or behind the small ones. */
const fewestLarge = 3
/**
 * A burst has had its effect when clients began so many times the wished rate, or when more operations
 * were under way than there are lanes at other times: then the cluster had all that it can take.
 */
const leastFactor = 2
/** Part of a step between two bursts. */
const restShare = 0.4

/** Clients do what they may, in a way that hurts. Nodes and links are left alone, so but for a burst nobody has an excuse not to serve. */
export const loadNemeses: readonly Nemesis[] = [
  loading(
    'hot-topic',
    'L1: one topic, or key, takes nine of ten operations.',
    'hot-topic',
    hotTopic,
  ),
  loading(
    'burst',
    'L2: ten times the wished rate for a few seconds, again and again.',
    'burst',
    burst,
  ),
  loading(
    'large-messages',
    'L6: a fifth of the messages is as large as may be, 100 to 130 kB, between small ones.',
    'large-messages',
    largeMessages,
  ),
]

function loading(
  name: string,
  says: string,
  kind: LoadKind,
  begin: (load: Load, context: NemesisContext) => Fault,
): Nemesis {
  return {
    name,
    says,
    needs: [],
    load: kind,
    async start(context) {
      const { load } = context
      return load && load.lacks(kind) === undefined ? begin(load, context) : undefined
    },
  }
}

function hotTopic(load: Load, { prng }: NemesisContext): Fault {
  const before = load.counts
  const place = prng.fraction()
  load.setHot(place)
  return {
    targets: ['clients'],
    scope: 'client',
    how: { place },
    async effect() {
      const { choices, hotChoices } = load.counts
      const [all, hot] = [choices - before.choices, hotChoices - before.hotChoices]
      const { hotName } = load
      if (all < fewestChoices || hot < all / 2 || hotName === undefined) return undefined
      return `${hotName} takes ${hot} of ${all} operations`
    },
    async stop() {
      load.setHot(undefined)
    },
  }
}

function burst(load: Load, { stepMs }: NemesisContext): Fault {
  let over = false
  let begun = { operations: load.counts.operations, at: performance.now() }
  /** Operations per second that clients began in the best burst so far. */
  let best = 0
  let mostOpen = 0
  const measure = (): void => {
    if (load.factor === 1) return
    mostOpen = Math.max(mostOpen, load.counts.open)
    const seconds = (performance.now() - begun.at) / 1000
    // The first moments of a burst are too short to divide by.
    if (seconds * 1000 < stepMs / 2) return
    best = Math.max(best, (load.counts.operations - begun.operations) / seconds)
  }
  const bursting = (async () => {
    while (!over) {
      begun = { operations: load.counts.operations, at: performance.now() }
      load.setFactor(burstFactor)
      const end = begun.at + stepMs
      while (!over && performance.now() < end) {
        await sleep(Math.min(100, stepMs / 10))
        measure()
      }
      load.setFactor(1)
      if (!over) await sleep(stepMs * restShare)
    }
  })()
  return {
    targets: ['clients'],
    // Whoever is asked for more than he can do may refuse all of it; but he must come back.
    scope: 'all',
    how: { factor: burstFactor, rate: load.rate, lanes: load.lanes, burstMs: stepMs },
    async effect() {
      const isFull = mostOpen > load.usualLanes
      if (best === 0 || (best < leastFactor * load.rate && !isFull)) return undefined
      return `${Math.round(best)} operations per second instead of ${load.rate}, ${mostOpen} at once instead of ${load.usualLanes} at most`
    },
    async stop() {
      over = true
      await bursting
    },
  }
}

function largeMessages(load: Load): Fault {
  const before = load.counts
  load.setLarge(true)
  return {
    targets: ['clients'],
    scope: 'client',
    async effect() {
      const { largeStored, largeBytes } = load.counts
      const [count, bytes] = [largeStored - before.largeStored, largeBytes - before.largeBytes]
      return count < fewestLarge
        ? undefined
        : `${count} large messages stored, ${Math.round(bytes / count / 1000)} kB each`
    },
    async stop() {
      load.setLarge(false)
    },
  }
}
