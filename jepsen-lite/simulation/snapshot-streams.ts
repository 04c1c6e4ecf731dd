import type { Message } from '../../src/raft/message.ts'
import type { Prng } from '../prng.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { Image } from './state-store.ts'
import type { World } from './world.ts'

/**
 * Snapshots on their way between machines, in chunks on a connection of their own. A crash of either
 * end, a cut or a lost chunk breaks it; the sender learns how it ended.
 */
export class SnapshotStreams {
  readonly #world: World
  readonly #random: Prng

  constructor(world: World, random: Prng) {
    this.#world = world
    this.#random = random
  }

  start(from: SimulatedNode, m: Message): void {
    const image = m.snapshot === null ? null : from.shelf.made(m.snapshot)
    const to = this.#world.nodes.get(m.to)
    this.#world.counts.add('snapshot: sent')
    if (image === null || to === undefined || !to.isUp) this.#end(from, m, false)
    else this.#chunk(from, to, m, image, to.life, 0)
  }

  #chunk(
    from: SimulatedNode,
    to: SimulatedNode,
    m: Message,
    image: Image,
    life: number,
    chunk: number,
  ): void {
    const { queue, network, plan, counts } = this.#world
    const { life: senderLife } = from
    queue.after(network.delay(m.from, m.to) + this.#random.exponential(plan.disk.meanMs), () => {
      const isLost = !this.#world.isHealed && this.#random.chance(plan.network.loss)
      const isWhole = to.life === life && from.life === senderLife
      if (!isWhole || isLost || !network.isOpen(m.from, m.to)) {
        counts.add(chunk > 0 ? 'snapshot: a stream broke half way' : 'snapshot: a stream broke')
        this.#end(from, m, false)
      } else if (chunk + 1 < plan.snapshots.chunks) {
        this.#chunk(from, to, m, image, life, chunk + 1)
      } else {
        to.receiveSnapshot(m, image)
        this.#end(from, m, true)
        this.#perhapsAgain(to, m, image)
      }
    })
  }

  /** The sender's host is told after a while; if it died, nobody is. */
  #end(from: SimulatedNode, m: Message, ok: boolean): void {
    const { plan } = this.#world
    from.later(this.#random.exponential(plan.tickMs * (ok ? 1 : 5)), () => {
      from.raft?.reportSnapshot(m.to, ok)
    })
  }

  /** An old snapshot comes once more, perhaps after a newer one. */
  #perhapsAgain(to: SimulatedNode, m: Message, image: Image): void {
    const { plan, queue, counts, isHealed } = this.#world
    if (isHealed || !this.#random.chance(plan.network.replay)) return
    queue.after(this.#random.exponential(plan.tickMs * 50), () => {
      counts.add('snapshot: an old one came again')
      to.receiveSnapshot(m, image)
    })
  }
}
