import { otherUser } from '../ids/topic-name.ts'
import { A, O, P, R, S, channelReaderMode, modeText } from './access-mode.ts'
import type { GetCommand, Json } from './command.ts'
import { put } from './json-merge.ts'
import type { Member } from './member.ts'
import { acs, replies } from './replies.ts'
import { asPeer, newcomerMode } from './rights.ts'
import type { Turn } from './turn.ts'

type Fields = { [key: string]: Json }

/** What an attached member is told of the topic (2.15). `ims`: leave out what is not newer. */
export function getDesc(t: Turn, member: Member, ims: number | undefined): void {
  const { s, env, d } = t
  const { description, head, kind } = s
  const updated = Math.max(description.updated, member.updated)
  const value: Fields = {}
  if (ims === undefined) value['created'] = description.created
  value['updated'] = updated
  const reads = (member.mode & R) !== 0
  put(value, 'touched', reads ? head.touched : updated)
  if (kind === 'grp') {
    if ((member.mode & P) !== 0) put(value, 'online', env.active())
    put(value, 'chan', description.channel)
    put(value, 'subcnt', s.members.count)
  }
  if (kind === 'slf' || (kind === 'grp' && (member.mode & (S | A | O)) !== 0)) {
    value['defacs'] = defacs(t)
  }
  value['acs'] = acs(member.want, member.given)
  if (reads) {
    put(value, 'seq', head.seq)
    put(value, 'read', s.readOf(member))
    put(value, 'recv', s.recvOf(member))
    put(value, 'clear', Math.max(head.clear, member.clear))
  }
  if (ims === undefined || ims < updated) {
    put(value, 'public', description.public)
    put(value, 'trusted', description.trusted)
    put(value, 'private', member.private)
  }
  const peer = kind === 'p2p' ? { peer: otherUser(s.name, member.uid) } : {}
  const since = ims === undefined ? {} : { ims }
  d.parts.push({ kind: 'meta', part: 'desc', value, ...peer, ...since })
}

/** What everybody may know, and a subscriber of himself (5.6). 'asks': the peer's card is needed. */
export function getStrangersDesc(
  t: Turn,
  command: GetCommand,
  member: Member | undefined,
): 'asks' | undefined {
  const { s, actor, d } = t
  const { description, kind } = s
  if (kind === 'p2p') return getPeersDesc(t, command, member)
  if (!s.live || (kind !== 'grp' && member === undefined)) {
    d.parts.push(replies.topicNotFound)
    return undefined
  }
  const value: Fields = {
    created: description.created,
    updated: Math.max(description.updated, member?.updated ?? 0),
  }
  if (kind === 'grp') {
    put(value, 'chan', description.channel)
    put(value, 'subcnt', s.members.count)
    if (description.owner === actor.uid) value['defacs'] = defacs(t)
  }
  const offered = actor.asChan
    ? channelReaderMode
    : newcomerMode(actor.level, description.defaults, description.channel)
  value['acs'] = member === undefined ? { mode: modeText(offered) } : acs(member.want, member.given)
  put(value, 'public', description.public)
  put(value, 'trusted', description.trusted)
  put(value, 'private', member?.private)
  d.parts.push({ kind: 'meta', part: 'desc', value })
  return undefined
}

/** A user as somebody sees him who is not in a chat with him, or not now. */
function getPeersDesc(
  { s, actor, env, d }: Turn,
  command: GetCommand,
  member: Member | undefined,
): 'asks' | undefined {
  const peer = otherUser(s.name, actor.uid)
  if (command.facts === undefined) {
    d.needs = [peer]
    return 'asks'
  }
  const card = command.facts[peer]
  if (card === undefined || card === null || card.state === 'del') {
    d.parts.push(replies.userNotFound)
    return undefined
  }
  const offer = actor.level === 'anon' ? card.defacs.anon : card.defacs.auth
  const value: Fields = {
    created: member === undefined ? card.created : s.description.created,
    updated: Math.max(card.updated, member?.updated ?? 0),
    acs:
      member === undefined
        ? { mode: modeText(offer === 0 ? 0 : asPeer(offer, env.limits)) }
        : acs(member.want, member.given),
  }
  put(value, 'public', card.public)
  put(value, 'trusted', card.trusted)
  put(value, 'private', member?.private)
  d.parts.push({ kind: 'meta', part: 'desc', value })
  return undefined
}

function defacs({ s }: Turn): Fields {
  const { auth, anon } = s.description.defaults
  return { auth: modeText(auth), anon: modeText(anon) }
}
