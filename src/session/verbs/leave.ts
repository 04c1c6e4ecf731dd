import { forward } from '../addressing.ts'
import type { Extra } from '../dispatch.ts'
import type { LeaveBody } from '../schema.ts'
import type { Session } from '../session.ts'

/** Detaches from a topic, and with `unsub` from its members (tinode-wire.md 5.3). */
export function runLeave(session: Session, body: LeaveBody, extra: Extra): void {
  forward(session, extra, body, true, () => ({ kind: 'leave', unsub: body.unsub === true }))
}
