import { J, O, fullMode, parseMode } from './access-mode.ts'
import type { SubCommand } from './command.ts'
import { mergeJson } from './json-merge.ts'
import type { Member } from './member.ts'
import { replies } from './replies.ts'
import type { CtrlPart } from './replies.ts'
import { defaultsAtCreation } from './rights.ts'
import { refuseAliases } from './aliases.ts'
import { aliasesOf, isImmutable, normalTags } from './tag-list.ts'
import { listed } from './turn.ts'
import type { Turn } from './turn.ts'

/** Makes the group or channel that the request is addressed to; its creator owns it. */
export function createGroup(t: Turn, command: SubCommand): Member | CtrlPart {
  const { s, actor, env } = t
  const { desc } = command
  const asked = parseMode(command.mode ?? '')
  const tags = normalTags(command.tags ?? [], env.limits)
  if (asked === null) return replies.malformed
  const refusal = refuseCreation(t, command, tags)
  if (refusal !== null) return refusal

  const { description } = s
  const channel = command.create === 'chn'
  s.open(env.now)
  description.channel = channel
  description.owner = actor.uid
  description.defaults = defaultsAtCreation(desc?.defacs, channel)
  description.tags = tags
  const shown = mergeJson(undefined, desc?.public)
  const trusted = mergeJson(undefined, desc?.trusted)
  if (shown !== undefined) description.public = shown
  if (trusted !== undefined) description.trusted = trusted
  const owner = s.enter(actor.uid, env.now, false)
  owner.want = asked === undefined ? fullMode : asked | J | O
  owner.given = fullMode
  listed(t, owner)
  for (const tag of tags) {
    t.d.outbox.push({ to: `tag:${tag}`, fact: { kind: 'tag', target: s.name, gone: false } })
  }
  return owner
}

function refuseCreation(t: Turn, command: SubCommand, tags: readonly string[]): CtrlPart | null {
  const { desc } = command
  if (desc?.trusted !== undefined && t.actor.level !== 'root') return replies.denied
  if (tags.some(isImmutable)) return replies.denied
  return refuseAliases(t, aliasesOf(tags), command.claimed)
}
