import type { DataFrame } from './server-message.ts'

export interface PageRequest {
  readonly since: number
  /** Exclusive. Missing: to the end. */
  readonly before?: number
  readonly limit: number
}

/**
 * Frames carry no request id, so while a page is awaited its messages and live ones look alike.
 * A page comes newest first and its end tells how many there were: the frames that fall by one each
 * time, so many of them, are the page. If there is no such run, everything within the bounds is
 * taken for the page, so that holes show. What is not of the page is live.
 */
export function parted(
  frames: readonly DataFrame[],
  { since, before = Infinity }: PageRequest,
  count: number,
): { page: DataFrame[]; live: DataFrame[] } {
  const inside = frames.filter(({ seq }) => seq >= since && seq < before)
  const run = inside.length > count ? fallingRun(inside, count) : undefined
  const page = new Map((run ?? inside).map((frame) => [frame.seq, frame]))
  const taken = new Set(run ?? inside)
  return {
    page: [...page.values()].sort((a, b) => a.seq - b.seq),
    live: frames.filter((frame) => !taken.has(frame)),
  }
}

function fallingRun(frames: readonly DataFrame[], count: number): DataFrame[] | undefined {
  // The last one: a live frame in front of the page may look like its beginning.
  for (let first = frames.length - count; first >= 0; first--) {
    const run: DataFrame[] = []
    for (const frame of frames.slice(first)) {
      const last = run.at(-1)
      if (run.length < count && (last === undefined || frame.seq === last.seq - 1)) run.push(frame)
    }
    if (run.length === count) return run
  }
  return undefined
}
