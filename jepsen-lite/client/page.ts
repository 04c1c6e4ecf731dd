import type { DataFrame } from './server-message.ts'

export interface PageRequest {
  readonly since: number
  /** Exclusive. Missing: to the end. */
  readonly before?: number
  readonly limit: number
}

export interface Parted {
  /** Ascending by seq. */
  readonly page: readonly DataFrame[]
  /** As they came. */
  readonly live: readonly DataFrame[]
}

/**
 * Frames carry no request id, so while a page is awaited its messages and live ones look alike. The
 * answer's end tells how many the page has (`count`); the others are live, and the live stream goes
 * on without a hole behind `place`, the last live message before. So it is known which ones they are,
 * in whichever way the two are mixed. `place` undefined: nobody told where the stream stands; then
 * every place is tried that leaves a page, newest first.
 *
 * When nothing fits, the server has broken a promise, and which one must show: what falls by one is
 * the page, and everything else live; without such a run everything within the bounds is the page.
 */
export function parted(
  frames: readonly DataFrame[],
  { since, before = Infinity }: PageRequest,
  { count, place }: { readonly count: number; readonly place: number | undefined },
): Parted {
  const more = frames.length - count
  const places = place === undefined ? frames.map(({ seq }) => seq - 1) : [place]
  const fitting = more > 0 ? places : [0]
  for (const start of fitting) {
    const live = stream(frames, start, more)
    const page = without(frames, live)
    if (live.length === more && falls(page)) return { page: page.toReversed(), live }
  }
  const run = fallingRun(frames, count)
  const page = run ?? frames.filter(({ seq }) => seq >= since && seq < before)
  return { page: page.toSorted((a, b) => a.seq - b.seq), live: without(frames, page) }
}

/** Of `frames`, up to `length` that rise by one each time, the first of them behind `place`. */
function stream(frames: readonly DataFrame[], place: number, length: number): DataFrame[] {
  const live: DataFrame[] = []
  for (const frame of frames)
    if (live.length < length && frame.seq === place + live.length + 1) live.push(frame)
  return live
}

function without(frames: readonly DataFrame[], taken: readonly DataFrame[]): DataFrame[] {
  const rest = new Set(frames)
  for (const frame of taken) rest.delete(frame)
  return [...rest]
}

function falls(frames: readonly DataFrame[]): boolean {
  return frames.every(({ seq }, i) => seq < (frames[i - 1]?.seq ?? Infinity))
}

/** The last one: a live frame in front of the page may look like its beginning. */
function fallingRun(frames: readonly DataFrame[], length: number): DataFrame[] | undefined {
  for (let first = frames.length - length; first >= 0; first--) {
    const run: DataFrame[] = []
    for (const frame of frames.slice(first)) {
      const last = run.at(-1)
      if (run.length < length && (last === undefined || frame.seq === last.seq - 1)) run.push(frame)
    }
    if (run.length === length) return run
  }
  return undefined
}
