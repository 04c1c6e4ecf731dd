import type { Clock, Counter, Gauge, Logger, Metrics, Random, Timers } from '../../src/ports.ts'
import { Peers } from '../../src/peer/peers.ts'
import type { PeersOptions } from '../../src/peer/peers.ts'
import type { PeerSettings } from '../../src/peer/peer-settings.ts'
import type { PeerAddress, PeerSelf } from '../../src/peer/identity.ts'
import type { PeerMessage } from '../../src/wire/peer-frames.ts'

export const realTimers: Timers = {
  after(ms, task) {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
  every(ms, task) {
    const timer = setInterval(task, ms)
    return () => clearInterval(timer)
  },
  soon: (task) => void setImmediate(task),
}

export const realClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

export const someRandom: Random = { below: (bound) => Math.floor(Math.random() * bound) }

/** Metrics and log lines that a test can read. */
export class Seen implements Metrics {
  readonly values = new Map<string, number>()
  readonly lines: string[] = []
  readonly logger: Logger = this.#logger()

  counter(name: string): Counter {
    return { add: (n = 1) => void this.values.set(name, (this.values.get(name) ?? 0) + n) }
  }
  gauge(name: string): Gauge {
    return { set: (value) => void this.values.set(name, value) }
  }
  histogram() {
    return { observe() {} }
  }

  #logger(): Logger {
    const line = (level: string) => (fields: object, message: string) => {
      this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
    }
    const [debug, info, warn, error] = ['debug', 'info', 'warn', 'error'].map(line)
    const logger = { debug, info, warn, error, child: () => logger } as unknown as Logger
    return logger
  }
}

/** Waits for a condition, not for a time. */
export async function until(holds: () => boolean, what: string, ms = 5_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export interface TestNode {
  readonly peers: Peers
  readonly seen: Seen
  readonly got: { from: number; message: PeerMessage }[]
  readonly events: string[]
  readonly members: Map<number, PeerAddress>
  close(): void
}

export const quickSettings: Partial<PeerSettings> = {
  pingEveryMs: 40,
  deadAfterMs: 200,
  handshakeMs: 300,
  backoffMinMs: 5,
  backoffMaxMs: 40,
}

/** One node's Peers on a free port of loopback, with an empty member list. */
export async function startNode(
  self: Partial<PeerSelf> & { index: number },
  more: Partial<PeersOptions> = {},
): Promise<TestNode> {
  const seen = new Seen()
  const got: TestNode['got'] = []
  const events: string[] = []
  const members = new Map<number, PeerAddress>()
  const peers = new Peers({
    self: {
      name: `n${self.index}`,
      bootId: 1,
      clusterId: 'c1',
      incarnation: '',
      previousBoot: 0,
      ...self,
    },
    secret: Buffer.from('a secret of the cluster'),
    members: () => members,
    timers: realTimers,
    clock: realClock,
    random: someRandom,
    logger: seen.logger,
    metrics: seen,
    settings: quickSettings,
    ...more,
    handlers: {
      message: (from, message) => void got.push({ from, message }),
      up: (node, bootId) => void events.push(`up ${node} boot ${bootId}`),
      down: (node) => void events.push(`down ${node}`),
      ...more.handlers,
    },
  })
  await peers.listen('127.0.0.1', 0)
  return { peers, seen, got, events, members, close: () => peers.close() }
}

/** Tells each node where the others listen, or where `port(from, to)` says. */
export function introduce(
  nodes: readonly (TestNode & { index?: number })[],
  port: (from: number, to: number) => number | undefined = () => undefined,
): void {
  nodes.forEach((node, from) => {
    nodes.forEach((other, to) => {
      node.members.set(to + 1, {
        name: `n${to + 1}`,
        host: '127.0.0.1',
        port: port(from + 1, to + 1) ?? other.peers.port,
      })
    })
  })
  for (const node of nodes) node.peers.refresh()
}

/** Nodes 1..count that know each other and are all up. */
export async function startNodes(
  count: number,
  more: Partial<PeersOptions> = {},
): Promise<TestNode[]> {
  const nodes: TestNode[] = []
  for (let index = 1; index <= count; index++) nodes.push(await startNode({ index }, more))
  introduce(nodes)
  await until(() => allUp(nodes), 'all links up')
  return nodes
}

export function allUp(nodes: readonly TestNode[]): boolean {
  return nodes.every((node) => nodes.every((_, to) => node.peers.isUp(to + 1)))
}
