import { Room } from '../../src/cli/bench/fanout.ts'
import { payload } from '../../src/cli/bench/payload.ts'
import { pause, within } from './deadline.ts'
import { sampleMachine, usageBetween } from './machine-usage.ts'
import type { Connection, Running } from './system.ts'

export interface FanoutLoad {
  readonly subscribers: number
  /** Messages that not all subscribers have seen yet, at any time. */
  readonly window: number
  readonly seconds: number
  readonly warmup: number
  readonly size: number
}

/** Of one load on one system; comparison.ts makes rows of them. */
export interface FanoutFigures {
  readonly deliveriesPerS: number
  /** From publish to each delivery. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** For each delivery. */
  readonly serverCpuUs: number
  readonly clientCpuPercent: number
  readonly flushesPerS: number
  /** Deliveries that were not the next number of their subscriber. */
  readonly disorder: number
  /** Deliveries that never came. */
  readonly missing: number
  readonly errors: number
}

/** Connections being made at a time. */
const parallelConnects = 6
/** How long one subscriber may take to get in: with Flotilla it signs up first, ms. */
const subscribeMs = 45_000
/** Calm before the first message: servers tell each other of their subscribers a little later (NATS), ms. */
const settleMs = 1_000
/** How long deliveries may still come after a load, ms. */
const drainMs = 15_000

/** One room, its subscribers spread over the nodes, one publisher on the first. */
export async function fanoutLoad(system: Running, load: FanoutLoad): Promise<FanoutFigures> {
  const room = new Room(load.subscribers, drainMs)
  const connections: Connection[] = []
  const enter = async (i: number) => {
    const connection = await system.connect(i)
    connections.push(connection)
    await connection.subscribe((bytes) => {
      const n = numberIn(bytes)
      if (n >= 0) room.saw(i, n)
    })
  }
  try {
    await enterAll(load.subscribers, enter)
    const publisher = await system.connect(0)
    connections.push(publisher)
    const post = () => {
      publisher.publish(payload(room.post(), load.size)).catch(() => room.failed())
    }
    await pause(settleMs)
    await room.load(post, load.window, load.warmup * 1000)
    room.newRun()
    const before = sampleMachine(system.pids())
    await room.load(post, load.window, load.seconds * 1000)
    const usage = usageBetween(before, sampleMachine(system.pids()))
    const { latencies, disorder, missing, errors } = room
    return {
      deliveriesPerS: latencies.count / usage.seconds,
      p50Ms: latencies.quantile(0.5),
      p99Ms: latencies.quantile(0.99),
      serverCpuUs: (usage.serverCpuSeconds * 1e6) / latencies.count,
      clientCpuPercent: usage.clientCpuPercent,
      flushesPerS: usage.flushesPerS,
      disorder,
      missing,
      errors,
    }
  } finally {
    for (const connection of connections) connection.close()
  }
}

async function enterAll(count: number, enter: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let i = next++; i < count; i = next++) {
      await within(subscribeMs, `subscriber ${i}`, enter(i))
    }
  }
  await Promise.all(Array.from({ length: parallelConnects }, worker))
}

const hash = 35
const digits = 9

/**
 * The number of the body somewhere in the bytes; -1: there is none. The last `#` with nine digits and
 * a `#` behind them counts: no system's own words contain one. Runs once a delivery.
 */
export function numberIn(bytes: Buffer): number {
  const end = bytes.lastIndexOf(hash)
  const at = end - digits - 1
  if (at < 0 || bytes[at] !== hash) return -1
  let n = 0
  for (let i = at + 1; i < end; i++) {
    const digit = bytes[i]! - 48
    if (digit < 0 || digit > 9) return -1
    n = n * 10 + digit
  }
  return n
}
