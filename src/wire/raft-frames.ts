import { assert } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import { maxPartitions } from '../ids/group-id.ts'
import type { ConfState, Entry, EntryKind, Snapshot } from '../raft/entry.ts'
import type { Message, MessageKind } from '../raft/message.ts'
import type { PeerMessage } from './peer-frames.ts'
import { peerKinds } from './peer-kinds.ts'
import { isCount, isCounts } from './shapes.ts'

/** A Raft message and the group it belongs to. */
export interface GroupMessage {
  readonly group: GroupId
  readonly message: Message
}

/**
 * One Raft message of one group as a flat array; empty fields at the end are left out:
 *
 *     [raft, group, kind, from, to, term, index, logTerm, commit, context, reject, rejectHint,
 *      entries, snapshot]
 *
 * entries: [first index, step, term, kind, data, term, kind, data, …], the indexes rising by
 * step, which is 0 for proposals without an index, else 1.
 * snapshot: [index, term, data, voters, outgoing, learners, learnersNext, autoLeave].
 * Data is sent as the bytes it is.
 */
export function encodeRaft(group: GroupId, m: Message): PeerMessage {
  const wire: [number, ...unknown[]] = [
    peerKinds.raft,
    group,
    kindNumbers[m.kind],
    m.from,
    m.to,
    m.term,
    m.index,
    m.logTerm,
    m.commit,
    m.context,
  ]
  const more = m.snapshot !== null || m.entries.length > 0
  if (more || m.reject || m.rejectHint !== 0) wire.push(m.reject ? 1 : 0, m.rejectHint)
  if (more) wire.push(encodeEntries(m.entries))
  if (m.snapshot !== null) wire.push(encodeSnapshot(m.snapshot))
  return wire
}

/**
 * The message that `encodeRaft` wrote; null when the shape is wrong. Entry and snapshot bytes are
 * views of the frame where they make up much of it, and copies where keeping them would hold a
 * far larger frame in memory.
 */
export function decodeRaft(wire: PeerMessage): GroupMessage | null {
  if (wire[0] !== peerKinds.raft || wire.length < 10 || wire.length > 14) return null
  if (!isCounts(wire, 1, Math.min(wire.length, 12))) return null
  const kind = kindNames[wire[2] as number]
  const group = wire[1] as number
  if (kind === undefined || group > maxPartitions) return null
  const reject = wire.length > 10 ? (wire[10] as number) : 0
  const entries = wire.length > 12 ? decodeEntries(wire[12]) : noEntries
  const snapshot = wire.length > 13 ? decodeSnapshot(wire[13]) : null
  if (entries === null || (wire.length > 13 && snapshot === null)) return null
  const message: Message = {
    kind,
    from: wire[3] as number,
    to: wire[4] as number,
    term: wire[5] as number,
    logTerm: wire[7] as number,
    index: wire[6] as number,
    commit: wire[8] as number,
    entries,
    snapshot,
    reject: reject === 1,
    rejectHint: wire.length > 11 ? (wire[11] as number) : 0,
    context: wire[9] as number,
  }
  return { group, message }
}

function encodeEntries(entries: readonly Entry[]): readonly unknown[] {
  const first = entries[0]?.index ?? 0
  const step = entries.length > 1 && entries[1]?.index === first ? 0 : 1
  const wire: unknown[] = [first, step]
  let expected = first
  for (const entry of entries) {
    assert(entry.index === expected, 'WIRE-2', { index: entry.index, expected })
    expected += step
    wire.push(entry.term, entryKindNumbers[entry.kind], entry.data)
  }
  return wire
}

function decodeEntries(wire: unknown): readonly Entry[] | null {
  if (!Array.isArray(wire) || wire.length < 2 || (wire.length - 2) % 3 !== 0) return null
  const [first, step] = wire as readonly unknown[]
  if (!isCount(first) || (step !== 0 && step !== 1)) return null
  const keep = keeper(wire)
  const entries: Entry[] = []
  let index = first
  for (let at = 2; at < wire.length; at += 3) {
    const term: unknown = wire[at]
    const kind = entryKindNames[wire[at + 1] as number]
    const data: unknown = wire[at + 2]
    if (!isCount(term) || kind === undefined || !(data instanceof Uint8Array)) return null
    entries.push({ term, index, kind, data: keep(data) })
    index += step
  }
  return entries
}

function encodeSnapshot({ meta, data }: Snapshot): readonly unknown[] {
  const { voters, outgoing, learners, learnersNext, autoLeave } = meta.conf
  return [meta.index, meta.term, data, voters, outgoing, learners, learnersNext, autoLeave]
}

function decodeSnapshot(wire: unknown): Snapshot | null {
  if (!Array.isArray(wire) || wire.length !== 8) return null
  const [index, term, data, voters, outgoing, learners, learnersNext, autoLeave] =
    wire as readonly unknown[]
  if (!isCount(index) || !isCount(term) || !(data instanceof Uint8Array)) return null
  if (!isIds(voters) || !isIds(outgoing) || !isIds(learners) || !isIds(learnersNext)) return null
  if (typeof autoLeave !== 'boolean') return null
  const conf: ConfState = { voters, outgoing, learners, learnersNext, autoLeave }
  return { meta: { index, term, conf }, data: keeper(wire)(data) }
}

function isIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && isCounts(value, 0, value.length)
}

/**
 * How to hold on to the byte fields of `wire`: as views while they fill a fair part of the memory
 * they are views of, else as parts of one copy.
 */
function keeper(wire: readonly unknown[]): (data: Uint8Array) => Uint8Array {
  let held = 0
  let pinned = 0
  for (const value of wire) {
    if (!(value instanceof Uint8Array)) continue
    held += value.length
    pinned = Math.max(pinned, value.buffer.byteLength)
  }
  if (held * maxPinnedTimes >= pinned) return (data) => data
  const copy = Buffer.allocUnsafeSlow(held)
  let filled = 0
  return (data) => {
    copy.set(data, filled)
    filled += data.length
    return copy.subarray(filled - data.length, filled)
  }
}

/** A view may keep this many times its own size alive. */
const maxPinnedTimes = 4

const noEntries: readonly Entry[] = []

/** The numbers of raft/message.ts, whose order they are. A test compares them. */
export const kindNumbers: Readonly<Record<MessageKind, number>> = {
  append: 0,
  'append-response': 1,
  heartbeat: 2,
  'heartbeat-response': 3,
  'pre-vote': 4,
  'pre-vote-response': 5,
  vote: 6,
  'vote-response': 7,
  snapshot: 8,
  'timeout-now': 9,
  'read-index': 10,
  'read-index-response': 11,
  propose: 12,
  'transfer-leader': 13,
  'storage-append-response': 14,
  'forget-leader': 15,
}
const kindNames = Object.keys(kindNumbers) as readonly MessageKind[]

const entryKindNumbers: Readonly<Record<EntryKind, number>> = { normal: 0, 'conf-change': 1 }
const entryKindNames: readonly EntryKind[] = ['normal', 'conf-change']
