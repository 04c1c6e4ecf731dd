import type { SessionId } from '../chat/command.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { UserId } from '../ids/user-id.ts'

/** What one node told of its sessions. */
interface Edge {
  readonly sids: Map<SessionId, UserId>
  readonly watchers: Map<UserId, string>
}

/**
 * Who is at a topic, as the edges told its owner: attached sessions and watchers, by node. Pure
 * bookkeeping; never in the Raft log, told anew by every edge to a new owner. What a node told
 * before its link broke, or before it told all anew, are *ghosts*: they count until they expire, or
 * are told again. So it makes no difference whether the node comes back with the same sessions,
 * with fewer, or started anew with none.
 */
export class Presence {
  readonly #edges = new Map<NodeIndex, Edge>()
  readonly #ghosts = new Map<NodeIndex, Edge>()
  /** Attached sessions by user, over all nodes: asked at every arrival. */
  readonly #sessions = new Map<UserId, number>()
  /** Of those, readers of a channel: nobody is told that they come and go. */
  readonly #readers = new Set<UserId>()

  /** Nodes that get the topic's stream. */
  get nodes(): Iterable<NodeIndex> {
    return this.#edges.keys()
  }

  get isEmpty(): boolean {
    return this.#edges.size === 0
  }

  listen(node: NodeIndex): void {
    this.#edge(node)
  }

  /** True: the user had no session attached anywhere before. */
  attach(node: NodeIndex, sid: SessionId, uid: UserId, reader = false): boolean {
    const first = !this.attached(uid)
    this.#enter(this.#edge(node), node, sid, uid)
    this.reads(uid, reader)
    return first
  }

  /** True: it was the user's last one. */
  detach(node: NodeIndex, sid: SessionId, uid: UserId): boolean {
    const had = this.#edges.get(node)?.sids.delete(sid) === true
    const wasGhost = this.#ghosts.get(node)?.sids.delete(sid) === true
    if (had || wasGhost) this.#count(uid, -1)
    return (had || wasGhost) && !this.attached(uid)
  }

  /** All sessions of a user are detached (he was evicted or left for good). */
  evict(uid: UserId): void {
    for (const edges of [this.#edges, this.#ghosts]) {
      for (const { sids } of edges.values()) {
        for (const [sid, user] of sids) if (user === uid) sids.delete(sid)
      }
    }
    this.#sessions.delete(uid)
    this.#readers.delete(uid)
  }

  /** True: the user was not watching from anywhere before. */
  watch(node: NodeIndex, uid: UserId, userAgent: string): boolean {
    const first = !this.watching(uid)
    this.#ghosts.get(node)?.watchers.delete(uid)
    this.#edge(node).watchers.set(uid, userAgent)
    return first
  }

  /** True: he watches from nowhere now. */
  unwatch(node: NodeIndex, uid: UserId): boolean {
    const had = this.#edges.get(node)?.watchers.delete(uid) === true
    const wasGhost = this.#ghosts.get(node)?.watchers.delete(uid) === true
    return (had || wasGhost) && !this.watching(uid)
  }

  holds(node: NodeIndex, sid: SessionId): boolean {
    return this.#edges.get(node)?.sids.has(sid) === true
  }

  attached(uid: UserId): boolean {
    return this.#sessions.has(uid)
  }

  watching(uid: UserId): boolean {
    for (const edges of [this.#edges, this.#ghosts]) {
      for (const { watchers } of edges.values()) if (watchers.has(uid)) return true
    }
    return false
  }

  /** A user who is attached reads a channel, or does not. */
  reads(uid: UserId, reader: boolean): void {
    if (reader && this.attached(uid)) this.#readers.add(uid)
    else this.#readers.delete(uid)
  }

  isReader(uid: UserId): boolean {
    return this.#readers.has(uid)
  }

  /** Anybody attached at all, readers of a channel apart? */
  get active(): boolean {
    return this.#sessions.size > this.#readers.size
  }

  /** The link to the node broke: what it told are ghosts now. True: there are any. */
  orphan(node: NodeIndex): boolean {
    const edge = this.#edges.get(node)
    this.#edges.delete(node)
    const ghost = this.#ghosts.get(node) ?? { sids: new Map(), watchers: new Map() }
    for (const [sid, uid] of edge?.sids ?? []) ghost.sids.set(sid, uid)
    for (const [uid, userAgent] of edge?.watchers ?? []) ghost.watchers.set(uid, userAgent)
    if (ghost.sids.size === 0 && ghost.watchers.size === 0) return this.#ghosts.delete(node)
    this.#ghosts.set(node, ghost)
    return true
  }

  /** The node's ghosts go. Who of them is nowhere else, and would have been announced. */
  expire(node: NodeIndex): { attached: UserId[]; watching: UserId[] } {
    const ghost = this.#ghosts.get(node)
    this.#ghosts.delete(node)
    const told = new Set([...(ghost?.sids.values() ?? [])].filter((uid) => !this.isReader(uid)))
    for (const uid of ghost?.sids.values() ?? []) this.#count(uid, -1)
    return {
      attached: [...told].filter((uid) => !this.attached(uid)),
      watching: [...(ghost?.watchers.keys() ?? [])].filter((uid) => !this.watching(uid)),
    }
  }

  /** Replaces what the node told before. True: it left out some that are ghosts now. */
  retell(
    node: NodeIndex,
    sids: readonly (readonly [SessionId, UserId, string])[],
    watchers: readonly (readonly [UserId, string])[],
  ): boolean {
    this.orphan(node)
    const edge = this.#edge(node)
    for (const [sid, uid] of sids) this.#enter(edge, node, sid, uid)
    for (const [uid, userAgent] of watchers) this.watch(node, uid, userAgent)
    const ghost = this.#ghosts.get(node)
    if (ghost === undefined) return false
    if (ghost.sids.size > 0 || ghost.watchers.size > 0) return true
    this.#ghosts.delete(node)
    return false
  }

  /** A node of which nobody listens any more gets no frames. */
  trim(node: NodeIndex): void {
    const edge = this.#edges.get(node)
    if (edge?.sids.size === 0 && edge.watchers.size === 0) this.#edges.delete(node)
  }

  #enter(edge: Edge, node: NodeIndex, sid: SessionId, uid: UserId): void {
    const known = edge.sids.has(sid) || this.#ghosts.get(node)?.sids.delete(sid) === true
    if (!known) this.#count(uid, 1)
    edge.sids.set(sid, uid)
  }

  #count(uid: UserId, by: 1 | -1): void {
    const count = (this.#sessions.get(uid) ?? 0) + by
    if (count > 0) return void this.#sessions.set(uid, count)
    this.#sessions.delete(uid)
    this.#readers.delete(uid)
  }

  #edge(node: NodeIndex): Edge {
    let edge = this.#edges.get(node)
    if (edge === undefined) {
      edge = { sids: new Map(), watchers: new Map() }
      this.#edges.set(node, edge)
    }
    return edge
  }
}
