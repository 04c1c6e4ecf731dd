import type { SubCommand } from '../../chat/command.ts'
import type { TopicName } from '../../ids/topic-name.ts'
import type { UserId } from '../../ids/user-id.ts'
import type { TopicRequest } from '../../topic/topics.ts'
import { addressOf, askerOf } from '../addressing.ts'
import type { Extra } from '../dispatch.ts'
import { queryOf } from '../get-query.ts'
import { failure, isRefusal, refusals } from '../refusal.ts'
import type { Refusal } from '../refusal.ts'
import type { SubBody } from '../schema.ts'
import { minted } from '../session-host.ts'
import type { SessionHost } from '../session-host.ts'
import type { Session } from '../session.ts'
import { descOf, said, tagsOf } from '../set-parts.ts'

/**
 * Attaches to a topic, joins it, or makes a new one (tinode-wire.md 5.1). A new group gets its real
 * name here, so that a request that has to be sent again makes one group and not two.
 */
export function runSub(session: Session, body: SubBody, extra: Extra): void {
  const id = body.id ?? undefined
  const refuse = (why: Refusal): void => session.refuse(id, body.topic || undefined, why)
  const asker = askerOf(session, extra)
  if (isRefusal(asker)) return refuse(asker)
  const address = addressOf(body.topic, asker.uid)
  if (isRefusal(address)) return refuse(address)
  const create = 'create' in address ? address.create : undefined
  const command = commandOf(body, asker.uid, create)
  if (isRefusal(command)) return refuse(command)
  const existing = 'create' in address ? newTopic(session.host) : address
  if (existing === null) return refuse(failure('no-id'))
  const { topic, asChan } = existing
  const cursor = extra?.cursor ?? undefined
  const request: TopicRequest = { id, said: body.topic ?? '', topic, asChan, command, cursor }
  session.request(asker, request, true)
}

/** Whoever makes a channel is its owner, who uses the `grp` name; only readers come as `chn`. */
function newTopic({ mint, logger }: SessionHost): { topic: TopicName; asChan: boolean } | null {
  const topic = minted(() => mint.group(), logger)
  return topic === null ? null : { topic, asChan: false }
}

function commandOf(
  body: SubBody,
  self: UserId,
  create: 'grp' | 'chn' | undefined,
): SubCommand | Refusal {
  const { set, get } = body
  if (set?.sub?.user) return refusals.malformed
  const query = get ? queryOf(get, self) : undefined
  if (query !== undefined && isRefusal(query)) return query
  return {
    kind: 'sub',
    ...said('create', create),
    ...said('mode', set?.sub?.mode),
    ...(set?.desc ? { desc: descOf(set.desc) } : {}),
    ...(set?.tags ? { tags: tagsOf(set.tags) } : {}),
    ...said('get', query),
  }
}
