import { sometimes } from '../assert.ts'
import { J, O, R, channelReaderMode, savedMode } from './access-mode.ts'
import type { AccessMode } from './access-mode.ts'
import type { Member } from './member.ts'
import { replies } from './replies.ts'
import type { CtrlPart } from './replies.ts'
import { asPeer, askedOfGroup, newcomerMode } from './rights.ts'
import type { Rights } from './rights.ts'
import { tellModes } from './turn.ts'
import type { Turn } from './turn.ts'

/** What a member's rights become when he asks for `asked`; a reply when that is refused. */
type Change = Rights & { readonly takesOver: boolean }

/**
 * A subscriber asks for other rights (4.3). Undefined `asked`: a plain `{sub}`, which lifts a ban
 * of his own. Returns whether anything changed, or the refusal; then nothing was done.
 */
export function changeOwnMode(
  t: Turn,
  member: Member,
  asked: AccessMode | undefined,
): boolean | CtrlPart {
  const change = decide(t, member, asked)
  if (change === null) return replies.denied
  const before = { want: member.want, given: member.given }
  if (before.want === change.want && before.given === change.given) return false
  if (change.takesOver) passOwnership(t, member)
  setRights(t, member, change)
  tellModes(t, member, before)
  const blocks = (before.want & J) !== 0 && (change.want & J) === 0
  if (blocks) {
    sometimes(true, 'chat: somebody banned himself')
    t.d.events.push({ kind: 'evict', uid: member.uid, unsub: false })
  }
  return true
}

export function setRights(t: Turn, member: Member, rights: Rights): void {
  member.want = rights.want
  member.given = rights.given
  member.updated = t.env.now
  t.s.members.touch(member)
}

function decide(t: Turn, member: Member, asked: AccessMode | undefined): Change | null {
  const { s, actor, env } = t
  if (member.banned) return null
  const { given } = member
  const keep = { want: member.want, given, takesOver: false }
  if (asked === undefined) {
    if ((member.want & J) !== 0) return keep
    const { defaults, channel } = s.description
    const usual = s.kind === 'grp' ? newcomerMode(actor.level, defaults, channel) & ~O : 0
    return { ...keep, want: given | usual | J }
  }
  switch (s.kind) {
    case 'p2p':
      return { ...keep, want: asPeer(asked, env.limits) }
    case 'slf':
      return (asked & (J | O)) === (J | O) ? { ...keep, want: asked & savedMode } : null
    case 'grp':
      if (member.reader) return { ...keep, want: (asked & channelReaderMode) | J | R }
      return askedOfGroup(keep, asked, s.description.owner === member.uid)
    case 'sys':
    case 'me':
    case 'fnd':
      return { ...keep, want: (asked & given) | J }
  }
}

/** The old owner keeps his place without O; the new one is named (4.5). */
function passOwnership(t: Turn, to: Member): void {
  const { s } = t
  const old = s.owner
  s.description.owner = to.uid
  s.touchDescription()
  if (old === undefined) return
  const before = { want: old.want, given: old.given }
  setRights(t, old, { want: old.want & ~O, given: old.given & ~O })
  tellModes(t, old, before)
  sometimes(true, 'chat: an ownership passed')
}
