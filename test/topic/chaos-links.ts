import type { NodeIndex } from '../../src/ids/node-index.ts'
import type { TopicMessage } from '../../src/topic/messages.ts'
import type { ChaosTime, Dice } from './chaos-time.ts'

/** What the links tell a node. */
export interface LinkEnd {
  readonly index: NodeIndex
  readonly alive: () => boolean
  receive(from: NodeIndex, message: TopicMessage): void
  nodeUp(node: NodeIndex): void
  nodeDown(node: NodeIndex): void
  /** Whom it was told to be up. */
  readonly reaches: Set<NodeIndex>
}

interface Link {
  /** 0: broken. Rises with every connection; what was under way on an earlier one is lost. */
  connection: number
  /** The end that sends knows that it is broken. */
  noticed: boolean
  /** Time of the last delivery planned, so that order is kept. */
  last: number
}

/**
 * Two connections between any two nodes, one each way (docs/internals/peer.md). Each breaks alone,
 * and each end learns of it in its own time; messages on a connection keep their order, and are
 * lost with it.
 */
export class ChaosLinks {
  /** Pairs `from to` that cannot connect for now. */
  readonly cut = new Set<string>()
  slow = 0
  calm = false
  readonly ends = new Map<NodeIndex, LinkEnd>()
  readonly #links = new Map<string, Link>()
  readonly #time: ChaosTime
  readonly #dice: Dice
  #connections = 0

  constructor(time: ChaosTime, dice: Dice) {
    this.#time = time
    this.#dice = dice
  }

  post(from: LinkEnd, to: NodeIndex, message: TopicMessage): boolean {
    if (to === from.index) {
      this.#time.soon(() => {
        if (from.alive()) from.receive(from.index, message)
      })
      return true
    }
    if (!from.reaches.has(to)) return false
    const link = this.#link(from.index, to)
    const { connection } = link
    if (connection === 0) return true // swallowed: nobody knows yet
    const copy = structuredClone(message) as TopicMessage
    const delay = this.#delay()
    link.last = Math.max(link.last + 0.001, this.#time.monotonic() + delay)
    this.#time.after(link.last - this.#time.monotonic(), () => {
      const end = this.ends.get(to)
      if (link.connection === connection && end?.alive() === true) end.receive(from.index, copy)
    })
    return true
  }

  /** A node has started: everybody dials it, and it dials everybody. */
  join(end: LinkEnd): void {
    this.ends.set(end.index, end)
    for (const other of this.ends.values()) {
      if (other === end) continue
      for (const [from, to] of [
        [end.index, other.index],
        [other.index, end.index],
      ] as const) {
        const link = this.#link(from, to)
        link.connection = 0
        link.noticed = true
        this.#dial(from, to)
      }
    }
  }

  /** The node is gone: its connections break, and show sooner or later. */
  leave(index: NodeIndex): void {
    for (const other of this.ends.keys()) {
      if (other === index) continue
      this.break(index, other)
      this.break(other, index)
    }
  }

  break(from: NodeIndex, to: NodeIndex): void {
    const link = this.#link(from, to)
    if (link.connection === 0) return
    const broken = link.connection
    link.connection = 0
    link.noticed = false
    const [sender, taker] = [this.ends.get(from), this.ends.get(to)]
    this.#time.after(this.#notice(), () => {
      if (link.connection !== 0 || link.noticed || sender !== this.ends.get(from)) return
      link.noticed = true
      this.#down(sender, to)
      this.#dial(from, to)
    })
    this.#time.after(this.#notice(), () => {
      if (taker === this.ends.get(to)) this.#incomingLost(taker, from, broken)
    })
  }

  /** Breaks it and keeps it from being dialled anew. */
  sever(from: NodeIndex, to: NodeIndex): void {
    this.cut.add(`${from} ${to}`)
    this.break(from, to)
  }

  #incomingLost(end: LinkEnd | undefined, from: NodeIndex, broken: number): void {
    if (end === undefined || !end.alive() || this.#handled.has(broken)) return
    this.#handled.add(broken)
    this.#down(end, from)
    // A ping on its own link shows that this one still holds.
    this.#time.after(1 + this.#dice.below(5), () => {
      if (this.#link(end.index, from).connection !== 0) this.#up(end, from)
    })
  }

  /** Connections whose end has been seen by the node that received on them. */
  readonly #handled = new Set<number>()

  #dial(from: NodeIndex, to: NodeIndex): void {
    const [sender, taker] = [this.ends.get(from), this.ends.get(to)]
    const link = this.#link(from, to)
    this.#time.after(5 + this.#dice.below(60), () => {
      if (link.connection !== 0 || sender === undefined || sender !== this.ends.get(from)) return
      if (!sender.alive()) return
      const found = this.ends.get(to)
      if (this.cut.has(`${from} ${to}`) || found?.alive() !== true) return this.#dial(from, to)
      const before = this.#lastOf.get(link) ?? 0
      if (before !== 0 && taker === found) this.#incomingLost(found, from, before)
      link.connection = ++this.#connections
      this.#lastOf.set(link, link.connection)
      link.noticed = false
      this.#up(sender, to)
    })
  }

  readonly #lastOf = new Map<Link, number>()

  #up(end: LinkEnd, node: NodeIndex): void {
    if (!end.alive() || end.reaches.has(node)) return
    end.reaches.add(node)
    end.nodeUp(node)
  }

  #down(end: LinkEnd | undefined, node: NodeIndex): void {
    if (end === undefined || !end.alive() || !end.reaches.delete(node)) return
    end.nodeDown(node)
  }

  #link(from: NodeIndex, to: NodeIndex): Link {
    const key = `${from} ${to}`
    let link = this.#links.get(key)
    if (link === undefined) {
      link = { connection: 0, noticed: true, last: 0 }
      this.#links.set(key, link)
    }
    return link
  }

  #delay(): number {
    if (this.calm) return this.#dice.below(3)
    return this.#dice.below(this.#dice.chance(10) ? 40 + this.slow : 4)
  }

  /** ms until a broken connection shows: at once when it was reset, else by silence. */
  #notice(): number {
    return this.#dice.below(this.calm || this.#dice.chance(60) ? 20 : 2_000)
  }
}
