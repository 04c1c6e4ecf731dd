import type { Operation } from '../operations.ts'
import type { Call, Model, Problem } from './model.ts'
import { BadValue } from './topic-log.ts'
import { returnIndex } from './value-problem.ts'

/** A text per key, empty at first: get, put (replace), append. */
export const kv: Model = {
  name: 'kv',
  says: 'get → text; put text; append text. A missing key is the empty text.',
  names: ['get', 'put', 'append'],
  prepare,
}

const get = 0
const put = 1
const append = 2

function prepare(operations: readonly Operation[]): Problem {
  const rows = thinned(operations.flatMap(asRow))
  const texts: string[] = ['']
  const ids = new Map<string, number>([['', 0]])
  const idOf = (text: string): number => {
    let id = ids.get(text)
    if (id === undefined) {
      ids.set(text, (id = texts.length))
      texts.push(text)
    }
    return id
  }
  const kinds = Uint8Array.from(rows.map((row) => row.kind))
  const values = rows.map((row) => row.text)
  const valueIds = Int32Array.from(values.map(idOf))
  // Appending the same text to the same state again and again is the hot path of a search.
  const appended = rows.map(() => new Map<number, number>())
  return {
    calls: rows.map(asCall),
    initial: 0,
    step(state, call) {
      const kind = kinds[call]
      if (kind === get) return valueIds[call] === state ? state : -1
      if (kind === put) return valueIds[call] as number
      const known = appended[call]?.get(state)
      if (known !== undefined) return known
      const next = idOf((texts[state] ?? '') + (values[call] ?? ''))
      appended[call]?.set(state, next)
      return next
    },
    describe: (state) => JSON.stringify(texts[state] ?? '?'),
  }
}

interface Row {
  readonly operation: Operation
  readonly kind: typeof get | typeof put | typeof append
  readonly text: string
}

function asRow(operation: Operation): Row[] {
  const { invoke, complete, outcome } = operation
  if (outcome === 'fail') return []
  if (invoke.f === 'get')
    return outcome === 'ok' && complete
      ? [{ operation, kind: get, text: textOf(complete.value ?? '', operation) }]
      : []
  if (invoke.f === 'put') return [{ operation, kind: put, text: textOf(invoke.value, operation) }]
  if (invoke.f === 'append')
    return [{ operation, kind: append, text: textOf(invoke.value, operation) }]
  return []
}

/** Without unknown changes of which no get shows a trace: they may as well never have happened. */
function thinned(rows: readonly Row[]): Row[] {
  const seen = rows.filter((row) => row.kind === get).map((row) => row.text)
  return rows
    .filter(({ operation, kind, text }) => {
      if (operation.outcome === 'ok') return true
      return seen.some((whole) => (kind === put ? whole.startsWith(text) : whole.includes(text)))
    })
    .toSorted((a, b) => a.operation.invoke.index - b.operation.invoke.index)
}

function asCall({ operation, kind }: Row): Call {
  return {
    operation,
    invoked: operation.invoke.index,
    returned: returnIndex(operation),
    readOnly: kind === get,
  }
}

function textOf(value: unknown, operation: Operation): string {
  if (typeof value !== 'string') throw new BadValue(operation.invoke, 'needs a text as value')
  return value
}
