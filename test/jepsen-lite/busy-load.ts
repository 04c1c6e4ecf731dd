import { Prng } from '../../jepsen-lite/prng.ts'
import { Load } from '../../jepsen-lite/workload/load.ts'
import type { LoadCounts, LoadOptions } from '../../jepsen-lite/workload/load.ts'

/** A load with clients that do what they are told between any two looks at the counts. */
export class BusyLoad extends Load {
  readonly #prng = new Prng(7)

  constructor(options: Partial<LoadOptions> = {}) {
    let ms = 0
    super({ rate: 1, lanes: 4, mayBurst: true, now: () => (ms += 100), ...options })
  }

  override get counts(): LoadCounts {
    const begun = this.factor === 1 ? 4 : this.lanes
    for (let i = 0; i < begun; i++) this.begun()
    const counts = super.counts
    for (let i = 0; i < begun; i++) this.ended()
    for (let i = 0; i < 10; i++) {
      this.pick(this.#prng, ['a', 'b', 'c', 'd'])
      this.stored(this.body(this.#prng, `m.${i}`))
    }
    return counts
  }
}
