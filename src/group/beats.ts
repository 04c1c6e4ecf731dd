import type { RaftId } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import { isPlainHeartbeat } from '../wire/heartbeat-frames.ts'
import type { GroupMessage } from '../wire/raft-frames.ts'
import type { PeerPort } from './peer-port.ts'

/** Gathers a turn's heartbeats, so that a pair of nodes exchanges one frame and not one per group. */
export class Beats {
  readonly #peers: PeerPort
  #asks = new Map<RaftId, GroupMessage[]>()
  #answers = new Map<RaftId, GroupMessage[]>()

  constructor(peers: PeerPort) {
    this.#peers = peers
  }

  /** False: it is no heartbeat, and travels alone. */
  take(group: number, message: Message): boolean {
    if (!isPlainHeartbeat(message)) return false
    const to = message.kind === 'heartbeat' ? this.#asks : this.#answers
    const list = to.get(message.to)
    if (list === undefined) to.set(message.to, [{ group, message }])
    else list.push({ group, message })
    return true
  }

  /** At the end of a turn. */
  flush(): void {
    this.#asks = this.#send(this.#asks)
    this.#answers = this.#send(this.#answers)
  }

  #send(lists: Map<RaftId, GroupMessage[]>): Map<RaftId, GroupMessage[]> {
    if (lists.size === 0) return lists
    for (const [to, beats] of lists) this.#peers.postHeartbeats(to, beats)
    return new Map()
  }
}
