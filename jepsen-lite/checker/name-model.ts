import type { Operation } from '../operations.ts'
import { fields } from './topic-log.ts'
import type { Model } from './model.ts'
import { valueProblem } from './value-problem.ts'
import type { ValueCall } from './value-problem.ts'

/**
 * A name: free, or held by one owner. `create` finds it free and leaves it held, `delete` finds it
 * held by its owner and leaves it free. A refused create is a certain failure and says nothing. An
 * accepted `release` is a delete that may take its time: it frees the name at any later moment.
 */
export const nameModel: Model = {
  name: 'names',
  says: 'create {owner} on a free name; delete, release {owner} by its holder; lookup → owner or null.',
  names: ['create', 'delete', 'release', 'lookup'],
  prepare(operations) {
    return valueProblem(operations.flatMap(asValueCall), free)
  },
}

const free = 'null'

function asValueCall(operation: Operation): ValueCall[] {
  const { invoke, complete, outcome } = operation
  if (outcome === 'fail') return []
  const owner = JSON.stringify(fields(invoke)['owner'] ?? String(invoke.process))
  switch (invoke.f) {
    case 'create':
      return [{ operation, observes: free, produces: owner }]
    case 'delete':
      return [{ operation, observes: owner, produces: free }]
    case 'release':
      return [{ operation: { ...operation, outcome: 'info' }, observes: owner, produces: free }]
    case 'lookup':
      if (outcome !== 'ok' || !complete) return []
      return [{ operation, observes: JSON.stringify(complete.value ?? null), produces: undefined }]
    default:
      return []
  }
}
