import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Prng } from '../../jepsen-lite/prng.ts'
import type { LinkFault } from '../../jepsen-lite/proxy/link-fault.ts'
import { LinkProxy } from '../../jepsen-lite/proxy/link-proxy.ts'
import type { Direction } from '../../jepsen-lite/proxy/link-proxy.ts'
import { dist } from './cluster.ts'
import type { TestNode } from './cluster.ts'

/** Connections stay up, and bytes vanish. */
const hole: LinkFault = { kind: 'blackhole' }

/**
 * - `both`: a node neither hears the others nor is heard; nobody is told;
 * - `deaf`: what it says arrives, what is said to it does not;
 * - `mute`: the other way round.
 */
export type CutOff = 'both' | 'deaf' | 'mute'

/**
 * A proxy on the way of each node to each other. On a connection only the node that dialled sends
 * messages, but both sides show that they live: so a one-way cut concerns a direction of each.
 */
export class Links {
  readonly #proxies: { from: string; to: string; proxy: LinkProxy }[] = []

  /** Before the nodes are started; they know nothing of it. */
  async between(nodes: readonly TestNode[], dir: string): Promise<void> {
    const random = new Prng('links')
    for (const from of nodes) {
      const ways: Record<string, number> = {}
      for (const to of nodes) {
        if (from === to) continue
        const [targetHost = '', port] = to.peer.split(':')
        const proxy = await LinkProxy.listen({ targetHost, targetPort: Number(port), random })
        this.#proxies.push({ from: from.name, to: to.name, proxy })
        ways[to.peer] = proxy.port
      }
      mkdirSync(dir, { recursive: true })
      const file = join(dir, `${from.name}-ways.json`)
      writeFileSync(file, JSON.stringify(ways))
      from.preloads = [join(dist, 'jepsen-lite/world/redirect.js')]
      from.environment = { JEPSEN_LITE_REDIRECT: file }
    }
  }

  cut(node: string, how: CutOff): void {
    for (const { from, to, proxy } of this.#proxies) {
      if (from !== node && to !== node) continue
      const isOwn = from === node
      // Forward are the bytes of who dialled.
      const said: Direction = isOwn ? 'forward' : 'backward'
      const heard: Direction = isOwn ? 'backward' : 'forward'
      proxy.setFault(hole, how === 'both' ? 'both' : how === 'mute' ? said : heard)
    }
  }

  heal(): void {
    for (const { proxy } of this.#proxies) proxy.heal()
  }

  /** Bytes that were swallowed so far: a cut without effect is none. */
  get swallowed(): number {
    return this.#proxies.reduce((sum, { proxy }) => sum + proxy.stats.swallowedBytes, 0)
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map(({ proxy }) => proxy.close()))
  }
}
