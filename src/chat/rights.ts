import {
  A,
  D,
  J,
  O,
  R,
  S,
  W,
  P,
  channelAuthMode,
  groupAuthMode,
  isAdmin,
  parseMode,
  peerMode,
} from './access-mode.ts'
import type { AccessMode } from './access-mode.ts'
import type { AuthLevel, DefaultAccess } from './command.ts'
import type { ChatLimits } from './entity.ts'

/** Default rights of newcomers, by their auth level. */
export interface Defaults {
  readonly auth: AccessMode
  readonly anon: AccessMode
}

/** A user's own `defacs.auth` may hold these (4.2). */
export const userAuthMask = J | R | W | P | A | S

/** Rights that a p2p topic knows. */
export function p2pMask(limits: ChatLimits): AccessMode {
  return limits.p2pDelete ? peerMode | D : peerMode
}

/** What a new user grants when he says nothing. */
export function newUserDefaults(limits: ChatLimits): Defaults {
  return { auth: p2pMask(limits) | groupAuthMode, anon: 0 }
}

export function categoryDefaults(channel: boolean): Defaults {
  return { auth: channel ? channelAuthMode : groupAuthMode, anon: 0 }
}

/** Rights of a newcomer to a group. Root gets what groups of this kind give by default. */
export function newcomerMode(level: AuthLevel, defaults: Defaults, channel: boolean): AccessMode {
  if (level === 'root') return categoryDefaults(channel).auth
  return level === 'anon' ? defaults.anon : defaults.auth
}

/** A p2p right is masked, and always includes A: each may manage the other. */
export function asPeer(mode: AccessMode, limits: ChatLimits): AccessMode {
  return (mode & p2pMask(limits)) | A
}

/** Defaults of a new group: O is dropped, and a side with unknown letters becomes none. */
export function defaultsAtCreation(said: DefaultAccess | undefined, channel: boolean): Defaults {
  const fallback = categoryDefaults(channel)
  const side = (text: string | undefined, otherwise: AccessMode): AccessMode => {
    const mode = parseMode(text ?? '')
    return mode === undefined ? otherwise : (mode ?? 0) & ~O
  }
  return { auth: side(said?.auth, fallback.auth), anon: side(said?.anon, fallback.anon) }
}

/** Defaults of a group after its owner said something new; null: bad letters, or O. */
export function changedDefaults(now: Defaults, said: DefaultAccess): Defaults | null {
  const auth = parseMode(said.auth ?? '')
  const anon = parseMode(said.anon ?? '')
  if (auth === null || anon === null || ((auth ?? 0) | (anon ?? 0)) & O) return null
  return { auth: auth ?? now.auth, anon: anon ?? now.anon }
}

/** The same for a user's own: masked, and with A unless nothing is granted. Null: bad letters. */
export function changedUserDefaults(
  now: Defaults,
  said: DefaultAccess,
  limits: ChatLimits,
): Defaults | null {
  const auth = parseMode(said.auth ?? '')
  const anon = parseMode(said.anon ?? '')
  if (auth === null || anon === null) return null
  const withApproval = (mode: AccessMode): AccessMode => (mode === 0 ? 0 : mode | A)
  return {
    auth: auth === undefined ? now.auth : withApproval(auth & userAuthMask),
    anon: anon === undefined ? now.anon : withApproval(anon & p2pMask(limits)),
  }
}

/** What a member has and asks for; what he gets. */
export interface Rights {
  readonly want: AccessMode
  readonly given: AccessMode
}

/**
 * A group member asks for another `want` (4.3). Null: denied. `takesOver`: he accepts the
 * ownership that the owner has offered.
 */
export function askedOfGroup(
  now: Rights,
  asked: AccessMode,
  isOwner: boolean,
): (Rights & { readonly takesOver: boolean }) | null {
  if ((now.given & J) === 0) return null
  if (isOwner) {
    if ((asked & (O | J)) !== (O | J)) return null
    return { want: asked, given: now.given | asked, takesOver: false }
  }
  if (asked & O && (now.given & O) === 0) return null
  const given = isAdmin(now.given) ? now.given | (asked & ~(D | O)) : now.given
  const takesOver = (asked & O) !== 0
  if (takesOver && (asked & J) === 0) return null
  return { want: asked, given, takesOver }
}
