import type { Socket } from 'node:net'
import type { Random } from '../../src/ports.ts'
import type { LinkStats } from './link-fault.ts'
import { reset } from './reset.ts'

/** Late bytes come so long after the first answer over a newer connection at most, ms. */
const maxLateMs = 400
/** An old connection that took its late bytes is reset so long after, ms. */
const lingerMs = 200
/** Of one link; above: the oldest is reset at once. */
const maxEnds = 32

interface End {
  readonly far: Socket
  readonly left: readonly Buffer[]
  timer: NodeJS.Timeout | undefined
}

/**
 * Connections that their openers have left and that still stand at the receiver, with what was on
 * its way. Once a newer connection of the link is answered, the bytes come: some before the receiver
 * knows who is there, some after.
 */
export class LateEnds {
  readonly #random: Random
  readonly #stats: LinkStats
  readonly #ends = new Set<End>()

  constructor(random: Random, stats: LinkStats) {
    this.#random = random
    this.#stats = stats
  }

  keep(far: Socket, left: readonly Buffer[]): void {
    const [oldest] = this.#ends
    if (oldest && this.#ends.size >= maxEnds) this.#end(oldest)
    this.#ends.add({ far, left, timer: undefined })
    // What the receiver still has to say, nobody hears.
    far.on('error', () => far.destroy())
    far.resume()
  }

  newerIsUp(): void {
    for (const end of this.#ends)
      end.timer ??= setTimeout(() => this.#deliver(end), this.#random.below(maxLateMs))
  }

  /** Resets them all. */
  drop(): void {
    for (const end of this.#ends) this.#end(end)
  }

  #deliver(end: End): void {
    const { far, left } = end
    if (far.destroyed || far.readableEnded) {
      this.#stats.lateRefused++
      this.#end(end)
      return
    }
    for (const chunk of left) {
      far.write(chunk)
      this.#stats.lateBytes += chunk.length
    }
    end.timer = setTimeout(() => this.#end(end), lingerMs)
  }

  #end(end: End): void {
    clearTimeout(end.timer)
    this.#ends.delete(end)
    reset(end.far)
  }
}
