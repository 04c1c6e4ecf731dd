/**
 * Latencies in ms, in buckets that grow by 2 %: quantiles are right to that much, whatever the count.
 */
export class Latencies {
  readonly #buckets = new Float64Array(bucketCount)
  count = 0
  max = 0

  add(ms: number): void {
    const i = ms <= smallestMs ? 0 : Math.ceil(Math.log(ms / smallestMs) / growth)
    this.#buckets[Math.min(i, bucketCount - 1)]! += 1
    this.count++
    if (ms > this.max) this.max = ms
  }

  /** `share`: 0..1. NaN: nothing was added. */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.count))
    for (const [i, n] of this.#buckets.entries()) {
      left -= n
      if (left <= 0) return Math.min(this.max, smallestMs * Math.exp(i * growth))
    }
    return Number.NaN
  }
}

const smallestMs = 0.01
const growth = Math.log(1.02)
/** Up to some 80 s. */
const bucketCount = 810

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The smallest value that at least `share` of them do not exceed. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export function rounded(value: number, digits = 2): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null
}
