/**
 * Invariants stay on in production: a wrong state becomes a stopped node, not a wrong answer (P11).
 * Each has a number, which also stands in `docs/internals/<room>.md` and in a test.
 */
export type InvariantId = `${Uppercase<string>}-${number}`

export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant'
  readonly id: InvariantId
  readonly seen: Readonly<Record<string, unknown>>

  constructor(id: InvariantId, seen: Readonly<Record<string, unknown>>) {
    super(`invariant ${id} is broken: ${JSON.stringify(seen, bigintAsText)}`)
    this.id = id
    this.seen = seen
  }
}

/** Throws {@link BrokenInvariant} when `holds` is false. `seen`: the numbers a reader of the log needs. */
export function assert(
  holds: boolean,
  id: InvariantId,
  seen: Readonly<Record<string, unknown>> = {},
): asserts holds {
  if (!holds) throw new BrokenInvariant(id, seen)
}

/** Closes a switch over a union: a new member that nobody handles does not compile. */
export function unreachable(value: never): never {
  throw new BrokenInvariant('GROUND-1', { value })
}

/**
 * Coverage that means something: states that a campaign of tests must have reached, by id.
 * With what is armed in fault-points.ts the only mutable state of a module in this project; it counts
 * and decides nothing.
 */
export const marks = new Map<string, number>()

/** Counts `id` when `condition` holds. A simulation campaign that leaves a mark at zero has not tested it. */
export function sometimes(condition: boolean, id: string): void {
  if (condition) marks.set(id, (marks.get(id) ?? 0) + 1)
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
