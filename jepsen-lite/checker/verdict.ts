/** What a checker or a run comes to. `unknown` is not a pass. */
export type Result = 'valid' | 'invalid' | 'unknown'

export interface Verdict {
  readonly checker: string
  readonly result: Result
  /** The first of them, worst kinds first within a checker; `counts` has how many of each. */
  readonly anomalies: readonly Anomaly[]
  /** How many anomalies there are in all, shown or not. */
  readonly total: number
  /** Figures worth reading, by name: operations looked at, anomalies by kind. */
  readonly counts: Readonly<Record<string, number>>
  /** Why the result is unknown, in sentences. */
  readonly doubts: readonly string[]
}

export interface Anomaly {
  /** Kebab-case: lost-middle, gap, duplicate, ... */
  readonly kind: string
  /** I3, L1, ... of the list of invariants. */
  readonly invariant: string
  readonly says: string
  /** Indexes of the operations behind it, in order; capped like everything that is shown. */
  readonly ops: readonly number[]
  readonly key?: string
}

/** Anomalies shown per checker, and operations named per anomaly. Above: counted only. */
export const maxShownAnomalies = 32
export const maxNamedOps = 16

const badness: Readonly<Record<Result, number>> = { valid: 0, unknown: 1, invalid: 2 }

/** The worst wins: invalid before unknown before valid. Of nothing: unknown. */
export function worst(results: readonly Result[]): Result {
  if (results.length === 0) return 'unknown'
  return results.reduce((a, b) => (badness[a] >= badness[b] ? a : b))
}

/** Collects what a checker finds, within bounds. */
export class Findings {
  readonly #checker: string
  readonly #shown: Anomaly[] = []
  readonly #counts: Record<string, number> = {}
  readonly #doubts: string[] = []
  #total = 0

  constructor(checker: string) {
    this.#checker = checker
  }

  get total(): number {
    return this.#total
  }

  anomaly(found: Anomaly): void {
    this.#total++
    this.count(found.kind)
    if (this.#shown.length >= maxShownAnomalies) return
    const ops = [...new Set(found.ops)].toSorted((a, b) => a - b)
    this.#shown.push({ ...found, ops: ops.slice(0, maxNamedOps) })
  }

  count(name: string, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by
  }

  /** Makes the verdict unknown unless something is wrong for certain. */
  doubt(says: string): void {
    if (this.#doubts.length < maxShownAnomalies) this.#doubts.push(says)
  }

  verdict(): Verdict {
    const result = this.#total > 0 ? 'invalid' : this.#doubts.length > 0 ? 'unknown' : 'valid'
    return {
      checker: this.#checker,
      result,
      anomalies: this.#shown,
      total: this.#total,
      counts: this.#counts,
      doubts: this.#doubts,
    }
  }
}
