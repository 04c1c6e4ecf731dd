import type { FaultClass } from './fault.ts'
import type { Overrides } from './plan.ts'
import { drawPlan } from './plan.ts'
import type { SeedResult } from './run-seed.ts'
import { runSeed } from './run-seed.ts'

/** Runs spent on making one failure smaller. */
export const maxShrinkRuns = 500

export interface Shrunk {
  readonly overrides: Overrides
  readonly result: SeedResult
  readonly runs: number
  /** Fault events that are left. */
  readonly faults: number
}

/**
 * A smaller run that fails by the same name: first without what came after the failure, then
 * without whole classes of fault, then without single events (delta debugging), then shorter.
 */
export function shrink(seed: number, start: Overrides, failed: SeedResult): Shrunk {
  const search = new Search(seed, start, failed)
  search.cutTime()
  search.dropClasses()
  search.dropEvents()
  search.cutTime()
  return search.best
}

class Search {
  best: Shrunk
  readonly #seed: number
  readonly #name: string
  #runs = 0

  constructor(seed: number, start: Overrides, failed: SeedResult) {
    this.#seed = seed
    this.#name = failed.failure?.name ?? ''
    const faults = drawPlan(seed, start).faults.length
    this.best = { overrides: start, result: failed, runs: 0, faults }
  }

  /** Healing begins earlier and earlier; what fails in the healing itself is left as it is. */
  cutTime(): void {
    const { safetyMs } = drawPlan(this.#seed, this.best.overrides)
    const at = Math.ceil(Math.min(safetyMs, this.best.result.failure?.atMs ?? safetyMs))
    for (const share of [1, 0.75, 0.5, 0.25]) {
      const untilMs = Math.ceil(at * share)
      if (untilMs < safetyMs && !this.#try({ ...this.best.overrides, untilMs })) break
    }
  }

  dropClasses(): void {
    for (const name of drawPlan(this.#seed, this.best.overrides).classes) {
      const off: FaultClass[] = [...(this.best.overrides.off ?? []), name]
      this.#try({ ...this.best.overrides, off })
    }
  }

  /** Takes out ever smaller parts of the list until no single event can go. */
  dropEvents(): void {
    let kept = drawPlan(this.#seed, this.best.overrides).faults.map(({ id }) => id)
    for (
      let size = Math.ceil(kept.length / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let at = 0; at < kept.length && this.#runs < maxShrinkRuns;) {
        const keep = [...kept.slice(0, at), ...kept.slice(at + size)]
        if (this.#try({ ...this.best.overrides, keep })) kept = keep
        else at += size
      }
    }
  }

  /**
   * True: it still fails by the same name, and is the best from now on. What is left out changes the
   * course of all that follows, so a candidate gets a few courses before it is given up.
   */
  #try(overrides: Overrides): boolean {
    const { salt = 0 } = overrides
    return [salt, salt + 1, salt + 2, salt + 3].some((one) =>
      this.#fails({ ...overrides, salt: one }),
    )
  }

  #fails(overrides: Overrides): boolean {
    if (this.#runs >= maxShrinkRuns) return false
    this.#runs++
    const result = runSeed(this.#seed, overrides)
    if (result.failure?.name !== this.#name) return false
    const faults = drawPlan(this.#seed, overrides).faults.length
    this.best = { overrides, result, runs: this.#runs, faults }
    return true
  }
}
