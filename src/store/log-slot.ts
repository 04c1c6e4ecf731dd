import type { GroupId } from '../ids/group-id.ts'
import { GroupLog } from './group-log.ts'
import type { GroupState, Memory } from './group-log.ts'
import { PositionIndex } from './position-index.ts'

/** One group in a segmented log: what it reads, and where its durable entries lie. */
export interface LogSlot {
  readonly id: GroupId
  readonly log: GroupLog
  readonly positions: PositionIndex
}

/** `memory`: what an earlier life of the group has left. */
export function newSlot(id: GroupId, memory?: Memory): LogSlot {
  const log = new GroupLog()
  if (memory !== undefined) log.remember(memory)
  return { id, log, positions: new PositionIndex() }
}

export interface MemoryBound {
  /** Bytes of entries of all groups together. Above: the largest groups forget their oldest. */
  readonly maxBytes: number
  /** What a group may keep in any case, bytes. */
  readonly floorBytes: number
}

/**
 * Forgets old entries until nine tenths of the bound remain. Only what the disk holds: the rest
 * could not be read back. Returns the bytes that are left.
 */
export function boundMemory(slots: Iterable<LogSlot>, held: number, bound: MemoryBound): number {
  if (held <= bound.maxBytes) return held
  const target = bound.maxBytes * 0.9
  const bySize = [...slots].sort((a, b) => b.log.bytes - a.log.bytes)
  let left = 0
  for (const { log } of bySize) left += log.bytes
  for (const { log, positions } of bySize) {
    const spare = Math.min(left - target, log.bytes - bound.floorBytes)
    if (spare <= 0) continue
    const before = log.bytes
    log.evict(log.evictionPoint(spare, positions.last))
    left -= before - log.bytes
  }
  return left
}

export function statesOf(slots: Iterable<LogSlot>): Map<GroupId, GroupState> {
  const states = new Map<GroupId, GroupState>()
  for (const { id, log } of slots) if (!log.isUnknown) states.set(id, log.state)
  return states
}
