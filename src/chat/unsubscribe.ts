import { A, J, O } from './access-mode.ts'
import type { Member } from './member.ts'
import { replies } from './replies.ts'
import type { CtrlPart } from './replies.ts'
import { tellTags } from './aliases.ts'
import { tellGone, unlisted } from './turn.ts'
import type { Turn } from './turn.ts'

/** `{leave unsub}` (5.3). Also without being attached: it does no harm. */
export function evaluateUnsub(t: Turn): void {
  const { s, actor, d } = t
  const member = s.live ? s.members.subscribed(actor.uid) : undefined
  if (member === undefined) {
    // He was taken out, and his node may not have heard of it yet: now he is told, and it must agree.
    if (actor.attached) d.detach = true
    return void d.parts.push(replies.notJoined)
  }
  if (s.kind === 'grp' && actor.asChan !== member.reader) {
    return void d.parts.push(replies.notFound)
  }
  d.parts.push(unsubscribeSelf(t, member))
}

/** `{del topic}`: the owner's ends it; anybody else's is leaving it (5.4). */
export function evaluateDelTopic(t: Turn): void {
  const { s, actor, d } = t
  const member = s.live ? s.members.subscribed(actor.uid) : undefined
  if (member === undefined) return void d.parts.push(replies.noAction)
  if (s.description.owner !== actor.uid) return void d.parts.push(unsubscribeSelf(t, member))
  closeTopic(t)
  d.parts.push(replies.ok)
}

/** `{del sub}`: an admin takes a member out of a group (5.4). */
export function evaluateDelSub(t: Turn, victim: Member['uid'] | undefined): void {
  const { s, actor, d } = t
  const refusal = refuseRemoval(t, victim)
  if (refusal !== null) return void d.parts.push(refusal)
  const member = victim === undefined ? undefined : s.members.subscribed(victim)
  if (member === undefined) return void d.parts.push(replies.noAction)
  if (member.uid === s.description.owner || (member.want & J) === 0 || member.uid === actor.uid) {
    return void d.parts.push(replies.denied)
  }
  d.parts.push(replies.ok)
  takeOut(t, member)
  d.events.push({ kind: 'evict', uid: member.uid, unsub: true })
}

function refuseRemoval({ s, actor }: Turn, victim: Member['uid'] | undefined): CtrlPart | null {
  if (!s.live) return replies.topicNotFound
  if (!actor.attached) return replies.attachFirst
  if (victim === undefined) return replies.malformed
  const mode = s.members.subscribed(actor.uid)?.mode ?? 0
  if (s.kind !== 'grp' || (mode & (O | A)) === 0 || victim === actor.uid) return replies.denied
  return null
}

function unsubscribeSelf(t: Turn, member: Member): CtrlPart {
  const { s, actor, d } = t
  if (s.description.owner === actor.uid) return replies.denied
  takeOut(t, member)
  d.events.push({ kind: 'evict', uid: actor.uid, unsub: true, exceptSid: actor.sid })
  d.detach = true
  return replies.ok
}

/** The subscription ends; what was given stays on record, an offered ownership does not. */
function takeOut(t: Turn, member: Member): void {
  const { s, env } = t
  member.given &= ~O
  s.members.leave(member, env.now)
  s.deletions.forget(member.uid)
  tellGone(t, member)
  unlisted(t, member)
  if (s.kind === 'p2p' && s.members.count === 0) closeTopic(t)
}

/** The topic and all that is in it is deleted. Its numbers stay, so that none is given out twice. */
export function closeTopic(t: Turn): void {
  const { s, d } = t
  for (const member of s.members.all()) if (member.subscribed) unlisted(t, member)
  const { tags, epoch } = s.description
  tellTags(d, s.name, { tags: [], added: [], removed: tags }, epoch)
  s.close()
  d.events.push({ kind: 'closed' })
}
