import { Latencies } from '../../src/cli/bench/latencies.ts'
import { payload } from '../../src/cli/bench/payload.ts'
import { pause, within } from './deadline.ts'
import { sampleMachine, usageBetween } from './machine-usage.ts'
import type { Connection, Running } from './system.ts'

export interface PublishLoad {
  readonly inflight: number
  readonly seconds: number
  readonly size: number
  /** The load ends after so many publishes even when there is time left. */
  readonly mostPublishes: number
}

/** Of one load on one system; comparison.ts makes rows of them. */
export interface PublishFigures {
  readonly acksPerS: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly serverCpuUs: number
  readonly clientCpuPercent: number
  readonly flushesPerS: number
  readonly errors: number
}

/** A refused publish is followed by a rest, so that a refused load does not spin, ms. */
const restAfterErrorMs = 5
/** How long the last acknowledgements may take after the end of a load, ms. What takes longer fails the measurement. */
const lastAcksMs = 15_000

/**
 * A closed loop: `inflight` publishes outstanding at any time, spread over the connections (one in
 * flight: over the first only), until the time or the count is over.
 */
export async function publishLoad(
  system: Running,
  connections: readonly Connection[],
  load: PublishLoad,
): Promise<PublishFigures> {
  const used =
    load.inflight < connections.length ? connections.slice(0, load.inflight) : connections
  const latencies = new Latencies()
  let errors = 0
  let sent = 0
  const before = sampleMachine(system.pids())
  const endMs = before.atMs + load.seconds * 1000
  const worker = async (connection: Connection) => {
    while (sent < load.mostPublishes && performance.now() < endMs) {
      const began = performance.now()
      try {
        await connection.publish(payload(sent++, load.size))
        latencies.add(performance.now() - began)
      } catch {
        errors++ // the row tells how many
        await pause(restAfterErrorMs)
      }
    }
  }
  const workers = Array.from({ length: load.inflight }, (_, i) => worker(used[i % used.length]!))
  await within(load.seconds * 1000 + lastAcksMs, 'the last acknowledgement', Promise.all(workers))
  const usage = usageBetween(before, sampleMachine(system.pids()))
  return {
    acksPerS: latencies.count / usage.seconds,
    p50Ms: latencies.quantile(0.5),
    p99Ms: latencies.quantile(0.99),
    serverCpuUs: (usage.serverCpuSeconds * 1e6) / latencies.count,
    clientCpuPercent: usage.clientCpuPercent,
    flushesPerS: usage.flushesPerS,
    errors,
  }
}
