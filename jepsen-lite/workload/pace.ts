import { Generator } from '../generator.ts'
import type { Prng } from '../prng.ts'
import type { WorkloadContext } from './workload.ts'

const idleShare = 0.1
const idleMs = 500

export interface PaceOptions<Kind extends string> {
  readonly prng: Prng
  /** Counted from 0, over `load.lanes`. */
  readonly lane: number
  readonly mix: Readonly<Record<Kind, number>>
  /** Operations that one step comes to, if not one. */
  readonly perStep?: number
}

/** The pace of one lane of a workload. */
export function paceOf<Kind extends string>(
  { rate, lanes, load }: WorkloadContext,
  { prng, lane, mix, perStep = 1 }: PaceOptions<Kind>,
): Generator<Kind> {
  const isExtra = lane >= lanes
  const options = { prng, rate: rate / perStep, lanes, mix, idleShare, idleMs }
  return new Generator<Kind>({ ...options, load, isExtra })
}
