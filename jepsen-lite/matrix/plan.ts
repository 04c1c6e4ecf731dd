import type { Nemesis } from '../nemesis/nemesis.ts'
import type { Pace } from '../run.ts'
import type { PlannedCell } from './cell.ts'
import { alone, clashes, nemesesOf } from './families.ts'
import type { Family } from './families.ts'
import { workloads as everyWorkload } from '../workload/registry.ts'

export interface PlanOptions {
  readonly workloads: readonly string[]
  readonly families: readonly Family[]
  /** All there are. */
  readonly nemeses: readonly Nemesis[]
  /** Of a cell, with faults. */
  readonly seconds: number
  readonly pace: Pace
}

/** Nodes that were hit serve again after about so long, ms. */
const recoveryMs = 5_000

/**
 * Every pair, in diagonals, so that a campaign that is cut short has seen each workload and each
 * family. A fault whose turn never comes makes a run unknown; therefore a cell gets so many as its
 * time holds, and the next cell of the family goes on where it stopped.
 */
export function planOf(options: PlanOptions): PlannedCell[] {
  const queues = new Map(
    options.families.map((family) => [family, [...nemesesOf(family, options.nemeses)]]),
  )
  return diagonals(options.workloads, options.families).map(([workload, family]) => {
    const at = { workload, family: family.name }
    const queue = queues.get(family) ?? []
    const { able, why } = withoutClashes(queue, workload)
    const chosen = chosenFrom(able, family, options)
    for (const nemesis of chosen) {
      queue.splice(queue.indexOf(nemesis), 1)
      queue.push(nemesis)
    }
    const names = chosen.map(({ name }) => name)
    if (names.length > 0) return { ...at, nemeses: names }
    return { ...at, nemeses: [], why: why ?? `none of its faults fits into ${options.seconds} s` }
  })
}

function diagonals<A, B>(rows: readonly A[], columns: readonly B[]): [A, B][] {
  return columns.flatMap((_, shift) =>
    rows.map((row, i): [A, B] => [row, columns[(i + shift) % columns.length] as B]),
  )
}

/** `why`: nothing is left. */
function withoutClashes(
  queue: readonly Nemesis[],
  workload: string,
): { able: readonly Nemesis[]; why?: string } {
  const own = clashes.filter((clash) => clash.workload === workload)
  const { withoutLoad = {} } = everyWorkload.find(({ name }) => name === workload) ?? {}
  const able = queue.filter(
    ({ needs, wants = [], load }) =>
      own.every(({ need }) => !needs.includes(need) && !wants.includes(need)) &&
      (load === undefined || load === 'any' || withoutLoad[load] === undefined),
  )
  const [first] = own
  return { able, ...(able.length === 0 && first && { why: first.why }) }
}

/** The first of the queue that fit together. */
function chosenFrom(queue: readonly Nemesis[], family: Family, options: PlanOptions): Nemesis[] {
  const { seconds, pace } = options
  let leftMs = seconds * 1000 - pace.quietMs
  const chosen: Nemesis[] = []
  for (const nemesis of queue) {
    const cost = costMs(nemesis, family, pace)
    const isFirst = chosen.length === 0
    const fits = isFirst ? begins(nemesis, leftMs, pace) : cost <= leftMs
    if (!fits || !goesWith(nemesis, chosen)) continue
    chosen.push(nemesis)
    leftMs -= cost
  }
  return chosen
}

/** The schedule does not begin what would not end in time. */
function begins({ lastsMs = 0 }: Nemesis, leftMs: number, { faultMs }: Pace): boolean {
  return Math.max(lastsMs, faultMs[0]) < leftMs
}

/** On average, with the rest after it. */
function costMs({ lastsMs }: Nemesis, { stepsMs }: Family, { faultMs, restMs }: Pace): number {
  return (lastsMs ?? stepsMs) + mean(faultMs) + recoveryMs + mean(restMs)
}

/** There is never more than one node out, so a second fault that may cost one would find nothing to hit. */
function goesWith(nemesis: Nemesis, chosen: readonly Nemesis[]): boolean {
  const group = [...chosen, nemesis]
  if (group.length > 1 && group.some(({ name }) => alone.includes(name))) return false
  return group.filter(mayLoseData).length < 2
}

function mayLoseData({ costsNode, needs }: Nemesis): boolean {
  return costsNode === true && needs.includes('disk')
}

function mean([least, most]: readonly [number, number]): number {
  return (least + most) / 2
}
