import type { ClientAddress } from '../../jepsen-lite/client/connection.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import type { LinkFault } from '../../jepsen-lite/proxy/link-fault.ts'
import { pass } from '../../jepsen-lite/proxy/link-fault.ts'
import type { Link, Roles, World } from '../../jepsen-lite/world/world.ts'
import { ToyServer } from './toy-server.ts'

/** A link that only remembers its fault; whatever it is, it has an effect at once. */
export class ToyLink implements Link {
  fault: LinkFault = pass
  effects = 0

  setFault(fault: LinkFault): void {
    this.fault = fault
    this.effects++
  }

  heal(): void {
    this.fault = pass
  }
}

/** A cluster of toys: all nodes are one server, faults are only remembered. */
export class ToyWorld implements World {
  readonly nodes: readonly string[]
  readonly tolerates = 1
  readonly versions = { server: 'toy' }
  readonly down = new Set<string>()
  readonly paused = new Set<string>()
  readonly links = new Map<string, ToyLink>()
  #toy: ToyServer | undefined

  constructor(nodes: number) {
    this.nodes = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
    for (const from of this.nodes) {
      this.links.set(`client→${from}`, new ToyLink())
      for (const to of this.nodes) if (from !== to) this.links.set(`${from}→${to}`, new ToyLink())
    }
  }

  get toy(): ToyServer {
    if (!this.#toy) throw new Error('not started')
    return this.#toy
  }

  async start(): Promise<void> {
    this.#toy = await ToyServer.start()
  }

  async stop(): Promise<void> {
    this.#toy?.stop()
    this.#toy = undefined
  }

  clientAddress(node: string): ClientAddress {
    return { ...this.toy.address, node }
  }

  async kill(node: string): Promise<void> {
    this.down.add(node)
    this.#toy?.dropAll()
  }

  terminate(node: string): Promise<void> {
    return this.kill(node)
  }

  async restart(node: string): Promise<void> {
    this.down.delete(node)
  }

  async pause(node: string): Promise<void> {
    this.paused.add(node)
  }

  async resume(node: string): Promise<void> {
    this.paused.delete(node)
  }

  link(from: string, to: string): ToyLink | undefined {
    return this.links.get(`${from}→${to}`)
  }

  clientLink(node: string): ToyLink | undefined {
    return this.links.get(`client→${node}`)
  }

  isAlive(node: string): Promise<boolean> {
    return this.isReady(node)
  }

  async isReady(node: string): Promise<boolean> {
    return !this.down.has(node) && !this.paused.has(node)
  }

  async roles(): Promise<Roles> {
    const led = this.nodes.map((node, i) => [node, this.nodes.length - i] as const)
    return { metaLeader: this.nodes.at(-1), led: new Map(led) }
  }

  async observe(): Promise<OpDraft[]> {
    return []
  }

  /** Links with a fault now, as `from→to`. */
  get faulty(): string[] {
    return [...this.links].filter(([, link]) => link.fault.kind !== 'pass').map(([name]) => name)
  }
}
