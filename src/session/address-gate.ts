import { LRUCache } from 'lru-cache'
import { TokenBucket } from './token-bucket.ts'

/** Addresses that are remembered. Above: the one heard of longest ago starts anew with a full bucket. */
export const maxAddresses = 16_384

/** How fast one address may open connections. */
export class AddressGate {
  readonly #perSecond: number
  readonly #buckets = new LRUCache<string, TokenBucket>({ max: maxAddresses })

  /** `perSecond` 0: everybody may. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** `nowMs`: monotonic. */
  admits(address: string, nowMs: number): boolean {
    if (this.#perSecond === 0) return true
    const key = networkOf(address)
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#perSecond, nowMs)
      this.#buckets.set(key, bucket)
    }
    return bucket.take(this.#perSecond, nowMs)
  }
}

/**
 * Whom an address stands for: itself in IPv4, also when written as IPv6; the first 64 bits in IPv6,
 * because one customer has at least those.
 */
export function networkOf(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice(7)
  if (!address.includes(':')) return address
  const [head = '', tail = ''] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === '' ? [] : tail.split(':')
  const gap = address.includes('::') ? 8 - front.length - back.length : 0
  const words = [...front, ...Array.from({ length: Math.max(gap, 0) }, () => '0'), ...back]
  return words.slice(0, 4).join(':')
}
