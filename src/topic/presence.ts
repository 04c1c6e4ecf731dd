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
 * ends with its link (after a grace) or with what it tells next.
 */
export class Presence {
  readonly #edges = new Map<NodeIndex, Edge>()
  /** Attached sessions by user, over all nodes: asked at every arrival. */
  readonly #sessions = new Map<UserId, number>()

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
  attach(node: NodeIndex, sid: SessionId, uid: UserId): boolean {
    const first = !this.attached(uid)
    const { sids } = this.#edge(node)
    if (!sids.has(sid)) this.#count(uid, 1)
    sids.set(sid, uid)
    return first
  }

  /** True: it was the user's last one. */
  detach(node: NodeIndex, sid: SessionId, uid: UserId): boolean {
    const had = this.#edges.get(node)?.sids.delete(sid) ?? false
    if (had) this.#count(uid, -1)
    return had && !this.attached(uid)
  }

  /** All sessions of a user are detached (he was evicted or left for good). */
  evict(uid: UserId): void {
    for (const { sids } of this.#edges.values()) {
      for (const [sid, user] of sids) if (user === uid) sids.delete(sid)
    }
    this.#sessions.delete(uid)
  }

  /** True: the user was not watching from anywhere before. */
  watch(node: NodeIndex, uid: UserId, userAgent: string): boolean {
    const first = !this.watching(uid)
    this.#edge(node).watchers.set(uid, userAgent)
    return first
  }

  /** True: he watches from nowhere now. */
  unwatch(node: NodeIndex, uid: UserId): boolean {
    const had = this.#edges.get(node)?.watchers.delete(uid) ?? false
    return had && !this.watching(uid)
  }

  holds(node: NodeIndex, sid: SessionId): boolean {
    return this.#edges.get(node)?.sids.has(sid) === true
  }

  attached(uid: UserId): boolean {
    return this.#sessions.has(uid)
  }

  watching(uid: UserId): boolean {
    for (const { watchers } of this.#edges.values()) if (watchers.has(uid)) return true
    return false
  }

  /** Anybody attached at all? */
  get active(): boolean {
    return this.#sessions.size > 0
  }

  /** Users of a node, for when it is gone. */
  usersOf(node: NodeIndex): { attached: Set<UserId>; watching: Set<UserId> } {
    const edge = this.#edges.get(node)
    return {
      attached: new Set(edge?.sids.values() ?? []),
      watching: new Set(edge?.watchers.keys() ?? []),
    }
  }

  drop(node: NodeIndex): void {
    for (const uid of this.#edges.get(node)?.sids.values() ?? []) this.#count(uid, -1)
    this.#edges.delete(node)
  }

  /** Replaces what the node told before. */
  retell(
    node: NodeIndex,
    sids: readonly (readonly [SessionId, UserId, string])[],
    watchers: readonly (readonly [UserId, string])[],
  ): void {
    this.drop(node)
    const edge = this.#edge(node)
    for (const [sid, uid] of sids) {
      edge.sids.set(sid, uid)
      this.#count(uid, 1)
    }
    for (const [uid, userAgent] of watchers) edge.watchers.set(uid, userAgent)
  }

  /** A node of which nobody listens any more gets no frames. */
  trim(node: NodeIndex): void {
    const edge = this.#edges.get(node)
    if (edge !== undefined && edge.sids.size === 0 && edge.watchers.size === 0) this.drop(node)
  }

  #count(uid: UserId, by: 1 | -1): void {
    const count = (this.#sessions.get(uid) ?? 0) + by
    if (count > 0) this.#sessions.set(uid, count)
    else this.#sessions.delete(uid)
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
