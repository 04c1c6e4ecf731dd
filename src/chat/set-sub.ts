import { otherUser } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { J, O, isAdmin, isSharer, parseMode } from './access-mode.ts'
import type { AccessMode } from './access-mode.ts'
import type { SetCommand } from './command.ts'
import type { Member } from './member.ts'
import { changeOwnMode, setRights } from './own-mode.ts'
import { acs, ok, replies } from './replies.ts'
import type { CtrlPart } from './replies.ts'
import { asPeer } from './rights.ts'
import { listed, tellModes } from './turn.ts'
import type { Turn } from './turn.ts'

/** An invitation needs the card of whoever is invited; null: nobody is, or the card is there. */
export function needsCard(t: Turn, command: SetCommand): UserId | null {
  const { s, actor } = t
  const user = command.sub?.user
  if (user === undefined || user === actor.uid || command.facts !== undefined) return null
  if (s.kind !== 'grp' || !s.live || s.members.subscribed(user) !== undefined) return null
  return refuseManaging(t, s.members.subscribed(actor.uid)) === null ? user : null
}

/** `{set sub}`: own rights, or somebody else's (4.3). */
export function setSub(t: Turn, member: Member, command: SetCommand): CtrlPart {
  const { actor, d } = t
  const { user, mode } = command.sub ?? {}
  const asked = parseMode(mode ?? '')
  if (asked === null) return replies.malformed
  if (user !== undefined && user !== actor.uid) return setOther(t, member, user, asked, command)
  if (asked === undefined) return replies.notModified
  const changed = changeOwnMode(t, member, asked)
  if (typeof changed === 'object') return changed
  if (!changed) return replies.notModified
  if ((member.mode & J) === 0) d.detach = true
  return ok({ acs: acs(member.want, member.given) })
}

function setOther(
  t: Turn,
  caller: Member,
  user: UserId,
  asked: AccessMode | undefined,
  command: SetCommand,
): CtrlPart {
  const { s } = t
  const refusal = refuseManaging(t, caller)
  if (refusal !== null) return refusal
  if (asked !== undefined && !isAdmin(caller.mode)) return replies.denied
  if (s.kind === 'p2p') return setPeer(t, user, asked)
  const target = s.members.subscribed(user)
  const isOwner = s.description.owner === caller.uid
  if (target === undefined) {
    if (asked !== undefined && (asked & O) !== 0 && !isOwner) return replies.denied
    return invite(t, caller, user, asked, command)
  }
  if (target.reader) return asked === undefined ? replies.notModified : replies.denied
  if (asked === undefined || asked === target.given) return replies.notModified
  if (s.description.owner === user && (asked & (O | J)) !== (O | J)) return replies.denied
  if (((asked ^ target.given) & O) !== 0 && !isOwner) return replies.denied
  return give(t, target, asked)
}

function refuseManaging({ s, actor }: Turn, caller: Member | undefined): CtrlPart | null {
  if (!actor.attached || caller === undefined) return replies.denied
  if (s.readOnly) return replies.denied
  if (s.kind === 'p2p') return isAdmin(caller.mode) ? null : replies.denied
  return s.kind === 'grp' && isSharer(caller.mode) ? null : replies.denied
}

function setPeer(t: Turn, user: UserId, asked: AccessMode | undefined): CtrlPart {
  const { s, actor, env } = t
  if (user !== otherUser(s.name, actor.uid)) return replies.denied
  const target = s.members.subscribed(user)
  if (target === undefined) return replies.noAction
  const given = asked === undefined ? target.given : asPeer(asked, env.limits)
  return given === target.given ? replies.notModified : give(t, target, given)
}

function give(t: Turn, target: Member, given: AccessMode): CtrlPart {
  const before = { want: target.want, given: target.given }
  setRights(t, target, { want: target.want, given })
  tellModes(t, target, before)
  if ((given & J) === 0 && (before.given & J) !== 0) {
    t.d.events.push({ kind: 'evict', uid: target.uid, unsub: false })
  }
  return ok({ acs: acs(target.want, target.given), user: target.uid })
}

/** Who was here before and does not want to be, or was banned, is not brought back lightly. */
function invite(
  t: Turn,
  caller: Member,
  user: UserId,
  asked: AccessMode | undefined,
  command: SetCommand,
): CtrlPart {
  const { s, env } = t
  const card = command.facts?.[user]
  if (card === undefined || card === null || card.state === 'del') return replies.userNotFound
  if (card.state === 'susp') return replies.denied
  const before = s.members.get(user)
  if (asked === undefined && before?.banned === true && !isAdmin(caller.mode)) return replies.denied
  const given = asked ?? s.description.defaults.auth | J
  const want = before !== undefined && !before.reader ? before.want : card.defacs.auth & given & ~O
  if ((want & J) === 0) return replies.rejected
  if (s.members.fullCount >= env.limits.maxSubscriberCount) return replies.policy
  const member = s.enter(user, env.now, false)
  member.want = want
  member.given = given
  tellModes(t, member, undefined)
  listed(t, member)
  return ok({ acs: acs(want, given), user })
}
