import { statSync } from 'node:fs'
import type { Checker, CheckOptions } from './checker/checker.ts'
import { kv } from './checker/kv.ts'
import { nameModel } from './checker/name-model.ts'
import { register } from './checker/register.ts'
import { models } from './checker/registry.ts'
import type { ModelName } from './checker/registry.ts'
import { runCheckers } from './checker/run-checkers.ts'
import type { Judgement } from './checker/run-checkers.ts'
import { BadValue } from './checker/topic-log.ts'
import { Findings } from './checker/verdict.ts'
import { CouldNotRun } from './could-not-run.ts'
import { BadHistory, readHistory } from './history.ts'
import { BrokenPairing, History } from './operations.ts'
import { runFolder } from './store.ts'

/** By which operations a model is recognised in a history. */
const signs: Readonly<Record<ModelName, readonly string[]>> = {
  topic: ['publish', 'deliver', 'read-all', 'history', 'look-back', 'mark', 'marks'],
  register: register.names,
  kv: kv.names,
  names: nameModel.names,
  ids: ['mint'],
}

/** The history in a file, or in the folder of a run. Throws CouldNotRun. */
export async function loadHistory(path: string): Promise<History> {
  try {
    const file = statSync(path).isDirectory() ? runFolder(path).history : path
    return new History(await readHistory(file))
  } catch (error) {
    if (isMissing(error)) throw new CouldNotRun(`there is no history at ${path}`)
    throw asCouldNotRun(error)
  }
}

/**
 * Judges a history from anywhere. Without a model: all those whose operations are in it. A history
 * with nothing to judge is unknown. Throws CouldNotRun when values do not have the documented shape.
 */
export function checkHistory(
  history: History,
  model: ModelName | undefined,
  options: CheckOptions,
): Judgement {
  const present = new Set([...history.names, ...history.facts.map((op) => op.f)])
  const fits = (name: ModelName): boolean => signs[name].some((f) => present.has(f))
  const chosen = model ? [model] : (Object.keys(models) as ModelName[]).filter(fits)
  const checkers: Checker[] = chosen.flatMap((name) => models[name])
  if (!chosen.some(fits)) checkers.push(nothingToCheck(chosen))
  try {
    return runCheckers(checkers, history, options)
  } catch (error) {
    throw asCouldNotRun(error)
  }
}

function nothingToCheck(chosen: readonly ModelName[]): Checker {
  const wanted = (chosen.length > 0 ? chosen : (Object.keys(signs) as ModelName[])).flatMap(
    (name) => signs[name],
  )
  return {
    name: 'something-to-check',
    says: 'the history has operations that a model understands.',
    check() {
      const findings = new Findings('something-to-check')
      findings.doubt(`the history has none of the operations ${wanted.join(', ')}`)
      return findings.verdict()
    },
  }
}

/** Faults of the input as such; everything else is a bug and goes through. */
export function asCouldNotRun(error: unknown): unknown {
  const known =
    error instanceof BadHistory || error instanceof BrokenPairing || error instanceof BadValue
  return known ? new CouldNotRun(error.message) : error
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT'
}
