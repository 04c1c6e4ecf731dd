import type { Operation } from '../operations.ts'

/** A sequential specification: what one object answers when operations come one after another. */
export interface Model {
  readonly name: string
  /** One sentence on the operations, for `list`. */
  readonly says: string
  /** The names of operations it understands; others are left alone. */
  readonly names: readonly string[]
  /** Prepares the operations of one key. Throws BadValue. */
  prepare(operations: readonly Operation[]): Problem
}

/**
 * The search problem of one key. States and values are small integers, so that the search stays
 * monomorphic. Calls are sorted by `invoked`.
 */
export interface Problem {
  readonly calls: readonly Call[]
  readonly initial: number
  /** The state after call number `call`, or -1 when it cannot have answered as it did in `state`. */
  step(state: number, call: number): number
  describe(state: number): string
  /**
   * False: from `state` no order of the calls that are left, of which `isLeft` tells, lets `call`
   * answer as it did. Allows pruning; missing: never known before it is tried.
   */
  canStillAnswer?(state: number, call: number, isLeft: (other: number) => boolean): boolean
  /**
   * True: nobody found what `call` left, so nothing but its like and then a replacement, or the end,
   * comes behind it; it goes unseen before a replacement. Missing: `values` knows.
   */
  isUnseen?(call: number): boolean
  /** Replaces whatever it finds. Missing: `values` knows. */
  replaces?(call: number): boolean
  /** Present when the object is one replaceable value and every state is a value; allows pruning. */
  readonly values?: ValueUse
}

export interface Call {
  readonly operation: Operation
  /** Index of the invocation and of the return in the history: real time as the harness saw it. */
  readonly invoked: number
  /** Infinity: may take effect at any later time, or never. */
  readonly returned: number
  /** Never changes the state. */
  readonly readOnly: boolean
}

/** Per call, by number: the value that it needs to find and the value that it leaves; -1: none. */
export interface ValueUse {
  readonly observes: Int32Array
  readonly produces: Int32Array
  readonly count: number
}
