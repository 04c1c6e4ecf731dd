import type { DelCommand, SeqRange } from '../../chat/command.ts'
import { meTopic } from '../../ids/topic-name.ts'
import { parseUserId } from '../../ids/user-id.ts'
import type { UserId } from '../../ids/user-id.ts'
import { forward } from '../addressing.ts'
import type { Extra } from '../dispatch.ts'
import { rangesOf } from '../get-query.ts'
import { refusals } from '../refusal.ts'
import type { DelBody } from '../schema.ts'
import type { Session } from '../session.ts'
import { credentialOf, said } from '../set-parts.ts'

/** Deletes messages, a topic, a member, a credential, or an account (tinode-wire.md 5.4, 5.8). */
export function runDel(session: Session, body: DelBody, extra: Extra): void {
  const what = wordOf(body.what ?? '')
  const user = body.user ? parseUserId(body.user) : undefined
  if (what === null || user === null || (what === 'sub' && user === undefined)) {
    return session.refuse(body.id ?? undefined, body.topic ?? undefined, refusals.malformed)
  }
  if (what === 'user') return deleteUser(session, body, user ?? session.uid)
  forward(session, extra, body, false, () => {
    const delseq = what === 'msg' ? seqsOf(body) : undefined
    if (delseq === null) return refusals.malformed
    if (what === 'cred' && !body.cred) return refusals.malformed
    const command: DelCommand = {
      kind: 'del',
      what,
      hard: body.hard === true,
      ...said('delseq', delseq),
      ...said('user', user),
      ...(body.cred ? { cred: credentialOf(body.cred) } : {}),
    }
    return command
  })
}

/** Addressed to the user's own topic. When it is done and he is gone, his sessions here are closed. */
function deleteUser(session: Session, body: DelBody, uid: UserId): void {
  const id = body.id ?? undefined
  if (uid !== session.uid && session.level !== 'root') {
    return session.refuse(id, undefined, refusals.denied)
  }
  const command: DelCommand = { kind: 'del', what: 'user', user: uid, hard: body.hard === true }
  const request = { id, said: '', topic: meTopic(uid), asChan: false, command }
  const done = session.begin(true)
  session.host.topics.request(session, request, () => {
    done()
    closeIfGone(session, uid)
  })
}

function closeIfGone(session: Session, uid: UserId): void {
  const { topics, table, logger } = session.host
  topics.ask(uid, { kind: 'card' }).then(
    (card) => {
      const isGone = card === null || (isCard(card) && card.state === 'del')
      if (isGone) for (const each of table.of(uid)) each.evict()
    },
    (error: unknown) => logger.error({ error: String(error) }, 'a card could not be asked'),
  )
}

function isCard(answer: unknown): answer is { readonly state: string } {
  return typeof answer === 'object' && answer !== null && 'state' in answer
}

function wordOf(what: string): DelCommand['what'] | null {
  switch (what) {
    case '':
    case 'msg':
      return 'msg'
    case 'topic':
    case 'sub':
    case 'user':
    case 'cred':
      return what
    default:
      return null
  }
}

/** Null: none, or one that cannot be: `low` below 1, or `hi` not above `low`. */
function seqsOf(body: DelBody): SeqRange[] | null {
  const ranges = rangesOf(body.delseq ?? [])
  const isGood = ranges.every(({ low, hi }) => low >= 1 && (hi === undefined || hi > low))
  return ranges.length > 0 && isGood ? ranges : null
}
