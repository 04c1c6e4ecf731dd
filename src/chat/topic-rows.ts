import type { UserId } from '../ids/user-id.ts'
import type { Json } from './command.ts'
import type { Defaults } from './rights.ts'
import { RowReader, RowWriter, fromJsonRow, jsonRow } from './row-bytes.ts'
import type { Span } from './seq-ranges.ts'

/** Keys of the `self` table: what changes with every message is apart from what may be large. */
export const selfKeys = {
  head: new Uint8Array(0),
  description: Uint8Array.of(1),
  ages: Uint8Array.of(2),
  erasing: Uint8Array.of(3),
  times: Uint8Array.of(4),
} as const

/** `none`: never created. `gone`: deleted; numbers go on from where they were if it comes back. */
export type TopicState = 'none' | 'live' | 'gone'
const states: readonly TopicState[] = ['none', 'live', 'gone']

/** What changes with every message. */
export interface Head {
  state: TopicState
  /** Last message. Never goes back, not even when the topic was deleted. */
  seq: number
  /** Time of the last message; before there is one, of the creation. ms. */
  touched: number
  /** Delete transactions so far, soft and hard. */
  deletions: number
  /** The last one for everybody. */
  clear: number
  /** Messages below were trimmed: too many, or too old. 1: none were. */
  kept: number
  /** Rows of messages below are removed; up to `kept` they wait for it. */
  swept: number
  /** Number of the last trim among the delete transactions; 0: none. */
  trim: number
}

export function emptyHead(): Head {
  return {
    state: 'none',
    seq: 0,
    touched: 0,
    deletions: 0,
    clear: 0,
    kept: 1,
    swept: 1,
    trim: 0,
  }
}

/** What trimming needs stands last, and only where something was trimmed. */
export function encodeHead(head: Head): Uint8Array {
  const row = new RowWriter()
    .byte(states.indexOf(head.state))
    .varint(head.seq)
    .varint(head.touched)
    .varint(head.deletions)
    .varint(head.clear)
  if (head.kept > 1) row.varint(head.kept).varint(head.swept).varint(head.trim)
  return row.done()
}

export function decodeHead(value: Uint8Array): Head {
  const row = new RowReader(value)
  const state = states[row.byte()] ?? 'gone'
  const seq = row.varint()
  const touched = row.varint()
  const deletions = row.varint()
  const clear = row.varint()
  if (row.atEnd) return { ...emptyHead(), state, seq, touched, deletions, clear }
  const kept = row.varint()
  return {
    state,
    seq,
    touched,
    deletions,
    clear,
    kept,
    swept: row.varint(),
    trim: row.varint(),
  }
}

/** What people set. */
export interface Description {
  created: number
  updated: number
  channel: boolean
  /** Groups and saved messages; '' for the others. */
  owner: UserId | ''
  defaults: Defaults
  tags: readonly string[]
  /** Members whose account is suspended: a p2p with one, or a group whose owner is one, is read-only. */
  suspended: readonly UserId[]
  /** Of its claims of unique tags; missing: 0, none was given up yet. */
  epoch?: number
  public?: Json
  trusted?: Json
  aux?: Json
}

export function emptyDescription(): Description {
  return {
    created: 0,
    updated: 0,
    channel: false,
    owner: '',
    defaults: { auth: 0, anon: 0 },
    tags: [],
    suspended: [],
  }
}

export function encodeDescription(description: Description): Uint8Array {
  return jsonRow(description)
}

export function decodeDescription(value: Uint8Array): Description {
  return fromJsonRow(value) as Description
}

export function encodeErasing(spans: readonly Span[]): Uint8Array {
  return jsonRow({ spans })
}

export function decodeErasing(value: Uint8Array): Span[] {
  return (fromJsonRow(value) as { spans: Span[] }).spans
}
