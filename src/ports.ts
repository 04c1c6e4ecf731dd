/**
 * What the outside world is to us: time, chance, timers, a log, counters. Rooms take these by
 * constructor, so that five nodes can live in one process under a virtual clock.
 */

export interface Clock {
  /** Wall time, ms since 1970. For display and ids only: no safety argument may use it. */
  now(): number
  /** Monotonic time in ms, fractions allowed. For deadlines and measuring. */
  monotonic(): number
}

export interface Random {
  /** A uniform integer in [0, bound). `bound` is 1..2^32. */
  below(bound: number): number
}

/** Cancels what was scheduled. May be called twice, also after it fired. */
export type Cancel = () => void

export interface Timers {
  /** Runs `task` once, `ms` from now. */
  after(ms: number, task: () => void): Cancel
  /** Runs `task` every `ms`. After a stall it runs once, not once for each missed period. */
  every(ms: number, task: () => void): Cancel
  /** Runs `task` at the end of this turn of the event loop, behind the input that is ready now. */
  soon(task: () => void): void
}

/** Structured lines; pino fits. Never a secret, never a message body. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A logger whose lines all carry `fields`. */
  child(fields: object): Logger
}

export interface Counter {
  add(n?: number): void
}
export interface Gauge {
  set(value: number): void
}
export interface Histogram {
  observe(value: number): void
}

/**
 * Metrics by name. Asking twice for one name gives the same metric. Names are snake_case without
 * the `flotilla_` prefix, which the registry adds; seconds and bytes are the units.
 */
export interface Metrics {
  counter(name: string, help: string): Counter
  gauge(name: string, help: string): Gauge
  histogram(name: string, help: string, buckets: readonly number[]): Histogram
}

/** For tests, and for rooms that run without an operator. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
}

export const noMetrics: Metrics = {
  counter: () => ({ add() {} }),
  gauge: () => ({ set() {} }),
  histogram: () => ({ observe() {} }),
}
