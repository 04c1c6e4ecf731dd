import type { GroupId } from '../ids/group-id.ts'
import type { PeerPort } from '../group/peer-port.ts'
import type { Peers } from '../peer/peers.ts'
import type { RaftId } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import { decodeHeartbeats, encodeHeartbeats } from '../wire/heartbeat-frames.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { peerKinds } from '../wire/peer-kinds.ts'
import { decodeRaft, encodeRaft } from '../wire/raft-frames.ts'
import type { GroupMessage } from '../wire/raft-frames.ts'

/** Raft's messages on their way to and from the links: encoded here, and nowhere else. */
export class RaftLinks implements PeerPort {
  readonly #peers: () => Peers

  /** `peers` is asked for late: links and groups are made for each other. */
  constructor(peers: () => Peers) {
    this.#peers = peers
  }

  post(to: RaftId, group: GroupId, message: Message): void {
    // A message that does not go is one that was lost: Raft sends again.
    this.#peers().post(to, encodeRaft(group, message))
  }

  postHeartbeats(to: RaftId, beats: readonly GroupMessage[]): void {
    this.#peers().post(to, encodeHeartbeats(beats))
  }

  /** The Raft messages in a message of a peer; null when it is of another room. */
  static read(m: PeerMessage): readonly GroupMessage[] | null {
    switch (m[0]) {
      case peerKinds.raft: {
        const one = decodeRaft(m)
        return one === null ? [] : [one]
      }
      case peerKinds.heartbeats:
      case peerKinds.heartbeatResponses:
        return decodeHeartbeats(m) ?? []
      default:
        return null
    }
  }
}
