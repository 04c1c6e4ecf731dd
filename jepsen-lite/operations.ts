import type { Op } from './op.ts'

/** An invocation with what became of it. `complete` is missing when the history ends before. */
export interface Operation {
  readonly invoke: Op
  readonly complete: Op | undefined
  /** A missing completion counts as info: nobody knows. */
  readonly outcome: Outcome
}

export type Outcome = 'ok' | 'fail' | 'info'

/** Lines without an invocation: deliveries, what the nemesis did, what the observer saw. */
export const factNames: ReadonlySet<string> = new Set(['deliver', 'detach'])
export const factProcesses: ReadonlySet<string> = new Set(['nemesis', 'observer'])

/** A history that contradicts itself, so that nothing can be concluded from it. */
export class BrokenPairing extends Error {
  override readonly name = 'BrokenPairing'
}

/**
 * A history, prepared once for all checkers. Pairing rules: a process has at most one operation
 * open; a completion has the `f` of its invocation; after an `info` the process should be retired,
 * and if it goes on, the unknown operation stays open for ever.
 */
export class History {
  readonly ops: readonly Op[]
  /** In order of invocation. */
  readonly operations: readonly Operation[]
  readonly facts: readonly Op[]
  readonly #byName = new Map<string, Operation[]>()
  readonly #derived = new Map<unknown, unknown>()

  /** Throws BrokenPairing. */
  constructor(ops: readonly Op[]) {
    this.ops = ops
    const { operations, facts } = pair(ops)
    this.operations = operations
    this.facts = facts
    for (const operation of operations) {
      const list = this.#byName.get(operation.invoke.f)
      if (list) list.push(operation)
      else this.#byName.set(operation.invoke.f, [operation])
    }
  }

  /** The operations called `f`, in order of invocation. */
  named(f: string): readonly Operation[] {
    return this.#byName.get(f) ?? []
  }

  /** What `build` makes of this history, made once however many checkers ask. */
  derived<T>(build: (history: History) => T): T {
    if (!this.#derived.has(build)) this.#derived.set(build, build(this))
    return this.#derived.get(build) as T
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()]
  }

  /** Time of the last line, ns. */
  get end(): number {
    return this.ops.at(-1)?.time ?? 0
  }
}

/** Whether `op` stands alone: no invocation, no completion. */
export function isFact(op: Op): boolean {
  return factNames.has(op.f) || (typeof op.process === 'string' && factProcesses.has(op.process))
}

/** When the operation was over, ns; Infinity when nobody knows that it ever was. */
export function returnTime(operation: Operation): number {
  return operation.outcome === 'ok' ? (operation.complete?.time ?? Infinity) : Infinity
}

/** When it was answered, whatever the answer was; when it began, if it never was. ns */
export function endTime({ invoke, complete }: Operation): number {
  return complete?.time ?? invoke.time
}

/** The indexes by which an anomaly names an operation. */
export function indexesOf(operation: Operation): number[] {
  const { invoke, complete } = operation
  return complete ? [invoke.index, complete.index] : [invoke.index]
}

interface OpenOperation {
  readonly invoke: Op
  complete: Op | undefined
  outcome: Outcome
}

function pair(ops: readonly Op[]): { operations: Operation[]; facts: Op[] } {
  const operations: OpenOperation[] = []
  const facts: Op[] = []
  const open = new Map<string, OpenOperation>()
  for (const op of ops) {
    if (isFact(op)) {
      facts.push(op)
      continue
    }
    const process = String(op.process)
    const running = open.get(process)
    if (op.type === 'invoke') {
      if (running)
        throw new BrokenPairing(
          `operation ${op.index}: process ${process} invokes ${op.f} while its ${running.invoke.f} (${running.invoke.index}) is open`,
        )
      const operation: OpenOperation = { invoke: op, complete: undefined, outcome: 'info' }
      operations.push(operation)
      open.set(process, operation)
      continue
    }
    if (!running)
      throw new BrokenPairing(
        `operation ${op.index}: ${op.type} of process ${process} without an invocation`,
      )
    if (running.invoke.f !== op.f)
      throw new BrokenPairing(
        `operation ${op.index}: process ${process} completes ${op.f}, but ${running.invoke.f} (${running.invoke.index}) is open`,
      )
    running.complete = op
    running.outcome = op.type
    open.delete(process)
  }
  return { operations, facts }
}
