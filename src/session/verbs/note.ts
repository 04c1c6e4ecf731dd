import { noteWords } from '../../chat/command.ts'
import type { NoteCommand } from '../../chat/command.ts'
import { askerOf, existingAddressOf } from '../addressing.ts'
import type { Extra } from '../dispatch.ts'
import { isRefusal } from '../refusal.ts'
import type { NoteBody } from '../schema.ts'
import type { Session } from '../session.ts'
import { said } from '../set-parts.ts'

/** Typing, read and received marks, call signals (tinode-wire.md 7.1). Never answered: what is wrong is dropped. */
export function runNote(session: Session, body: NoteBody, extra: Extra): void {
  const asker = askerOf(session, extra)
  const command = commandOf(body)
  const address = isRefusal(asker) ? asker : existingAddressOf(body.topic, asker.uid)
  if (command === null || isRefusal(asker) || isRefusal(address)) {
    return session.host.metrics.droppedNotes.add()
  }
  const { topic, asChan } = address
  const request = { id: undefined, said: body.topic ?? '', topic, asChan, command }
  session.request(asker, request, false)
}

function commandOf(body: NoteBody): NoteCommand | null {
  const what = noteWords.find((word) => word === body.what)
  const seq = body.seq ?? 0
  if (what === undefined || !isGoodSeq(what, seq)) return null
  if (what === 'data' && (body.payload === undefined || body.payload === null)) return null
  return { kind: 'note', what, seq, ...said('event', body.event), ...said('payload', body.payload) }
}

/** Typing has no seq; marks and calls must have one. */
function isGoodSeq(what: NoteCommand['what'], seq: number): boolean {
  if (!Number.isSafeInteger(seq) || seq < 0) return false
  if (what === 'data') return true
  const isTyping = what === 'kp' || what === 'kpa' || what === 'kpv'
  return isTyping === (seq === 0)
}
