import { sometimes } from '../assert.ts'
import { J, O, R, channelReaderMode, parseMode } from './access-mode.ts'
import type { AccessMode } from './access-mode.ts'
import type { SubCommand } from './command.ts'
import type { Member } from './member.ts'
import { replies } from './replies.ts'
import type { CtrlPart } from './replies.ts'
import { newcomerMode } from './rights.ts'
import type { Rights } from './rights.ts'
import { listed, tellModes } from './turn.ts'
import type { Turn } from './turn.ts'

/** Readers that a channel may have; they are held in memory, and told one by one when it is deleted. Above: 422. */
export const maxReaders = 10_000

/** Somebody who is not subscribed joins a group by the mere `{sub}` (5.1). Returns him, or the refusal. */
export function joinGroup(t: Turn, command: SubCommand): Member | CtrlPart {
  const { s, actor, env } = t
  const asked = parseMode(command.mode ?? '')
  if (asked === null) return replies.malformed
  const rights = actor.asChan ? readerRights(t, asked) : newcomerRights(t, asked)
  if (rights === null) {
    sometimes(s.members.get(actor.uid)?.banned === true, 'chat: a ban outlived a leave')
    return replies.denied
  }
  const { members } = s
  const full = actor.asChan
    ? members.count - members.fullCount >= maxReaders
    : members.fullCount >= env.limits.maxSubscriberCount
  if (full) return replies.policy
  const member = s.enter(actor.uid, env.now, actor.asChan)
  member.want = rights.want
  member.given = rights.given
  tellModes(t, member, undefined)
  listed(t, member)
  if ((member.want & J) === 0) t.d.events.push({ kind: 'evict', uid: member.uid, unsub: false })
  return member
}

/** Null: denied. What he was given before survives, so that leaving does not lift a ban. */
function newcomerRights({ s, actor }: Turn, asked: AccessMode | undefined): Rights | null {
  const { defaults, channel } = s.description
  const before = s.members.get(actor.uid)
  const usual = newcomerMode(actor.level, defaults, channel) & ~O
  const given = before === undefined || before.reader ? usual : before.given & ~O
  const want = asked ?? usual
  return (given & J) === 0 || (want & O) !== 0 ? null : { want, given }
}

function readerRights({ s, actor }: Turn, asked: AccessMode | undefined): Rights | null {
  if (s.members.get(actor.uid)?.banned === true) return null
  const want = ((asked ?? channelReaderMode) & channelReaderMode) | J | R
  return { want, given: channelReaderMode }
}
