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

/** The text when nobody will ever read it again: see `isUnseen` of Problem. */
const unread = 0

function prepare(operations: readonly Operation[]): Problem {
  const all = operations.flatMap(asRow)
  const found = longest(all.filter((row) => row.kind === get).map((row) => row.text))
  const rows = thinned(all, found)
  // No text that a get found, and none can be made of it.
  const texts: string[] = ['\u0000unread', '']
  const ids = new Map<string, number>([['', 1]])
  const idOf = (text: string): number => {
    let id = ids.get(text)
    if (id === undefined) {
      ids.set(text, (id = texts.length))
      texts.push(text)
    }
    return id
  }
  const parts = decoded(rows, found)
  const exact = parts !== undefined
  const kinds = Uint8Array.from(rows.map((row) => row.kind))
  const values = rows.map((row) => row.text)
  const valueIds = Int32Array.from(values.map(idOf))
  const unseen = Uint8Array.from(
    rows.map((row) => ((parts ? parts.has(row.text) : isFound(row, found)) ? 0 : 1)),
  )
  // Appending the same text to the same state again and again is the hot path of a search.
  const appended = rows.map(() => new Map<number, number>())
  const calls = rows.map(asCall)
  const puts = calls.flatMap((_, i) => (kinds[i] === put ? [i] : []))
  return {
    calls,
    initial: 1,
    step(state, call) {
      const kind = kinds[call]
      if (kind === get) return valueIds[call] === state ? state : -1
      if (unseen[call] === 1) return unread
      if (kind === put) return valueIds[call] as number
      const known = appended[call]?.get(state)
      if (known !== undefined) return known
      const text = (texts[state] ?? '') + (values[call] ?? '')
      const isRead = state !== unread && found.some((whole) => whole.startsWith(text))
      // Somebody found what it left: whoever alone can leave that cannot leave it unread.
      const next = isRead ? idOf(text) : exact ? -1 : unread
      appended[call]?.set(state, next)
      return next
    },
    // Appends only make the text longer; anything else takes a put that may still come before the answer.
    canStillAnswer(state, call, isLeft) {
      const text = values[call] as string
      if (state !== unread && text.startsWith(texts[state] as string)) return true
      const { returned } = calls[call] as Call
      return puts.some(
        (one) =>
          (calls[one] as Call).invoked < returned &&
          text.startsWith(values[one] as string) &&
          isLeft(one),
      )
    },
    isUnseen: (call) => unseen[call] === 1,
    replaces: (call) => kinds[call] === put && unseen[call] === 0,
    describe: (state) => (state === unread ? 'some text' : JSON.stringify(texts[state] ?? '?')),
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

/**
 * The written texts that the found ones are made of, if there is one way only to make them: every
 * text is written once, and none begins with another. Undefined: there may be more ways than one.
 */
function decoded(rows: readonly Row[], found: readonly string[]): Set<string> | undefined {
  const written = rows.filter((row) => row.kind !== get).map((row) => row.text)
  const sorted = written.toSorted()
  if (!sorted.every((text, i) => text !== '' && sorted[i + 1]?.startsWith(text) !== true))
    return undefined
  const codes = new Set(written)
  const lengths = [...new Set(written.map((text) => text.length))].toSorted((a, b) => a - b)
  const parts = new Set<string>()
  for (const whole of found)
    for (let at = 0; at < whole.length;) {
      const length = lengths.find((one) => codes.has(whole.slice(at, at + one)))
      if (length === undefined) return undefined
      parts.add(whole.slice(at, at + length))
      at += length
    }
  return parts
}

/** Of texts that begin alike, only the longest. */
function longest(texts: readonly string[]): string[] {
  const sorted = [...new Set(texts)].toSorted()
  return sorted.filter((text, i) => sorted[i + 1]?.startsWith(text) !== true)
}

/** Whether a get may have found what this call left. */
function isFound({ kind, text }: Row, found: readonly string[]): boolean {
  if (kind === get) return true
  return found.some((whole) => (kind === put ? whole.startsWith(text) : whole.includes(text)))
}

/** Without unknown changes of which no get shows a trace: they may as well never have happened. */
function thinned(rows: readonly Row[], found: readonly string[]): Row[] {
  return rows
    .filter((row) => row.operation.outcome === 'ok' || isFound(row, found))
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
