/**
 * The first element of every message between nodes. Append only: a number that was in use is never
 * given another meaning. 0–15 belong to the links themselves; rooms above add theirs from 16 on.
 */
export const peerKinds = {
  hello: 1,
  challenge: 2,
  proof: 3,
  welcome: 4,
  refuse: 5,
  ping: 6,
  pong: 7,
  bulkOpen: 8,
  bulkChunk: 9,
  bulkEnd: 10,
  bulkDone: 11,
  /** A question that wants an answer, and the answer (peer/requests.ts). */
  request: 12,
  response: 13,
  /** Raft messages of one group, and the heartbeats of many (raft-frames.ts). */
  raft: 16,
  heartbeats: 17,
  heartbeatResponses: 18,
} as const

/** Kinds below this never reach the rooms above the links. */
export const firstRoomKind = peerKinds.request
