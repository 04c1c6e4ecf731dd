import { indexesOf } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { MemoBudget, MemoFull } from './memo.ts'
import type { Model, Problem } from './model.ts'
import { Search } from './search.ts'
import { Findings } from './verdict.ts'

/**
 * Each key is a search of its own. They take turns with a growing number of steps, and the first
 * refutation ends everything: one key may refute in milliseconds while another would search for
 * ever. Who runs out of time or memory is unknown.
 */
export function linearizable(model: Model, name: string, says: string): Checker {
  return {
    name,
    says,
    check(history, options) {
      const findings = new Findings(name)
      const waiting = [...byKey(history, model)].map(([key, operations]) => {
        const problem = model.prepare(operations)
        findings.count('calls', problem.calls.length)
        return { key, problem, search: undefined as Search | undefined }
      })
      findings.count('keys', waiting.length)
      takeTurns(waiting, options, findings)
      return findings.verdict()
    },
  }
}

interface KeySearch {
  readonly key: string
  readonly problem: Problem
  search: Search | undefined
}

const firstSteps = 2_000
/** The clock is looked at between chunks; one chunk lasts some tens of milliseconds. */
const maxChunkSteps = 200_000

function takeTurns(waiting: KeySearch[], options: CheckOptions, findings: Findings): void {
  const budget = new MemoBudget(options.maxMemoEntries)
  const deadline = performance.now() + options.searchMs
  let pending = waiting
  for (let steps = firstSteps; pending.length > 0; steps *= 2) {
    const unfinished: KeySearch[] = []
    for (const one of pending) {
      const end = runOne(one, { steps, budget, deadline })
      if (end === 'refuted') {
        findings.anomaly(refutation(one))
        return
      }
      if (end === 'memory') findings.doubt(`key ${one.key}: the memo is full`)
      else if (end === 'time')
        findings.doubt(
          `key ${one.key}: ${one.problem.calls.length} calls, no result in ${options.searchMs} ms`,
        )
      else if (end === 'unfinished') unfinished.push(one)
    }
    pending = unfinished
  }
}

interface Turn {
  readonly steps: number
  readonly budget: MemoBudget
  readonly deadline: number
}

function runOne(
  one: KeySearch,
  { steps, budget, deadline }: Turn,
): 'linearizable' | 'refuted' | 'unfinished' | 'memory' | 'time' {
  try {
    one.search ??= new Search(one.problem, budget)
    for (let left = steps; left > 0; left -= maxChunkSteps) {
      if (performance.now() > deadline) return 'time'
      const end = one.search.run(Math.min(left, maxChunkSteps))
      if (end !== 'unfinished') return end
    }
    return 'unfinished'
  } catch (error) {
    if (!(error instanceof MemoFull)) throw error
    one.search?.abandon()
    one.search = undefined
    return 'memory'
  }
}

function refutation({ key, problem, search }: KeySearch): Parameters<Findings['anomaly']>[0] {
  const { placed = 0, last = [], state = problem.initial, stuck = -1 } = search?.furthest ?? {}
  const operation = problem.calls[stuck]?.operation
  const before = last.flatMap((call) => problem.calls[call]?.operation ?? [])
  const at = operation ? `${describe(operation)} (${indexesOf(operation).join(', ')})` : 'some call'
  const pins = pinning(problem, state).filter((pin) => pin !== operation)
  const pinned = pins[0]
    ? `; ${describe(pins[0])} (${indexesOf(pins[0]).join(', ')}) needs that state`
    : ''
  return {
    kind: 'not-linearizable',
    invariant: 'I10',
    key,
    says: `after ${placed} of ${problem.calls.length} calls, in state ${problem.describe(state)}, there is no place for ${at}${pinned}`,
    ops: [
      ...(operation ? indexesOf(operation) : []),
      ...pins.flatMap(indexesOf),
      ...before.slice(-5).flatMap(indexesOf),
    ],
  }
}

/** The last answers that need `state`: why the search could not leave it. */
function pinning({ calls, values }: Problem, state: number): Operation[] {
  if (!values) return []
  return calls
    .filter((call, i) => values.observes[i] === state && call.returned !== Infinity)
    .toSorted((a, b) => b.returned - a.returned)
    .slice(0, 2)
    .map((call) => call.operation)
}

function describe({ invoke, complete }: Operation): string {
  const asked = invoke.value === undefined ? '' : ` ${JSON.stringify(invoke.value)}`
  const told = complete?.value === undefined ? '' : ` → ${JSON.stringify(complete.value)}`
  return `${invoke.f}${asked}${told}`
}

function byKey(history: History, model: Model): ReadonlyMap<string, Operation[]> {
  const keys = new Map<string, Operation[]>()
  for (const operation of model.names.flatMap((f) => history.named(f))) {
    const key = operation.invoke.key ?? ''
    const list = keys.get(key)
    if (list) list.push(operation)
    else keys.set(key, [operation])
  }
  return keys
}
