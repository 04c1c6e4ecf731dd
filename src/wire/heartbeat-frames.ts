import { assert } from '../assert.ts'
import { maxPartitions } from '../ids/group-id.ts'
import type { RaftId } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import type { PeerMessage } from './peer-frames.ts'
import { peerKinds } from './peer-kinds.ts'
import type { GroupMessage } from './raft-frames.ts'
import { isCounts } from './shapes.ts'

/**
 * Heartbeats (or the answers to them) of many groups between one pair of nodes as one message:
 *
 *     [kind, from, to, group, term, index, commit, context, group, term, …]
 *
 * A node leads hundreds of groups; one such message a tick replaces hundreds.
 */
export function encodeHeartbeats(beats: readonly GroupMessage[]): PeerMessage {
  const first = beats[0]?.message
  assert(first !== undefined, 'WIRE-3', {})
  const kind = first.kind
  const wire: [number, ...number[]] = [
    kind === 'heartbeat' ? peerKinds.heartbeats : peerKinds.heartbeatResponses,
    first.from,
    first.to,
  ]
  for (const { group, message: m } of beats) {
    const alike = m.kind === kind && m.from === first.from && m.to === first.to
    assert(alike && isPlainHeartbeat(m), 'WIRE-3', { group, kind: m.kind, from: m.from, to: m.to })
    wire.push(group, m.term, m.index, m.commit, m.context)
  }
  return wire
}

/** Can the vector carry it? Heartbeats that reject, or carry anything else, travel alone. */
export function isPlainHeartbeat(m: Message): boolean {
  return (
    (m.kind === 'heartbeat' || m.kind === 'heartbeat-response') &&
    !m.reject &&
    m.rejectHint === 0 &&
    m.logTerm === 0 &&
    m.entries.length === 0 &&
    m.snapshot === null
  )
}

/** What `encodeHeartbeats` wrote, in order; null when the shape is wrong. */
export function decodeHeartbeats(wire: PeerMessage): readonly GroupMessage[] | null {
  const isBeat = wire[0] === peerKinds.heartbeats
  if (!isBeat && wire[0] !== peerKinds.heartbeatResponses) return null
  if (wire.length < headerFields || (wire.length - headerFields) % fieldsEach !== 0) return null
  if (!isCounts(wire, 1, wire.length)) return null
  const kind = isBeat ? 'heartbeat' : 'heartbeat-response'
  const numbers = wire as readonly number[]
  const beats: GroupMessage[] = []
  for (let at = headerFields; at < wire.length; at += fieldsEach) {
    const group = numbers[at] as number
    if (group > maxPartitions) return null
    beats.push({
      group,
      message: {
        kind,
        from: numbers[1] as RaftId,
        to: numbers[2] as RaftId,
        term: numbers[at + 1] as number,
        logTerm: 0,
        index: numbers[at + 2] as number,
        commit: numbers[at + 3] as number,
        entries: [],
        snapshot: null,
        reject: false,
        rejectHint: 0,
        context: numbers[at + 4] as number,
      },
    })
  }
  return beats
}

const headerFields = 3
const fieldsEach = 5
