import type { HistoryWriter } from '../history.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import type { World } from '../world/world.ts'
import { heal } from './nemesis.ts'
import type { Fault, Nemesis } from './nemesis.ts'

export interface ScheduleOptions {
  readonly world: World
  readonly nemeses: readonly Nemesis[]
  readonly prng: Prng
  readonly history: HistoryWriter
  /** Nothing happens before: the throughput of a healthy cluster is measured. ms */
  readonly quietMs: number
  /** Ranges from which each fault's length, and the rest after it, are drawn. ms */
  readonly faultMs: readonly [number, number]
  readonly restMs: readonly [number, number]
  /** How long each step of a fault of several steps lasts, ms. */
  readonly stepMs: number
}

const pollMs = 100
/** A restarted node must serve again before the next fault, or a minority grows into a majority. Above: on with it. */
const recoveryDeadlineMs = 30_000

/** One fault after the other until the time is up, each with its start, effect and end in the history. */
export class Schedule {
  readonly #options: ScheduleOptions
  #inForce = 'none'

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /** For the progress line. */
  get inForce(): string {
    return this.#inForce
  }

  /** Settles at `until` (of the monotonic clock, ms), healed. */
  async run(until: number): Promise<void> {
    const { nemeses, prng, quietMs, faultMs, restMs, world, history } = this.#options
    await sleep(quietMs, until)
    while (nemeses.length > 0 && performance.now() + faultMs[0] < until) {
      await this.#once(prng.pick(nemeses), until)
      await sleep(prng.between(...restMs), until)
    }
    await sleep(until - performance.now())
    await heal(world)
    if (nemeses.length > 0)
      history.record({ process: 'nemesis', type: 'info', f: 'heal', key: 'all' })
  }

  async #once(nemesis: Nemesis, until: number): Promise<void> {
    const { world, prng, faultMs, stepMs } = this.#options
    const fault = await nemesis.start({ world, prng, stepMs })
    if (!fault) {
      this.#log('skip', nemesis.name, { why: 'nothing to hit' })
      return
    }
    this.#log('start', nemesis.name, { targets: fault.targets, scope: fault.scope, ...fault.how })
    this.#inForce = `${nemesis.name} ${fault.targets.join(', ')}`
    await this.#watch(
      nemesis.name,
      fault,
      Math.min(until, performance.now() + prng.between(...faultMs)),
    )
    await fault.stop()
    this.#log('stop', nemesis.name)
    this.#inForce = 'none'
    await this.#recovered(nemesis.name, until)
  }

  async #recovered(name: string, until: number): Promise<void> {
    const { world } = this.#options
    const from = performance.now()
    const deadline = Math.min(until, from + recoveryDeadlineMs)
    for (const node of world.nodes)
      while (!(await world.isReady(node)) && performance.now() < deadline)
        await sleep(pollMs, deadline)
    this.#log('recovered', name, { afterMs: Math.round(performance.now() - from) })
  }

  async #watch(name: string, fault: Fault, end: number): Promise<void> {
    let what = await fault.effect()
    while (what === undefined && performance.now() < end) {
      await sleep(pollMs, end)
      what = await fault.effect()
    }
    if (what !== undefined) this.#log('effect', name, { what })
    await sleep(end - performance.now())
  }

  #log(f: string, key: string, value: object = {}): void {
    this.#options.history.record({ process: 'nemesis', type: 'info', f, key, value })
  }
}
