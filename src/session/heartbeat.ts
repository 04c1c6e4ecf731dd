import type { Cancel, Clock, Histogram, Timers } from '../ports.ts'
import { TimingWheel, WheelEntry } from './timing-wheel.ts'

/** What a heart beats for. */
export interface Beating {
  /** Time to ask the client for a sign of life. */
  ping(): void
  /** Nothing came for the idle time. False: that is not to be held against it, and the time begins anew. */
  silent(): boolean
  /** Its deadline has passed. */
  late(): void
}

/**
 * Precision of deadlines, ms; also how often the wheel is looked at. Finer when the limits are short: a
 * pong must have the time between ping and limit, a tenth of the limit, to be noticed.
 */
const maxTickMs = 100
const minTickMs = 10
/** One round of the wheel is 102 s: with pings every 49.5 s hardly an entry waits for a second one. */
const slots = 1_024
/** Pings go at this share of the idle time: 49.5 s of 55 s. */
const pingShare = 0.9

/** Times of one connection. Plain numbers, one wheel entry: it costs a hundred bytes. */
export class Pulse extends WheelEntry {
  readonly #heart: Heartbeat
  readonly beating: Beating
  heardAt: number
  pingAt: number
  /** When it must have got further (hi, login); infinite when it has. */
  deadlineAt: number
  /** When the last ping left; 0: answered. */
  pingedAt = 0

  constructor(heart: Heartbeat, beating: Beating, now: number, times: HeartTimes) {
    super()
    this.#heart = heart
    this.beating = beating
    this.heardAt = now
    this.pingAt = now + times.idleMs * pingShare
    this.deadlineAt = now + times.deadlineMs
  }

  override fire(): void {
    this.#heart.fired(this)
  }
}

export interface HeartTimes {
  readonly idleMs: number
  readonly deadlineMs: number
}

/** Pings, idle limits and deadlines of all connections of a node, on one wheel. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #times: HeartTimes
  readonly #roundTrip: Histogram
  readonly #wheel: TimingWheel
  readonly #stop: Cancel
  /** Monotonic ms, as of the last tick: exact enough for all that is measured here. */
  #now: number

  constructor(clock: Clock, timers: Timers, times: HeartTimes, roundTrip: Histogram) {
    this.#clock = clock
    this.#times = times
    this.#roundTrip = roundTrip
    this.#now = clock.monotonic()
    const tickMs = Math.max(minTickMs, Math.min(maxTickMs, Math.floor(times.idleMs / 100)))
    this.#wheel = new TimingWheel(tickMs, slots, this.#now)
    this.#stop = timers.every(tickMs, () => this.tick())
  }

  /** Monotonic ms as of the last tick: what a rate or a limit needs, without asking the clock. */
  get now(): number {
    return this.#now
  }

  get size(): number {
    return this.#wheel.size
  }

  /** A heart starts to beat; `deadlineMs` of the options is the first deadline. */
  begin(beating: Beating): Pulse {
    const pulse = new Pulse(this, beating, this.#now, this.#times)
    this.#plan(pulse)
    return pulse
  }

  /** Another deadline, ms from now; Infinity: none any more. */
  expect(pulse: Pulse, withinMs: number): void {
    pulse.deadlineAt = this.#now + withinMs
    this.#plan(pulse)
  }

  heard(pulse: Pulse): void {
    pulse.heardAt = this.#now
  }

  pong(pulse: Pulse): void {
    pulse.heardAt = this.#now
    if (pulse.pingedAt === 0) return
    this.#roundTrip.observe((this.#clock.monotonic() - pulse.pingedAt) / 1_000)
    pulse.pingedAt = 0
  }

  end(pulse: Pulse): void {
    this.#wheel.cancel(pulse)
  }

  /** Called every tick; public for those who drive time by hand. */
  tick(): void {
    this.#now = this.#clock.monotonic()
    this.#wheel.advance(this.#now)
  }

  close(): void {
    this.#stop()
  }

  fired(pulse: Pulse): void {
    if (this.#now >= pulse.deadlineAt) return pulse.beating.late()
    if (this.#now >= pulse.heardAt + this.#times.idleMs) {
      if (pulse.beating.silent()) return
      pulse.heardAt = this.#now
    }
    if (this.#now >= pulse.pingAt) {
      pulse.pingAt = this.#now + this.#times.idleMs * pingShare
      pulse.pingedAt = this.#clock.monotonic()
      pulse.beating.ping()
    }
    this.#plan(pulse)
  }

  #plan(pulse: Pulse): void {
    const next = Math.min(pulse.pingAt, pulse.heardAt + this.#times.idleMs, pulse.deadlineAt)
    this.#wheel.schedule(pulse, next)
  }
}
