import type { Operation } from '../operations.ts'
import type { Model } from './model.ts'
import { BadValue, fields } from './topic-log.ts'
import { valueProblem } from './value-problem.ts'
import type { ValueCall } from './value-problem.ts'

/** A register: null at first. A compare-and-set that failed says nothing and is left out. */
export const register: Model = {
  name: 'register',
  says: 'read → value; write value; cas [from, to]. null is the initial value; info stays open for ever.',
  names: ['read', 'write', 'cas'],
  prepare(operations) {
    return valueProblem(operations.flatMap(asValueCall), 'null')
  },
}

function asValueCall(operation: Operation): ValueCall[] {
  const { invoke, complete, outcome } = operation
  if (outcome === 'fail') return []
  switch (invoke.f) {
    case 'read':
      if (outcome !== 'ok' || !complete) return []
      return [{ operation, observes: text(complete.value), produces: undefined }]
    case 'write':
      return [{ operation, observes: undefined, produces: text(invoke.value) }]
    case 'cas': {
      const [from, to] = casArguments(operation)
      return [{ operation, observes: text(from), produces: text(to) }]
    }
    default:
      return []
  }
}

/** [from, to], or {from, to}, or {old, new}. */
function casArguments({ invoke }: Operation): readonly unknown[] {
  const { value } = invoke
  if (Array.isArray(value) && value.length === 2) return value
  const { from, to, old, new: fresh } = fields(invoke)
  if (to !== undefined) return [from, to]
  if (fresh !== undefined) return [old, fresh]
  throw new BadValue(invoke, 'needs a value of [from, to]')
}

function text(value: unknown): string {
  return JSON.stringify(value ?? null)
}
