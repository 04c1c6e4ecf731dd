import type { Prng } from '../prng.ts'

/** Kinds of trouble. A seed draws which are on; shrinking switches them off one by one. */
export const faultClasses = [
  'loss', // messages vanish
  'duplicate',
  'replay', // old messages come again, also those of older terms
  'rewind', // a leader also sends what it has sent before, as a leader of another make might
  'reorder', // off: links keep their order
  'capacity', // a full link drops
  'partition',
  'one-way',
  'clog', // nothing for a while, then everything
  'crash',
  'trap', // a crash at a named point of a node's work, and a quick return
  'harsh', // a crash keeps any subset of what was not synced, and tears the last of it
  'slow-disk',
  'hung-disk',
  'stall', // a node stands still, then finds everything that came meanwhile
  'members',
  'transfer',
  'hints', // broken connections are told of, sometimes wrongly
  'cold', // entries are let go of from memory and must be read back
  'churn', // for a while leaders go down soon after they were elected, or as soon as they commit
] as const

export type FaultClass = (typeof faultClasses)[number]

/** One thing that happens to the group. Whom it hits is decided when it happens, from `id` alone. */
export interface FaultEvent {
  /** Its place in the list of the seed: stays when others are left out. */
  readonly id: number
  readonly class: FaultClass
  readonly at: number
  readonly ms: number
}

/** Mean time between two events of a class and how long one lasts, both in election timeouts. */
const paces: Partial<Record<FaultClass, { readonly gap: number; readonly lasts: number }>> = {
  partition: { gap: 12, lasts: 6 },
  'one-way': { gap: 14, lasts: 5 },
  clog: { gap: 8, lasts: 2 },
  crash: { gap: 7, lasts: 3 },
  trap: { gap: 6, lasts: 0.3 },
  'slow-disk': { gap: 12, lasts: 5 },
  'hung-disk': { gap: 20, lasts: 5 },
  stall: { gap: 8, lasts: 3 },
  members: { gap: 4, lasts: 0 },
  transfer: { gap: 6, lasts: 0 },
  hints: { gap: 4, lasts: 0 },
  cold: { gap: 4, lasts: 0 },
  churn: { gap: 20, lasts: 12 },
}

/** Each class draws from a stream of its own, so that leaving one out does not move the others. */
export function drawFaults(
  random: Prng,
  classes: readonly FaultClass[],
  untilMs: number,
  electionMs: number,
): FaultEvent[] {
  const drawn: Omit<FaultEvent, 'id'>[] = []
  for (const name of faultClasses) {
    const pace = paces[name]
    if (pace === undefined || !classes.includes(name)) continue
    const own = random.split(name)
    const gap = pace.gap * electionMs * own.pick([0.1, 0.3, 1, 2])
    const lasts = pace.lasts * electionMs * own.pick([0.3, 1, 2])
    for (let at = own.exponential(gap); at < untilMs; at += own.exponential(gap)) {
      drawn.push({ class: name, at, ms: own.exponential(lasts) })
    }
  }
  drawn.sort((a, b) => a.at - b.at)
  return drawn.map((event, id) => ({ ...event, id }))
}
