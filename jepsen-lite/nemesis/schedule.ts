import type { HistoryWriter } from '../history.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import type { Load } from '../workload/load.ts'
import { allReady } from '../world/all-ready.ts'
import type { World } from '../world/world.ts'
import { heal } from './nemesis.ts'
import type { Complaint, Fault, Nemesis } from './nemesis.ts'

export interface ScheduleOptions {
  readonly world: World
  /** Each comes once before any comes twice. */
  readonly nemeses: readonly Nemesis[]
  readonly prng: Prng
  readonly history: HistoryWriter
  /** Of the clients; missing: there are none. */
  readonly load?: Load
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
    const missing = new Set(nemeses)
    let round: Nemesis[] = []
    while (nemeses.length > 0 && performance.now() + faultMs[0] < until) {
      if (round.length === 0) round = prng.shuffled(nemeses)
      const next = round.shift() as Nemesis
      const fits = performance.now() + (next.lastsMs ?? 0) < until
      if (fits && (await this.#once(next, until))) missing.delete(next)
      await sleep(prng.between(...restMs), until)
    }
    await sleep(until - performance.now())
    await heal(world)
    for (const { name } of missing)
      this.#log('skip', name, {
        why: 'it found nothing to hit, or the time was up before its turn',
      })
    if (nemeses.length > 0)
      history.record({ process: 'nemesis', type: 'info', f: 'heal', key: 'all' })
  }

  /** False: it found nothing to hit. */
  async #once(nemesis: Nemesis, until: number): Promise<boolean> {
    const { world, prng, faultMs, stepMs, load } = this.#options
    const { name } = nemesis
    const fault = await nemesis.start({
      world,
      prng,
      stepMs,
      topics: () => this.#topics(),
      ...(load && { load }),
    })
    if (!fault) return false
    const { targets, scope, how, optional } = fault
    this.#log('start', name, { targets, scope, ...how, ...(optional === true && { optional }) })
    this.#inForce = `${name} ${targets.join(', ')}`
    await fault.carryOut?.()
    const end = Math.min(until, performance.now() + prng.between(...faultMs))
    await this.#watch(name, fault, end)
    const complaint = await fault.complaint?.()
    if (complaint) this.#complain(name, complaint)
    await fault.stop()
    // More than a minority was down: until they serve again, the fault is in force.
    const isLarge = scope === 'majority' || scope === 'all'
    if (!isLarge) this.#log('stop', name)
    this.#inForce = 'none'
    const afterMs = await this.#recovery(until)
    if (isLarge) this.#log('stop', name)
    this.#log('recovered', name, { afterMs })
    return true
  }

  #topics(): string[] {
    const writes = this.#options.history.ops.filter(
      ({ f, type }) => f === 'publish' && type === 'ok',
    )
    return [...new Set(writes.flatMap(({ key }) => key ?? []))]
  }

  #complain(name: string, { node, says }: Complaint): void {
    const value = { pattern: `what ${name} must not find`, line: says }
    this.#options.history.record({ process: 'observer', type: 'ok', f: 'log', node, value })
  }

  /** How long it took until all serve, ms. */
  async #recovery(until: number): Promise<number> {
    const { world } = this.#options
    const from = performance.now()
    await allReady(world, Math.min(until, from + recoveryDeadlineMs))
    return Math.round(performance.now() - from)
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
