import { kindOf } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { J, selfTopicMode } from './access-mode.ts'
import type { AccessMode } from './access-mode.ts'
import { refuseTagChange, tellTags } from './aliases.ts'
import type { Actor, Json, SetCommand, SetDesc } from './command.ts'
import type { Env } from './entity.ts'
import { acceptable, isTooLong, mergeJson, sameJson } from './json-merge.ts'
import { acs, ok, replies } from './replies.ts'
import type { CtrlPart, Draft } from './replies.ts'
import { changedUserDefaults } from './rights.ts'
import { parseMode } from './access-mode.ts'
import { changeTags } from './tag-list.ts'
import { pres } from './turn.ts'
import type { Account, UserRecord } from './user-record.ts'

/** A command on `me` at work. */
export interface MeTurn {
  readonly uid: UserId
  readonly record: UserRecord
  readonly account: Account
  readonly actor: Actor
  readonly env: Env
  readonly d: Draft
}

/** `{set me}`: each part answers for itself (5.7). */
export function setMe(t: MeTurn, command: SetCommand): void {
  const { actor, account, d } = t
  if (account.state === 'susp' && actor.level !== 'root') return void d.parts.push(replies.denied)
  const tags = command.tags === undefined ? undefined : decideTags(t, command)
  if (d.claims !== undefined) return void d.parts.push(replies.duplicate)
  if (command.desc !== undefined) d.parts.push(setDesc(t, command.desc))
  if (command.sub !== undefined) d.parts.push(setSub(t, command.sub))
  if (tags !== undefined) d.parts.push(tags())
  // There are no validators: every method is unknown (8.5).
  if (command.cred !== undefined) {
    d.parts.push(actor.attached ? replies.malformed : replies.denied)
  }
  if (command.aux !== undefined) d.parts.push(actor.attached ? replies.notAllowed : replies.denied)
  if (d.parts.length === 0) d.parts.push(replies.malformed)
}

/** True when it is another want. J cannot be given up: nobody leaves himself. */
export function setOwnWant(t: MeTurn, asked: AccessMode): boolean {
  const { account, record, d, uid, actor } = t
  const want = (asked & selfTopicMode) | J
  if (want === account.want) return false
  account.want = want
  record.touchAccount()
  d.events.push({ kind: 'modes', uid, want, given: selfTopicMode, member: true })
  const dacs = { want: acs(want, want)['mode'] as string }
  d.events.push(pres('attached', 'acs', { dacs, skipSid: actor.sid }))
  return true
}

/** `{del user}`: the account and everything that hangs on it (5.4). */
export function deleteUser(t: MeTurn): void {
  const { uid, account, record, d } = t
  account.state = 'del'
  account.serial++ // tokens given out are void
  delete account.public
  delete account.trusted
  delete account.private
  record.touchAccount()
  d.parts.push(replies.ok)
  for (const [topic, { left }] of record.list) {
    if (left > 0 && kindOf(topic) !== 'p2p') continue
    d.outbox.push({ to: topic, fact: { kind: 'user-state', uid, state: 'del' } })
  }
  tellTags(d, uid, { tags: [], added: [], removed: account.tags }, account.epoch)
  if (account.login !== undefined) {
    d.outbox.push({ to: `nam:basic:${account.login}`, fact: { kind: 'name-free', holder: uid } })
  }
  account.tags = []
  d.events.push({ kind: 'closed' })
}

function setDesc(t: MeTurn, said: SetDesc): CtrlPart {
  const { account, record, actor, env, d } = t
  for (const value of [said.public, said.trusted, said.private]) {
    if (!acceptable(value)) return replies.malformed
  }
  if (said.trusted !== undefined && actor.level !== 'root') return replies.denied
  const defaults =
    said.defacs === undefined
      ? account.defaults
      : changedUserDefaults(account.defaults, said.defacs, env.limits)
  if (defaults === null) return replies.malformed
  const shown = mergeJson(account.public, said.public)
  const trusted = mergeJson(account.trusted, said.trusted)
  const own = mergeJson(account.private, said.private)
  if (isTooLong(shown) || isTooLong(trusted) || isTooLong(own)) return replies.tooLarge

  const face = !sameJson(shown, account.public) || !sameJson(trusted, account.trusted)
  const rights = defaults.auth !== account.defaults.auth || defaults.anon !== account.defaults.anon
  const privately = !sameJson(own, account.private)
  if (!face && !rights && !privately) return replies.notModified
  assign(account, 'public', shown)
  assign(account, 'trusted', trusted)
  assign(account, 'private', own)
  account.defaults = defaults
  if (face || rights) account.updated = env.now
  if (privately) account.privateUpdated = env.now
  record.touchAccount()
  d.events.push(pres('attached', 'upd', { src: 'me', needs: J, skipSid: actor.sid }))
  if (face) tellContacts(t)
  return replies.ok
}

/** Contacts hear of it from the topic that they share with him. */
function tellContacts({ uid, record, d }: MeTurn): void {
  for (const [topic, { left }] of record.list) {
    if (left > 0 || kindOf(topic) !== 'p2p') continue
    d.outbox.push({ to: topic, fact: { kind: 'card-changed', uid } })
  }
}

function setSub(t: MeTurn, { user, mode }: NonNullable<SetCommand['sub']>): CtrlPart {
  const { uid, account } = t
  if (user !== undefined && user !== uid) return replies.denied
  const asked = parseMode(mode ?? '')
  if (asked === null) return replies.malformed
  if (asked === undefined || !setOwnWant(t, asked)) return replies.notModified
  return ok({ acs: acs(account.want, selfTopicMode) })
}

/** Decides first: a refusal or a question comes before any other part is done. */
function decideTags(t: MeTurn, command: SetCommand): () => CtrlPart {
  const { uid, account, record, actor, env, d } = t
  const refuse = (part: CtrlPart) => (): CtrlPart => part
  if (!actor.attached && actor.uid === uid) return refuse(replies.denied)
  const change = changeTags(account.tags, command.tags ?? [], env.limits)
  if (change === null) return refuse(replies.denied)
  const refusal = refuseTagChange(t, change, command.claimed, account.epoch)
  if (refusal !== null) return refuse(refusal)
  const { added, removed, tags } = change
  if (added.length === 0 && removed.length === 0) return refuse(replies.notModified)
  return () => {
    account.tags = tags
    account.updated = env.now
    record.touchAccount()
    const epoch = tellTags(d, uid, change, account.epoch)
    if (epoch > 0) account.epoch = epoch
    d.events.push(pres('attached', 'tags', { skipSid: actor.sid }))
    return ok({ added: added.length, removed: removed.length })
  }
}

function assign(
  account: Account,
  key: 'public' | 'trusted' | 'private',
  value: Json | undefined,
): void {
  if (value === undefined) delete account[key]
  else account[key] = value
}
