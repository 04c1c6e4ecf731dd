import { tellTags, refuseTagChange } from './aliases.ts'
import { J, O, R, A } from './access-mode.ts'
import type { Json, SetCommand, SetDesc } from './command.ts'
import { setPrivate } from './evaluate-sub.ts'
import { acceptable, clearMark, isObject, isTooLong, mergeJson, sameJson } from './json-merge.ts'
import type { Member } from './member.ts'
import { ok, replies } from './replies.ts'
import type { CtrlPart } from './replies.ts'
import { changedDefaults } from './rights.ts'
import { needsCard, setSub } from './set-sub.ts'
import { changeTags } from './tag-list.ts'
import { pres } from './turn.ts'
import type { Turn } from './turn.ts'

/** `{set}`: each part answers for itself, in this order: desc, sub, tags, cred, aux (5.7). */
export function evaluateSet(t: Turn, command: SetCommand): void {
  const { s, actor, d } = t
  const stranger = needsCard(t, command)
  if (stranger !== null) {
    d.needs = [stranger]
    return
  }
  const member = s.live ? s.members.subscribed(actor.uid) : undefined
  if (member === undefined)
    return void d.parts.push(s.live ? replies.notFound : replies.topicNotFound)
  if (actor.asChan && !s.description.channel) return void d.parts.push(replies.notFound)
  // An unclaimed name asks again, so it must be found out before anything is done.
  const tags = command.tags === undefined ? undefined : decideTags(t, member, command)
  if (d.claims !== undefined) return void d.parts.push(replies.duplicate)
  if (command.desc !== undefined) d.parts.push(setDesc(t, member, command.desc))
  if (command.sub !== undefined) d.parts.push(setSub(t, member, command))
  if (tags !== undefined) d.parts.push(tags())
  if (command.cred !== undefined) {
    d.parts.push(actor.attached ? replies.notAllowed : replies.denied)
  }
  if (command.aux !== undefined) d.parts.push(setAux(t, member, command.aux))
  if (d.parts.length === 0) d.parts.push(replies.malformed)
}

function setDesc(t: Turn, member: Member, said: SetDesc): CtrlPart {
  const { s, actor } = t
  for (const value of [said.public, said.trusted, said.private]) {
    if (!acceptable(value)) return replies.malformed
  }
  // Without being attached only the own part counts (5.7).
  const about: SetDesc = actor.attached ? said : onlyPrivate(said)
  const { description } = s
  const topicToo =
    about.public !== undefined || about.trusted !== undefined || about.defacs !== undefined
  if (about.trusted !== undefined && actor.level !== 'root') return replies.denied
  const mayDescribe = s.kind === 'grp' && description.owner === actor.uid
  if ((about.public !== undefined || about.defacs !== undefined) && !mayDescribe) {
    return replies.denied
  }
  if (topicToo && s.kind !== 'grp') return replies.denied
  const defaults =
    about.defacs === undefined
      ? description.defaults
      : changedDefaults(description.defaults, about.defacs)
  if (defaults === null) return replies.malformed
  const shown = mergeJson(description.public, about.public)
  const trusted = mergeJson(description.trusted, about.trusted)
  const own = mergeJson(member.private, about.private)
  if (isTooLong(shown) || isTooLong(trusted) || isTooLong(own)) return replies.tooLarge

  const changed =
    !sameJson(shown, description.public) ||
    !sameJson(trusted, description.trusted) ||
    defaults.auth !== description.defaults.auth ||
    defaults.anon !== description.defaults.anon
  if (changed) {
    description.defaults = defaults
    describe(t, shown, trusted)
  }
  const ownChanged = setPrivate(t, member, own)
  if (!changed && !ownChanged) return replies.notModified
  tellUpdate(t, changed)
  return replies.ok
}

function onlyPrivate(said: SetDesc): SetDesc {
  return said.private === undefined ? {} : { private: said.private }
}

function describe(t: Turn, shown: Json | undefined, trusted: Json | undefined): void {
  const { description } = t.s
  if (shown === undefined) delete description.public
  else description.public = shown
  if (trusted === undefined) delete description.trusted
  else description.trusted = trusted
  description.updated = t.env.now
  t.s.touchDescription()
}

/** Own other sessions, and for what all may see all members, attached or not. */
function tellUpdate({ actor, d }: Turn, everybody: boolean): void {
  const common = { needs: J, evenAttached: true }
  const own = { ...common, onlyUser: actor.uid, skipSid: actor.sid }
  d.events.push(pres('watchers', 'upd', own))
  if (everybody) d.events.push(pres('watchers', 'upd', { ...common, exceptUser: actor.uid }))
}

/** Everything but the doing: so that a refusal, or a question, comes before other parts are done. */
function decideTags(t: Turn, member: Member, command: SetCommand): () => CtrlPart {
  const { s, actor, env, d } = t
  const refuse = (part: CtrlPart) => (): CtrlPart => part
  if (s.kind !== 'grp') return refuse(actor.attached ? replies.notAllowed : replies.denied)
  if (!actor.attached || s.description.owner !== member.uid) return refuse(replies.denied)
  const change = changeTags(s.description.tags, command.tags ?? [], env.limits)
  if (change === null) return refuse(replies.denied)
  const refusal = refuseTagChange(t, change, command.claimed, s.description.epoch)
  if (refusal !== null) return refuse(refusal)
  const { added, removed, tags } = change
  if (added.length === 0 && removed.length === 0) return refuse(replies.notModified)
  return () => {
    s.description.tags = tags
    s.description.updated = env.now
    s.touchDescription()
    const epoch = tellTags(d, s.name, change, s.description.epoch)
    if (epoch > 0) s.description.epoch = epoch
    const own = { onlyUser: actor.uid, skipSid: actor.sid }
    d.events.push(pres('attached', 'tags', { ...own, needs: R }))
    return ok({ added: added.length, removed: removed.length })
  }
}

function setAux(t: Turn, member: Member, said: Json): CtrlPart {
  const { s, actor, d } = t
  if (!actor.attached) return replies.denied
  if (s.kind === 'sys') return replies.notAllowed
  if ((member.mode & (O | A)) === 0 || member.reader) return replies.denied
  if (!acceptable(said) || (said !== clearMark && said !== null && !isObject(said))) {
    return replies.malformed
  }
  const { description } = s
  const aux = keepPins(mergeJson(description.aux, said), description.aux)
  if (isTooLong(aux)) return replies.tooLarge
  if (sameJson(aux, description.aux)) return replies.notModified
  if (aux === undefined) delete description.aux
  else description.aux = aux
  s.touchDescription()
  d.events.push(pres('attached', 'aux', { needs: R, skipSid: actor.sid }))
  return replies.ok
}

/** Clients only notice that the last message was unpinned when they are told an empty list (12.10). */
function keepPins(aux: Json | undefined, before: Json | undefined): Json | undefined {
  const had = isObject(before) && before['pins'] !== undefined
  if (!had || (isObject(aux) && aux['pins'] !== undefined)) return aux
  return { ...(isObject(aux) ? aux : {}), pins: [] }
}
