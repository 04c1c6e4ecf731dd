import type { GroupId } from '../ids/group-id.ts'
import type { RaftId } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import type { GroupMessage } from '../wire/raft-frames.ts'

/** The links, as groups need them. Nothing here waits; what is not sent is lost, and Raft sends again. */
export interface PeerPort {
  post(to: RaftId, group: GroupId, message: Message): void
  /** Heartbeats, or answers to them, of many groups to one node: of one kind, in one frame. */
  postHeartbeats(to: RaftId, beats: readonly GroupMessage[]): void
}

/** A stream of its own to a node, so that it holds up nothing else. */
export interface BulkPort {
  openBulk(to: RaftId, header: unknown): BulkSink
}

/** One write at a time. All promises settle; they reject when the stream breaks. */
export interface BulkSink {
  write(chunk: Uint8Array): Promise<void>
  /** Resolves when the receiver has used all of it. */
  end(): Promise<void>
  abort(): void
}
