/** Waits `ms`, or less when `until` (of the monotonic clock, ms) comes first. */
export function sleep(ms: number, until = Infinity): Promise<void> {
  const wait = Math.max(0, Math.min(ms, until - performance.now()))
  return new Promise((done) => setTimeout(done, wait))
}
