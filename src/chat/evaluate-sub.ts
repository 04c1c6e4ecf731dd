import { sometimes } from '../assert.ts'
import { D, J, R, W, P, parseMode, savedMode } from './access-mode.ts'
import type { SubCommand } from './command.ts'
import { createGroup } from './create-group.ts'
import { getAfterSub } from './evaluate-get.ts'
import { acceptable, isTooLong, mergeJson, sameJson } from './json-merge.ts'
import type { Member } from './member.ts'
import { changeOwnMode } from './own-mode.ts'
import { acs, ok, replies } from './replies.ts'
import type { CtrlPart } from './replies.ts'
import { joinGroup } from './sub-group.ts'
import { beginP2p } from './sub-p2p.ts'
import { listed } from './turn.ts'
import type { Turn } from './turn.ts'

/** `{sub}`: create, subscribe, attach (5.1). */
export function evaluateSub(t: Turn, command: SubCommand): void {
  const { desc } = command
  for (const value of [desc?.public, desc?.private, desc?.trusted]) {
    if (!acceptable(value)) return void t.d.parts.push(replies.malformed)
    if (isTooLong(value)) return void t.d.parts.push(replies.tooLarge)
  }
  if (command.again === true && !mayEnterAgain(t, command)) {
    return void t.d.parts.push(replies.unknown)
  }
  const found = subscriber(t, command)
  if (found === 'asks') return
  if ('code' in found) t.d.parts.push(found)
  else attach(t, command, found.member, found.isNew)
}

/**
 * A first try may have let him in, and he may have left or been taken out since: that is not undone.
 * A new group's name is its request's alone, and his own topics have nobody who takes him out.
 */
function mayEnterAgain({ s, actor }: Turn, { create }: SubCommand): boolean {
  if ((s.kind !== 'grp' && s.kind !== 'p2p') || create !== undefined) return true
  const member = s.live ? s.members.subscribed(actor.uid) : undefined
  sometimes(member === undefined, 'chat: a {sub} that may have been done before found nobody in')
  return member !== undefined && (member.want & J) !== 0
}

interface Found {
  readonly member: Member
  /** His rights came into being just now: the reply tells them. */
  readonly isNew: boolean
}

/** Who is subscribed after this, as a new subscriber or as before; or the refusal. */
function subscriber(t: Turn, command: SubCommand): Found | CtrlPart | 'asks' {
  switch (t.s.kind) {
    case 'grp':
      return inGroup(t, command)
    case 'p2p':
      return inP2p(t, command)
    case 'slf':
      return inSaved(t)
    case 'sys':
      return inSystem(t)
    case 'me':
    case 'fnd':
      return replies.topicNotFound
  }
}

function inGroup(t: Turn, command: SubCommand): Found | CtrlPart {
  const { s, actor } = t
  if (command.create !== undefined) {
    if (s.head.state === 'none') return fresh(createGroup(t, command))
    // The answer to the first request was lost, and the request came again.
    const owner = s.description.owner === actor.uid ? s.owner : undefined
    sometimes(owner !== undefined, 'chat: a group was created twice')
    return owner === undefined ? replies.denied : { member: owner, isNew: true }
  }
  if (!s.live) return replies.topicNotFound
  if (actor.asChan && !s.description.channel) return replies.notFound
  const member = s.members.subscribed(actor.uid)
  if (member === undefined) return fresh(joinGroup(t, command))
  if (actor.asChan && !member.reader) {
    return { kind: 'ctrl', code: 303, params: { topic: s.name } }
  }
  return { member, isNew: false }
}

function inP2p(t: Turn, command: SubCommand): Found | CtrlPart | 'asks' {
  const { s, actor } = t
  const before = s.live ? s.members.subscribed(actor.uid) : undefined
  const begun = beginP2p(t, command)
  if (begun === 'asks') return begun
  if (begun === undefined)
    return before === undefined ? replies.denied : { member: before, isNew: false }
  return 'code' in begun ? begun : { member: begun, isNew: before === undefined }
}

/** Saved messages: made by the first `{sub}` of the one who owns them. */
function inSaved(t: Turn): Found | CtrlPart {
  const { s, actor, env } = t
  const known = s.members.subscribed(actor.uid)
  if (s.live && known !== undefined) return { member: known, isNew: false }
  s.open(env.now)
  s.description.owner = actor.uid
  const member = s.enter(actor.uid, env.now, false)
  member.want = savedMode
  member.given = savedMode
  listed(t, member)
  return { member, isNew: true }
}

/** Only root reads what was reported (5.10). */
function inSystem(t: Turn): Found | CtrlPart {
  const { s, actor, env } = t
  if (actor.level !== 'root') return replies.denied
  const known = s.members.subscribed(actor.uid)
  if (known !== undefined) return { member: known, isNew: false }
  if (!s.live) s.open(env.now)
  const member = s.enter(actor.uid, env.now, false)
  member.want = systemMode
  member.given = systemMode
  listed(t, member)
  return { member, isNew: true }
}

const systemMode = J | R | W | P | D

function fresh(made: Member | CtrlPart): Found | CtrlPart {
  return 'code' in made ? made : { member: made, isNew: true }
}

/** Applies what the request says about the subscriber himself, answers, attaches, and gets. */
function attach(t: Turn, command: SubCommand, member: Member, isNew: boolean): void {
  const { s, actor, d } = t
  let told = isNew
  if (!isNew) {
    const asked = parseMode(command.mode ?? '')
    if (asked === null) return void d.parts.push(replies.malformed)
    const changed = changeOwnMode(t, member, asked)
    if (typeof changed === 'object') return void d.parts.push(changed)
    told = changed
  }
  const own = mergeJson(member.private, command.desc?.private)
  if (!isTooLong(own)) setPrivate(t, member, own)
  const params = acs(member.want, member.given)
  d.parts.push(told ? ok({ acs: params }) : replies.ok)
  if ((member.mode & J) === 0) {
    d.detach = true
    return
  }
  if (!actor.attached) {
    const { want, given } = member
    d.attach = { want, given, seq: s.head.seq, asChan: member.reader }
  }
  if (command.get !== undefined)
    getAfterSub({ ...t, actor: { ...actor, attached: true } }, command.get)
}

/** True when it is another value than before. */
export function setPrivate(t: Turn, member: Member, value: Member['private']): boolean {
  if (sameJson(member.private, value)) return false
  member.private = value
  member.updated = t.env.now
  t.s.members.touchPrivate(member)
  return true
}
