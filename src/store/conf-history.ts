import type { Index } from '../raft/entry.ts'
import type { ConfAt } from './log.ts'

/*
 * The members of a group as of the start of its log, and each later change. All are kept until the
 * log is cut behind them, since a restart may have to begin before the newest (pitfall 73: a change
 * that is applied again must start from the members it started from the first time).
 */

/** With `conf` as the newest; what was adopted at or above its index is void. */
export function withConf(confs: readonly ConfAt[], conf: ConfAt): ConfAt[] {
  return [...confs.filter((at) => at.index < conf.index), conf]
}

/** Without those that `index` makes superfluous: the newest at or below it, and all above, stay. */
export function confsFrom(confs: readonly ConfAt[], index: Index): readonly ConfAt[] {
  let drop = 0
  while (drop + 1 < confs.length && (confs[drop + 1] as ConfAt).index <= index) drop++
  return drop === 0 ? confs : confs.slice(drop)
}
