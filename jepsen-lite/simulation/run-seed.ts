import { Convergence } from './convergence.ts'
import { FaultInjector } from './fault-injector.ts'
import { Narrative } from './narrative.ts'
import type { Overrides, Plan } from './plan.ts'
import { drawPlan } from './plan.ts'
import { failureName } from './violation.ts'
import { World } from './world.ts'

/** Why a run stopped early. */
export interface Failure {
  /** The invariant, or what was thrown. */
  readonly name: string
  readonly message: string
  readonly atMs: number
}

export interface SeedResult {
  readonly seed: number
  readonly failure: Failure | null
  /** Of everything that happened. */
  readonly hash: string
  readonly virtualMs: number
  readonly events: number
  readonly size: number
  readonly committed: number
  readonly counts: Readonly<Record<string, number>>
}

export interface RunOptions extends Overrides {
  /** Every line of what happens, as it happens. */
  readonly print?: (line: string) => void
  /** A check after each event, beside those of the house: a canary for the harness itself. */
  readonly extraCheck?: (world: World) => void
}

/** Runs one seed: faults first, then healing. Never throws: whatever goes wrong is the result. */
export function runSeed(seed: number, options: RunOptions = {}): SeedResult {
  return runPlan(drawPlan(seed, options), options)
}

export function runPlan(plan: Plan, options: RunOptions = {}): SeedResult {
  const world = new World(plan, new Narrative(0, options.print ?? null))
  const { queue } = world
  const step = (until: number): boolean => {
    const task = queue.next(until)
    if (task === null) return false
    task()
    options.extraCheck?.(world)
    return true
  }
  let failure: Failure | null = null
  try {
    world.clients.start()
    new FaultInjector(world).start()
    while (step(plan.safetyMs));
    queue.now = plan.safetyMs
    new Convergence(world, world.random.split('healing')).run(step)
  } catch (error) {
    failure = { name: failureName(error), message: messageOf(error), atMs: queue.now }
    options.print?.(`FAILED ${failure.name} at ${queue.now.toFixed(2)}: ${failure.message}`)
  }
  return {
    seed: plan.seed,
    failure,
    hash: world.hash.toString(),
    virtualMs: queue.now,
    events: queue.taken,
    size: plan.size,
    committed: world.checker.logs.lastCommitted,
    counts: world.counts.toJSON(),
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isKnown = error.name === 'Violation' || error.name === 'BrokenInvariant'
  return isKnown ? error.message : (error.stack ?? error.message)
}
