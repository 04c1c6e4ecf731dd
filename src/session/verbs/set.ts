import type { SetCommand, SetSub } from '../../chat/command.ts'
import { parseUserId } from '../../ids/user-id.ts'
import { forward } from '../addressing.ts'
import type { Extra } from '../dispatch.ts'
import { refusals } from '../refusal.ts'
import type { SetBody } from '../schema.ts'
import type { Session } from '../session.ts'
import { credentialOf, descOf, said, tagsOf } from '../set-parts.ts'

/** Changes parts of a topic; each part that is there is answered by itself (tinode-wire.md 5.7). */
export function runSet(session: Session, body: SetBody, extra: Extra): void {
  forward(session, extra, body, false, () => {
    const sub = subOf(body.sub)
    if (sub === null) return refusals.malformed
    const command: SetCommand = {
      kind: 'set',
      ...(body.desc ? { desc: descOf(body.desc) } : {}),
      ...said('sub', sub),
      ...(body.tags ? { tags: tagsOf(body.tags) } : {}),
      ...(body.cred ? { cred: credentialOf(body.cred) } : {}),
      ...said('aux', body.aux),
    }
    return Object.keys(command).length === 1 ? refusals.malformed : command
  })
}

/** Null: the user is no user. */
function subOf(body: SetBody['sub']): SetSub | undefined | null {
  if (body === undefined || body === null) return undefined
  const user = body.user ? parseUserId(body.user) : undefined
  if (user === null) return null
  return { ...said('user', user), ...said('mode', body.mode) }
}
