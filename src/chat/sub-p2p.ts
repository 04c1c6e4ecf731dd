import { otherUser } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { J, parseMode } from './access-mode.ts'
import type { AccessMode } from './access-mode.ts'
import type { SubCommand, UserCard } from './command.ts'
import type { Member } from './member.ts'
import { replies } from './replies.ts'
import type { CtrlPart } from './replies.ts'
import { asPeer } from './rights.ts'
import { listed, tellModes } from './turn.ts'
import type { Turn } from './turn.ts'

/** Rights of both sides as they start, or start again. */
interface Sides {
  readonly mine: { readonly want: AccessMode; readonly given: AccessMode }
  readonly theirs: { readonly want: AccessMode; readonly given: AccessMode }
}

/**
 * Makes a p2p topic, or the rows that are missing in one that was left (4.3). Needs both cards.
 * Undefined: nothing is missing.
 */
export function beginP2p(t: Turn, command: SubCommand): Member | CtrlPart | 'asks' | undefined {
  const { s, actor, d } = t
  const peer = otherUser(s.name, actor.uid)
  const me = s.live ? s.members.subscribed(actor.uid) : undefined
  const other = s.live ? s.members.subscribed(peer) : undefined
  if (me !== undefined && other !== undefined) return undefined
  if (me?.banned === true) return undefined
  const { facts } = command
  if (facts === undefined) {
    d.needs = [actor.uid, peer]
    return 'asks'
  }
  const mine = facts[actor.uid]
  const theirs = facts[peer]
  if (mine === null || mine === undefined || mine.state === 'del') return replies.userNotFound
  if (theirs === null || theirs === undefined || theirs.state === 'del') return replies.userNotFound
  const sides = begin(t, command, mine, theirs, peer)
  if (sides === 'malformed') return replies.malformed
  if (me === undefined && (sides.mine.given & J) === 0) return replies.denied
  openP2p(t, [mine, theirs])
  if (other === undefined) enter(t, peer, sides.theirs)
  return me ?? enter(t, actor.uid, sides.mine)
}

function begin(
  { s, actor, env }: Turn,
  command: SubCommand,
  mine: UserCard,
  theirs: UserCard,
  peer: UserId,
): Sides | 'malformed' {
  const granted = parseMode(command.desc?.defacs?.auth ?? '')
  const asked = parseMode(command.mode ?? '')
  if (granted === null || asked === null) return 'malformed'
  const offer = actor.level === 'anon' ? theirs.defacs.anon : theirs.defacs.auth
  const before = s.live ? s.members.get(actor.uid) : undefined
  const theirsBefore = s.live ? s.members.get(peer) : undefined
  // What was given survives leaving, so that a ban does.
  const given = before?.given ?? (offer === 0 ? 0 : asPeer(offer, env.limits))
  const peerGiven = theirsBefore?.given ?? asPeer(granted ?? mine.defacs.auth, env.limits)
  return {
    mine: { want: asPeer(asked ?? peerGiven, env.limits) | J, given },
    theirs: { want: asPeer(given, env.limits), given: peerGiven },
  }
}

function openP2p({ s, env }: Turn, cards: readonly UserCard[]): void {
  if (!s.live) s.open(env.now)
  s.description.suspended = cards.filter((card) => card.state === 'susp').map((card) => card.uid)
  s.touchDescription()
}

function enter(t: Turn, uid: UserId, rights: Sides['mine']): Member {
  const { s, env } = t
  const member = s.enter(uid, env.now, false)
  member.want = rights.want
  member.given = rights.given
  tellModes(t, member, undefined)
  listed(t, member)
  return member
}
