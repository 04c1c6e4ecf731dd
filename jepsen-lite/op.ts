/**
 * One line of a history. An operation is two lines of one process, its invocation and what became
 * of it; README.md lists the words used for `f` and the shapes of `value`.
 */
export interface Op {
  /** Position in the history; rises by any positive step. Anomalies name operations by it. */
  readonly index: number
  /** ns since the run began, from one monotonic clock. Below 2^53, so a run lasts at most 104 days. */
  readonly time: number
  readonly process: Process
  readonly type: OpType
  /** What is done: publish, read, cas, deliver, ... */
  readonly f: string
  /** The thing it is done to: a topic, a register, a name. */
  readonly key?: string
  readonly value?: unknown
  /** The node that was asked. */
  readonly node?: string
  readonly error?: string
}

/** An operation before the writer gave it its place. */
export type OpDraft = Omit<Op, 'index' | 'time'>

/** A client lane with at most one operation open, or `nemesis`, or `observer`. */
export type Process = number | string

export const opTypes = ['invoke', 'ok', 'fail', 'info'] as const
/** `fail`: certainly did not and will not happen. `info`: unknown; it may still happen. */
export type OpType = (typeof opTypes)[number]

/**
 * The operation in `line`, or what is wrong with it. A line without index or time follows directly
 * upon `last`; fields that are not ours are left out.
 */
export function parseOp(line: string, last?: Op): Op | string {
  const read = parsed(line)
  if (read instanceof SyntaxError) return `not JSON (${read.message})`
  if (typeof read !== 'object' || read === null || Array.isArray(read)) return 'not a JSON object'
  const row = read as Record<string, unknown>
  const { process, type, f, key, value, node, error } = row
  const { index = last ? last.index + 1 : 0, time = last?.time ?? 0 } = row
  if (!isCount(index)) return 'index is not a whole number from 0'
  if (typeof time !== 'number' || !(time >= 0) || !(time < 2 ** 53))
    return 'time is not a number of nanoseconds from 0'
  if (typeof process !== 'string' && !isCount(process)) return 'process is no number and no text'
  if (!opTypes.includes(type as OpType)) return `type is none of ${opTypes.join(', ')}`
  if (typeof f !== 'string' || f === '') return 'f is missing'
  if (key !== undefined && typeof key !== 'string' && typeof key !== 'number')
    return 'key is no text and no number'
  if (node !== undefined && typeof node !== 'string') return 'node is no text'
  return {
    index,
    time,
    process,
    type: type as OpType,
    f,
    ...(key !== undefined && { key: String(key) }),
    ...(value !== undefined && { value }),
    ...(node !== undefined && { node }),
    ...(error !== undefined && { error: asText(error) }),
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    return error
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
