import type { Clock, Counter } from '../ports.ts'
import { hashPassword, isPassword, nobodysPassword } from './password.ts'
import type { PasswordCost } from './password.ts'

/** Derivations at once: each takes a thread of the pool that disk writes use, too. */
const maxRunning = 2
/** Derivations that wait. Above: refused, which the client is told as 503. */
const maxWaiting = 512
/** One that has waited this long is refused, ms: its client is about to give up, and the next need not. */
const maxWaitMs = 3_500

interface Job {
  readonly since: number
  readonly run: () => Promise<void>
  readonly refuse: () => void
}

/**
 * Runs the expensive part of logins a few at a time, taking turns between addresses: one that floods
 * us with guesses makes only itself wait.
 */
export class PasswordDesk {
  readonly #cost: PasswordCost
  readonly #clock: Clock
  readonly #refused: Counter
  /** Jobs by address, in the order in which addresses take their turns. */
  readonly #lines = new Map<string, Job[]>()
  #waiting = 0
  #running = 0

  constructor(cost: PasswordCost, clock: Clock, refused: Counter) {
    this.#cost = cost
    this.#clock = clock
    this.#refused = refused
  }

  get waiting(): number {
    return this.#waiting
  }

  /** The text to store. Undefined: too much to do. */
  hash(password: string, address: string): Promise<string | undefined> {
    return this.#take(address, () => hashPassword(password, this.#cost))
  }

  /** `stored` undefined: there is no such login; takes its time and says false. Undefined: too much to do. */
  check(
    password: string,
    stored: string | undefined,
    address: string,
  ): Promise<boolean | undefined> {
    const against = stored ?? nobodysPassword(this.#cost)
    return this.#take(address, () => isPassword(password, against))
  }

  #take<T>(address: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#waiting >= maxWaiting) {
      this.#refused.add()
      return Promise.resolve(undefined)
    }
    return new Promise((resolve, reject) => {
      const run = (): Promise<void> => work().then(resolve, reject)
      const job = { since: this.#clock.monotonic(), run, refuse: () => resolve(undefined) }
      const line = this.#lines.get(address)
      if (line === undefined) this.#lines.set(address, [job])
      else line.push(job)
      this.#waiting++
      this.#next()
    })
  }

  #next(): void {
    while (this.#running < maxRunning) {
      const job = this.#pick()
      if (job === undefined) return
      if (this.#clock.monotonic() - job.since > maxWaitMs) {
        this.#refused.add()
        job.refuse()
        continue
      }
      this.#running++
      void job.run().finally(() => {
        this.#running--
        this.#next()
      })
    }
  }

  /** The oldest job of the address whose turn it is; the address then goes to the end. */
  #pick(): Job | undefined {
    for (const [address, line] of this.#lines) {
      this.#lines.delete(address)
      const job = line.shift()
      if (line.length > 0) this.#lines.set(address, line)
      if (job === undefined) continue
      this.#waiting--
      return job
    }
    return undefined
  }
}
