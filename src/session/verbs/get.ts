import { forward } from '../addressing.ts'
import type { Extra } from '../dispatch.ts'
import { queryOf } from '../get-query.ts'
import { isRefusal } from '../refusal.ts'
import type { GetBody } from '../schema.ts'
import type { Session } from '../session.ts'

/** Asks for parts of a topic (tinode-wire.md 5.6). */
export function runGet(session: Session, body: GetBody, extra: Extra): void {
  forward(session, extra, body, false, (asker) => {
    const query = queryOf(body, asker.uid)
    return isRefusal(query) ? query : { kind: 'get', query }
  })
}
