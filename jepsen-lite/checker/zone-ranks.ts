import type { Problem } from './model.ts'

/**
 * In which order a search tries calls; the smallest first. It decides speed only, never the result.
 *
 * With values that only one call produces, a value and all who found it form a cluster, whose zone
 * lies between its earliest return and its latest invocation. Gibbons and Korach (Testing Shared
 * Memories, 1997) show that the lower ends of the zones are then an order in which everything fits,
 * if anything does. For all other calls: who answered first goes first.
 */
export function zoneRanks({ calls, values }: Problem): Float64Array {
  const ranks = Float64Array.from(calls, (call) => call.returned)
  if (!values) return ranks
  const { observes, produces, count } = values
  const producers = new Int32Array(count)
  for (const value of produces) if (value >= 0) producers[value] = (producers[value] as number) + 1
  const earliestReturn = new Float64Array(count).fill(Infinity)
  const latestInvoke = new Float64Array(count).fill(-Infinity)
  const stretch = (value: number, call: number): void => {
    if (value < 0) return
    const { invoked, returned } = calls[call] ?? { invoked: 0, returned: 0 }
    earliestReturn[value] = Math.min(earliestReturn[value] as number, returned)
    latestInvoke[value] = Math.max(latestInvoke[value] as number, invoked)
  }
  for (let call = 0; call < calls.length; call++) {
    stretch(observes[call] as number, call)
    stretch(produces[call] as number, call)
  }
  for (let call = 0; call < calls.length; call++) {
    const value = produces[call] as number
    if (value >= 0 && producers[value] === 1)
      ranks[call] = Math.min(earliestReturn[value] as number, latestInvoke[value] as number)
  }
  return ranks
}
