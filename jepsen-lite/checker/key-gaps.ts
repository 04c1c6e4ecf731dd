import { endTime } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import { faultBands } from './fault-bands.ts'
import type { FaultBand } from './fault-bands.ts'

/** A time in which a key was wanted and nobody was served, though no more than a minority was hit. */
export interface KeyGap {
  readonly key: string
  /** From the first invocation that was not served to the next one that was; ns. */
  readonly from: number
  readonly to: number
  /** Invocations that were not served, in order. */
  readonly ops: readonly number[]
}

/** Whether the fault takes more than a minority of some partition, so that nobody has to serve. */
export function isLarge({ scope }: FaultBand): boolean {
  return scope !== 'minority' && scope !== 'client'
}

/**
 * All gaps of all keys. `grace`: so long after a large fault everything is excused, ns. What failed at a
 * node that was hit says nothing about the key; nor does a refusal of the data's own rules (4xx), which
 * only whoever has the key can give.
 */
export function keyGaps(
  history: History,
  grace: number,
  counts: (operation: Operation) => boolean,
): readonly KeyGap[] {
  const bands = history.derived(faultBands)
  const excuses = bands.filter(isLarge).map(({ from, to }) => ({ from, to: to + grace }))
  const nodes = new Set(history.operations.flatMap(({ invoke }) => invoke.node ?? []))
  const hits = bands
    .filter((band) => !isLarge(band))
    .map((band) => ({ band, nodes: nodesHit(band) }))
    // Where all are hit and all have to serve, that is no excuse for any.
    .filter((hit) => [...nodes].some((node) => !hit.nodes.has(node)))
  const walks = new Map<string, Walk>()
  const over = history.operations
    .filter((operation) => operation.complete !== undefined && counts(operation))
    .toSorted((a, b) => endTime(a) - endTime(b))
  for (const operation of over) {
    const { key } = operation.invoke
    if (key === undefined) continue
    let walk = walks.get(key)
    if (!walk) walks.set(key, (walk = new Walk(key, excuses)))
    if (isServed(operation)) walk.served(endTime(operation))
    else if (isEvidence(operation) && !hits.some((hit) => touches(hit, operation)))
      walk.refused(operation)
  }
  return [...walks.values()].flatMap((walk) => walk.end())
}

interface Span {
  readonly from: number
  readonly to: number
}

/** One key over time, in the order in which its operations ended. */
class Walk {
  readonly #key: string
  readonly #excuses: readonly Span[]
  readonly #gaps: KeyGap[] = []
  #from = 0
  #last = 0
  #servedAt = 0
  #ops: number[] = []

  constructor(key: string, excuses: readonly Span[]) {
    this.#key = key
    this.#excuses = excuses
  }

  served(at: number): void {
    this.#close(at)
    this.#servedAt = at
  }

  refused(operation: Operation): void {
    const [begin, end] = [operation.invoke.time, endTime(operation)]
    const excuse = this.#excuses.find(({ from, to }) => from < end && begin < to)
    if (excuse) return
    const between = this.#excuses.find(({ from, to }) => this.#from < from && to <= begin)
    if (this.#ops.length > 0 && between) this.#close(between.from)
    // While it waited, others were served.
    if (this.#ops.length === 0) this.#from = Math.max(begin, this.#servedAt)
    this.#ops.push(operation.invoke.index)
    this.#last = end
  }

  end(): readonly KeyGap[] {
    this.#close(this.#last)
    return this.#gaps
  }

  #close(at: number): void {
    const excuse = this.#excuses.find(({ from }) => this.#from < from && from < at)
    const to = excuse ? excuse.from : at
    if (this.#ops.length > 0)
      this.#gaps.push({ key: this.#key, from: this.#from, to, ops: this.#ops })
    this.#ops = []
  }
}

interface Hit {
  readonly band: FaultBand
  readonly nodes: ReadonlySet<string>
}

/** Some targets say more than the name: `n1 cannot send`. */
function nodesHit({ targets }: FaultBand): ReadonlySet<string> {
  return new Set(targets.map((target) => target.split(' ')[0] ?? target))
}

function touches({ band, nodes }: Hit, operation: Operation): boolean {
  const { node, time } = operation.invoke
  return node !== undefined && nodes.has(node) && band.from < endTime(operation) && time < band.to
}

function isServed({ outcome, complete }: Operation): boolean {
  return outcome === 'ok' || (outcome === 'fail' && /^4(?!29)\d\d/.test(complete?.error ?? ''))
}

/** The cluster was asked and did not do it, or did not tell. A client without a connection asked nobody. */
function isEvidence({ outcome, complete }: Operation): boolean {
  return outcome === 'info' || /\b5\d\d\b|timeout/.test(complete?.error ?? '')
}
