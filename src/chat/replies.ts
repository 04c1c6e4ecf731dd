import type { UserId } from '../ids/user-id.ts'
import type { AccessMode } from './access-mode.ts'
import { modeText } from './access-mode.ts'
import type { Claims, Json } from './command.ts'
import type { TopicEvent } from './event.ts'
import type { Outcome, OutboxItem, ReplyPart } from './outcome.ts'

export type CtrlPart = Extract<ReplyPart, { kind: 'ctrl' }>

/** Named answers without parameters; `text` only where it is not the default of the code. */
export const replies = {
  ok: { kind: 'ctrl', code: 200 },
  malformed: { kind: 'ctrl', code: 400 },
  denied: { kind: 'ctrl', code: 403 },
  rejected: { kind: 'ctrl', code: 403, text: 'invitation rejected' },
  topicNotFound: { kind: 'ctrl', code: 404, text: 'topic not found' },
  userNotFound: { kind: 'ctrl', code: 404, text: 'user not found' },
  notFound: { kind: 'ctrl', code: 404 },
  notAllowed: { kind: 'ctrl', code: 405 },
  attachFirst: { kind: 'ctrl', code: 409 },
  outOfOrder: { kind: 'ctrl', code: 409, text: 'out of order' },
  keyReused: { kind: 'ctrl', code: 409, text: 'key reused' },
  keyRetired: { kind: 'ctrl', code: 409, text: 'key retired' },
  duplicate: { kind: 'ctrl', code: 409, text: 'duplicate credential' },
  tooLarge: { kind: 'ctrl', code: 413 },
  policy: { kind: 'ctrl', code: 422 },
  /** Whether it was done at an earlier try, nobody can say any more. */
  unknown: { kind: 'ctrl', code: 504, params: { error: 'no-answer' } },
  notModified: { kind: 'ctrl', code: 304 },
  notJoined: { kind: 'ctrl', code: 304, text: 'not joined' },
  noAction: { kind: 'ctrl', code: 304, text: 'no action' },
} as const satisfies Record<string, CtrlPart>

export function ok(params: { readonly [key: string]: Json }): CtrlPart {
  return { kind: 'ctrl', code: 200, params }
}

/** A part of a `{get}` that has nothing to return. */
export function nothing(what: string): CtrlPart {
  return { kind: 'ctrl', code: 204, params: { what } }
}

/** Rights as clients read them. */
export function acs(want: AccessMode, given: AccessMode): { readonly [key: string]: Json } {
  return { want: modeText(want), given: modeText(given), mode: modeText(want & given) }
}

/** An outcome while a rule works on it. */
export interface Draft {
  readonly parts: ReplyPart[]
  readonly events: TopicEvent[]
  readonly outbox: OutboxItem[]
  attach?: NonNullable<Outcome['attach']>
  detach?: boolean
  needs?: readonly UserId[]
  claims?: Claims
}

export function draft(...parts: ReplyPart[]): Draft {
  return { parts, events: [], outbox: [] }
}
