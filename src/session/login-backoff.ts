import { LRUCache } from 'lru-cache'

/** Pairs of address and login that are remembered. Above: the one used longest ago is forgotten. */
const maxPairs = 10_000
/** Wrong guesses that cost nothing but their own time: people mistype. */
const freeFailures = 5
const firstPauseMs = 250
const maxPauseMs = 60_000

interface Failures {
  count: number
  until: number
}

/** After some wrong passwords in a row an address must wait before it tries that login again. */
export class LoginBackoff {
  readonly #failures = new LRUCache<string, Failures>({ max: maxPairs })

  /** `nowMs`: monotonic. */
  mayTry(address: string, login: string, nowMs: number): boolean {
    const failures = this.#failures.get(`${address}|${login}`)
    return failures === undefined || nowMs >= failures.until
  }

  failed(address: string, login: string, nowMs: number): void {
    const key = `${address}|${login}`
    const failures = this.#failures.get(key) ?? { count: 0, until: 0 }
    failures.count++
    const over = failures.count - freeFailures
    if (over > 0) failures.until = nowMs + Math.min(firstPauseMs * 2 ** (over - 1), maxPauseMs)
    this.#failures.set(key, failures)
  }

  succeeded(address: string, login: string): void {
    this.#failures.delete(`${address}|${login}`)
  }
}
