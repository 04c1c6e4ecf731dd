import type { Clock, Timers } from '../ports.ts'
import type { Session } from './session.ts'

/** How often a few more sessions are sent away, ms. */
const stepMs = 20

/**
 * Sends sessions away one after another, evenly over `windowMs`, so that the other nodes do not get
 * all of them at once. Resolves when the last has been told; each was flushed and closed with 1012.
 */
export function sendAllAway(
  sessions: readonly Session[],
  windowMs: number,
  clock: Clock,
  timers: Timers,
): Promise<void> {
  const began = clock.monotonic()
  let next = 0
  const step = (): boolean => {
    const passed = windowMs <= 0 ? 1 : (clock.monotonic() - began) / windowMs
    const upTo = Math.min(sessions.length, Math.ceil(passed * sessions.length))
    while (next < upTo) sessions[next++]?.sendAway()
    return next === sessions.length
  }
  return new Promise((resolve) => {
    const wait = (): void => {
      if (step()) resolve()
      else timers.after(stepMs, wait)
    }
    wait()
  })
}
