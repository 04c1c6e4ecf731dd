import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import { grpTopic } from '../../src/ids/topic-name.ts'
import { realSystem } from '../../src/node/system.ts'
import { silentLogger } from '../../src/ports.ts'
import { ClientEdge } from '../../src/session/client-edge.ts'
import { defaultEdgeOptions } from '../../src/session/edge-options.ts'
import type { EdgeOptions } from '../../src/session/edge-options.ts'
import { FlotillaClient } from '../../src/client/client.ts'
import type { ClientOptions } from '../../src/client/client.ts'
import { World } from '../topic/world.ts'
import type { WorldNode } from '../topic/world.ts'
import { countingMetrics, stockKey, stockSalt, testCost, tokenKey } from './edge-fixture.ts'

/**
 * A world of the topic floor with real sockets in front of it: real hubs and partitions, client
 * addresses that listen, and a clock that follows the real one.
 */
export class LiveWorld {
  readonly world: World
  readonly counts = new Map<string, number>()
  readonly edges: ClientEdge[] = []
  readonly addresses: string[] = []
  readonly #clients: FlotillaClient[] = []
  #pump: NodeJS.Timeout | null = null
  #minted = 1n

  private constructor(nodes: number) {
    this.world = new World(nodes)
  }

  static async open(nodes: number, options: Partial<EdgeOptions> = {}): Promise<LiveWorld> {
    const live = new LiveWorld(nodes)
    await live.world.start(1)
    live.#follow()
    for (const node of live.world.nodes) {
      const edge = live.#edge(node, options)
      const { port } = await edge.listen('127.0.0.1', 0)
      live.edges.push(edge)
      live.addresses.push(`127.0.0.1:${port}`)
    }
    return live
  }

  /** A client with an account of its own. */
  async client(login: string, options: Partial<ClientOptions> = {}): Promise<FlotillaClient> {
    const client = new FlotillaClient({
      addresses: this.addresses,
      apiKey: stockKey,
      backoff: { minMs: 5, maxMs: 50 },
      ...options,
    })
    this.#clients.push(client)
    await client.connect()
    const made = await client.createAccount({ login, password: 'secret12' })
    if (made.kind === 'ok') return client
    const { kind, text } = await client.login(login, 'secret12')
    if (kind !== 'ok') throw new Error(`${login}: ${made.text}, ${text}`)
    return client
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
    for (const edge of this.edges) await edge.close()
    for (const node of this.world.nodes) node.hub.close()
    if (this.#pump !== null) clearInterval(this.#pump)
  }

  /** The world's time goes on with the real one. */
  #follow(): void {
    let last = performance.now()
    this.#pump = setInterval(() => {
      const now = performance.now()
      for (let i = 0; i < 10; i++) this.world.time.advance(0)
      this.world.time.advance(now - last)
      last = now
    }, 1)
  }

  #edge(node: WorldNode, options: Partial<EdgeOptions>): ClientEdge {
    const { clock, timers } = realSystem((error) => {
      throw error
    })
    return new ClientEdge({
      topics: node.hub,
      options: { ...defaultEdgeOptions, passwordCostLog2: testCost.costLog2, ...options },
      keys: { apiKeySalt: stockSalt, tokenKey },
      mint: {
        user: () => userIdFromBigInt(1_000n + this.#minted++),
        group: () => grpTopic(77, Number(this.#minted++)),
        session: () => `s${this.#minted++}`,
      },
      timers,
      clock,
      logger: silentLogger,
      metrics: countingMetrics(this.counts),
      ready: () => true,
    })
  }
}
