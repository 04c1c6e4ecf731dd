import { returnTime } from '../operations.ts'
import type { Operation } from '../operations.ts'
import type { Call, Problem } from './model.ts'

/** An operation on an object that holds one value: finds `observes`, leaves `produces`. JSON text. */
export interface ValueCall {
  readonly operation: Operation
  readonly observes: string | undefined
  readonly produces: string | undefined
}

/**
 * The search problem of one value. Certain failures and reads of unknown outcome must be left out
 * by the caller. Unknown changes are thinned out here, which is what keeps the search small:
 *
 * - one whose value nobody needs to have found may as well never have happened, and is dropped;
 * - one that alone produces a value which somebody found did happen, before the first answer that
 *   proves it, and gets that return time.
 */
export function valueProblem(found: readonly ValueCall[], initial: string): Problem {
  const kept = dropUnneeded(found)
  const proofs = proofTimes(kept, initial)
  const ids = new Map<string, number>()
  const idOf = (text: string): number => {
    let id = ids.get(text)
    if (id === undefined) ids.set(text, (id = ids.size))
    return id
  }
  const initialId = idOf(initial)
  const calls: Call[] = []
  const observes = new Int32Array(kept.length).fill(-1)
  const produces = new Int32Array(kept.length).fill(-1)
  const sorted = kept.toSorted((a, b) => a.operation.invoke.index - b.operation.invoke.index)
  sorted.forEach(({ operation, observes: needs, produces: leaves }, i) => {
    if (needs !== undefined) observes[i] = idOf(needs)
    if (leaves !== undefined) produces[i] = idOf(leaves)
    const answered = returnIndex(operation)
    const proven = leaves === undefined ? Infinity : (proofs.get(leaves) ?? Infinity)
    calls.push({
      operation,
      invoked: operation.invoke.index,
      // A proof may stand in the history before the invocation: then nothing fits, as it should.
      returned: Math.min(answered, answered === Infinity ? proven : Infinity),
      readOnly: leaves === undefined,
    })
  })
  const texts = [...ids.keys()]
  return {
    calls,
    initial: initialId,
    step(state, call) {
      const needs = observes[call] as number
      if (needs >= 0 && needs !== state) return -1
      const leaves = produces[call] as number
      return leaves >= 0 ? leaves : state
    },
    describe: (state) => texts[state] ?? '?',
    values: { observes, produces, count: ids.size },
  }
}

/** Index of the completion in the history; Infinity when the outcome is unknown. */
export function returnIndex(operation: Operation): number {
  return returnTime(operation) === Infinity ? Infinity : (operation.complete?.index ?? Infinity)
}

function dropUnneeded(found: readonly ValueCall[]): ValueCall[] {
  const needed = new Set<string>()
  const certain: ValueCall[] = []
  let doubtful: ValueCall[] = []
  for (const call of found) {
    if (call.operation.outcome !== 'ok') doubtful.push(call)
    else {
      certain.push(call)
      if (call.observes !== undefined) needed.add(call.observes)
    }
  }
  // An unknown cas that is kept needs its own old value, which may make another one needed.
  for (;;) {
    const useful = doubtful.filter(({ produces }) => produces !== undefined && needed.has(produces))
    if (useful.length === 0) return certain
    for (const call of useful) {
      certain.push(call)
      if (call.observes !== undefined) needed.add(call.observes)
    }
    const taken = new Set(useful)
    doubtful = doubtful.filter((call) => !taken.has(call))
  }
}

/** For each value with one producer: the index of the first answer that proves it was there. */
function proofTimes(kept: readonly ValueCall[], initial: string): ReadonlyMap<string, number> {
  const producers = new Map<string, number>([[initial, 1]])
  for (const { produces } of kept)
    if (produces !== undefined) producers.set(produces, (producers.get(produces) ?? 0) + 1)
  const proofs = new Map<string, number>()
  for (const { operation, observes } of kept) {
    if (observes === undefined || producers.get(observes) !== 1 || observes === initial) continue
    const at = returnIndex(operation)
    if (at < (proofs.get(observes) ?? Infinity)) proofs.set(observes, at)
  }
  return proofs
}
