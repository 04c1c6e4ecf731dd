/** Maps a value to a place on a chart. */
export interface Scale {
  (value: number): number
  readonly ticks: readonly number[]
}

export function linearScale(
  from: number,
  to: number,
  start: number,
  end: number,
  count = 6,
): Scale {
  const span = to - from || 1
  const place = (value: number): number => start + ((value - from) / span) * (end - start)
  const step = niceStep(span / count)
  const ticks: number[] = []
  for (let tick = Math.ceil(from / step) * step; tick <= to + step / 1e6; tick += step)
    ticks.push(Number(tick.toPrecision(12)))
  return Object.assign(place, { ticks })
}

/** Powers of ten; `from` and `to` are above 0, values below the first tick stick to it. */
export function logScale(from: number, to: number, start: number, end: number): Scale {
  const [low, high] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))]
  const span = high - low || 1
  const place = (value: number): number =>
    start + ((Math.log10(Math.max(value, 10 ** low)) - low) / span) * (end - start)
  const ticks = Array.from({ length: span + 1 }, (_, i) => 10 ** (low + i))
  return Object.assign(place, { ticks })
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough || 1))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10
  return factor * power
}
