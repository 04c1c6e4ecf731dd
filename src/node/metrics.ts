import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Metric } from 'prom-client'
import { assert } from '../assert.ts'
import type { Counter, Gauge, Histogram, Metrics } from '../ports.ts'

/**
 * The metrics of one node, in Prometheus' text form. Counting is an addition to a number: rooms count
 * on their hot paths, and only a scrape pays for names and text. Process figures and the lag of the
 * event loop come from prom-client.
 */
export class MetricRegistry implements Metrics {
  readonly #registry = new Registry()
  readonly #byName = new Map<string, Known>()

  constructor(labels: Readonly<Record<string, string>>) {
    this.#registry.setDefaultLabels({ ...labels })
    collectDefaultMetrics({ register: this.#registry, prefix })
    for (const name of misnamed) this.#registry.removeSingleMetric(prefix + name)
  }

  counter(name: string, help: string): Counter {
    return this.#once(name, 'counter', () => new PlainCounter(prefix + name, help))
  }

  gauge(name: string, help: string): Gauge {
    return this.#once(name, 'gauge', () => new PlainGauge(prefix + name, help))
  }

  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return this.#once(name, 'histogram', () => new PlainHistogram(prefix + name, help, buckets))
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** One name, one kind (NODE-1): a second kind under a name is a bug in the caller. */
  #once<T extends Known>(name: string, type: T['type'], make: () => T): T {
    const known = this.#byName.get(name)
    if (known !== undefined) {
      assert(known.type === type, 'NODE-1', { name, known: known.type, asked: type })
      return known as T
    }
    const made = make()
    this.#byName.set(name, made)
    this.#registry.registerMetric(made as unknown as Metric)
    return made
  }
}

const prefix = 'flotilla_'
/** Gauges that prom-client calls totals, which linters of metrics refuse; the same by type are kept. */
const misnamed = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
]

type Known = PlainCounter | PlainGauge | PlainHistogram

/** What prom-client's registry asks of a metric: these names, and `get`. */
interface Sample {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName?: string
}

class PlainCounter implements Counter {
  readonly type = 'counter'
  readonly aggregator = 'sum'
  readonly name: string
  readonly help: string
  #value = 0

  constructor(name: string, help: string) {
    this.name = name
    this.help = help
  }

  add(n = 1): void {
    this.#value += n
  }

  get(): { name: string; help: string; type: string; aggregator: string; values: Sample[] } {
    return { ...described(this), values: [{ value: this.#value, labels: {} }] }
  }

  reset(): void {
    this.#value = 0
  }
}

class PlainGauge implements Gauge {
  readonly type = 'gauge'
  readonly aggregator = 'sum'
  readonly name: string
  readonly help: string
  #value = 0

  constructor(name: string, help: string) {
    this.name = name
    this.help = help
  }

  set(value: number): void {
    this.#value = value
  }

  get(): { name: string; help: string; type: string; aggregator: string; values: Sample[] } {
    return { ...described(this), values: [{ value: this.#value, labels: {} }] }
  }

  reset(): void {
    this.#value = 0
  }
}

class PlainHistogram implements Histogram {
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  readonly name: string
  readonly help: string
  readonly #bounds: Float64Array
  /** Observations in each bucket alone; the last is above all bounds. */
  readonly #counts: Float64Array
  #sum = 0

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.#bounds = Float64Array.from(bounds).sort()
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let i = 0
    while (i < bounds.length && value > bounds[i]!) i++
    this.#counts[i]! += 1
    this.#sum += value
  }

  get(): { name: string; help: string; type: string; aggregator: string; values: Sample[] } {
    const values: Sample[] = []
    let below = 0
    for (const [i, count] of this.#counts.entries()) {
      below += count
      const le = this.#bounds[i] ?? '+Inf'
      values.push({ value: below, labels: { le }, metricName: `${this.name}_bucket` })
    }
    values.push({ value: this.#sum, labels: {}, metricName: `${this.name}_sum` })
    values.push({ value: below, labels: {}, metricName: `${this.name}_count` })
    return { ...described(this), values }
  }

  reset(): void {
    this.#counts.fill(0)
    this.#sum = 0
  }
}

function described(metric: Known): {
  name: string
  help: string
  type: string
  aggregator: string
} {
  return { name: metric.name, help: metric.help, type: metric.type, aggregator: metric.aggregator }
}
