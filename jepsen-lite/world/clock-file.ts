import { renameSync, writeFileSync } from 'node:fs'
import type { NodeClock } from './world.ts'

/** A node refuses to go on until its clock has caught up; for the end of a run to come, that must not take long. s */
const maxStepBack = 10

/**
 * Tells libfaketime, which reads this file at every look at the clock, what time it is. The
 * monotonic clock stays true, so timers are not touched.
 */
export class ClockFile implements NodeClock {
  readonly environment: Readonly<Record<string, string>>
  #offset = 0
  #rate = 1
  #since = performance.now()
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    this.environment = {
      FAKETIME_TIMESTAMP_FILE: path,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
    this.set(0)
  }

  set(offset: number, rate = 1): void {
    this.#offset = offset
    this.#rate = rate
    this.#since = performance.now()
    const sign = offset < 0 ? '' : '+'
    // Whole at any moment: a half-written file would be another fault.
    writeFileSync(
      `${this.#path}.new`,
      `${sign}${offset.toFixed(3)}${rate === 1 ? '' : ` x${rate}`}\n`,
    )
    renameSync(`${this.#path}.new`, this.#path)
  }

  heal(): void {
    const seconds = (performance.now() - this.#since) / 1000
    const ahead = this.#offset + (this.#rate - 1) * seconds
    this.set(ahead > maxStepBack ? ahead : 0)
  }
}
