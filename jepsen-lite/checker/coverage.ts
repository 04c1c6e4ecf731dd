import { returnTime } from '../operations.ts'
import type { History } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { faultBands } from './fault-bands.ts'
import { fields } from './topic-log.ts'
import { Findings } from './verdict.ts'

/** A run in which too little happened proves nothing: these rules turn a pass into unknown. */
export const coverage: Checker = {
  name: 'coverage',
  says: 'every kind of operation succeeded at least once, faults had effects, final reads finished.',
  check(history, options) {
    const findings = new Findings('coverage')
    if (history.operations.length === 0) findings.doubt('the history has no operations')
    checkSuccesses(history, options, findings)
    if (options.effectsRequired) checkFaults(history, findings)
    checkThroughput(history, options, findings)
    checkFinalReads(history, findings)
    return findings.verdict()
  },
}

function checkSuccesses(history: History, options: CheckOptions, findings: Findings): void {
  for (const f of new Set([...history.names, ...options.mustSucceed])) {
    const all = history.named(f)
    for (const outcome of ['ok', 'fail', 'info'] as const) {
      const count = all.filter((operation) => operation.outcome === outcome).length
      if (count > 0) findings.count(`${f} ${outcome}`, count)
    }
    if (!all.some((operation) => operation.outcome === 'ok'))
      findings.doubt(`no ${f} of ${all.length} was ok`)
  }
}

function checkFaults(history: History, findings: Findings): void {
  for (const band of history.derived(faultBands)) {
    findings.count(`fault ${band.name}`)
    if (band.effects.length === 0 && !band.optional)
      findings.doubt(
        `the fault ${band.name} on ${band.targets.join(', ') || 'nobody'} (operation ${band.index}) had no effect`,
      )
  }
  for (const op of history.facts)
    if (op.process === 'nemesis' && op.f === 'skip')
      findings.doubt(`the fault ${op.key} was skipped: ${String(fields(op)['why'] ?? op.value)}`)
}

/** Processes that have just started are slow; so only the end of the quiet time counts. ns */
const measured = 3e9

/** Operations that ended per second, in the last seconds before the first fault began. */
export function throughputBeforeFaults(history: History): number {
  const to = history.derived(faultBands)[0]?.from ?? history.end
  const from = Math.max(history.operations[0]?.invoke.time ?? 0, to - measured)
  const done = history.operations.filter((operation) => {
    const time = returnTime(operation)
    return time > from && time <= to
  }).length
  return to > from ? Math.round(done / ((to - from) / 1e9)) : 0
}

function checkThroughput(history: History, options: CheckOptions, findings: Findings): void {
  const perSecond = throughputBeforeFaults(history)
  findings.count('ops-per-second-before-faults', perSecond)
  if (perSecond < options.minThroughput)
    findings.doubt(
      `${perSecond} operations per second before the first fault; ${options.minThroughput} are due`,
    )
}

function checkFinalReads(history: History, findings: Findings): void {
  const finished = new Map<string, boolean>()
  for (const { invoke, outcome } of history.named('read-all')) {
    const place = `${invoke.key} on ${invoke.node ?? '?'}`
    finished.set(place, finished.get(place) === true || outcome === 'ok')
  }
  for (const [place, ok] of finished)
    if (!ok) findings.doubt(`the final read of ${place} did not finish`)
}
