import { sometimes } from '../assert.ts'
import { D, J, P, R } from './access-mode.ts'
import type { DelCommand } from './command.ts'
import { maxDeletions } from './deletion-log.ts'
import { ok, replies } from './replies.ts'
import { clipSpans, deleteSpans, wireRanges } from './seq-ranges.ts'
import { pres } from './turn.ts'
import type { Turn } from './turn.ts'

/**
 * `{del msg}` (5.8): for everybody with D, otherwise for oneself. Log and notices list exactly what
 * was deleted: for everybody that is only what is young enough, except for the owner.
 */
export function deleteMessages(t: Turn, command: DelCommand): void {
  const { s, actor, env, d } = t
  if (!s.live) return void d.parts.push(replies.topicNotFound)
  if (!actor.attached) return void d.parts.push(replies.attachFirst)
  const member = s.members.subscribed(actor.uid)
  if (member?.reader === true) return void d.parts.push(replies.notAllowed)
  if (member === undefined || (member.mode & R) === 0) return void d.parts.push(replies.denied)
  const asked = deleteSpans(command.delseq, s.head.seq)
  if (asked === null) return void d.parts.push(replies.malformed)
  if (s.deletions.size >= maxDeletions) return void d.parts.push(replies.policy)

  const hard = command.hard && (member.mode & D) !== 0
  sometimes(command.hard && !hard, 'chat: a hard deletion became a soft one')
  const owner = s.description.owner === actor.uid
  const from = hard && !owner ? s.ages.youngFrom(env.now, env.limits.messageDeleteAgeS) : 1
  const spans = from === 1 ? asked : clipSpans(asked, from, s.head.seq + 1)
  // All of it is too old: saying "done" would make clients drop what others still see.
  if (spans.length === 0) return void d.parts.push(replies.denied)

  const clear = s.hide(hard ? '' : actor.uid, spans)
  if (!hard) {
    member.clear = clear
    s.members.touch(member)
  }
  d.parts.push(ok({ del: clear }))
  const delseq = wireRanges(spans)
  const whom = hard ? {} : { onlyUser: actor.uid }
  const common = { ...whom, clear, delseq, skipSid: actor.sid }
  // Readers of a channel are not told who.
  const { channel } = s.description
  d.events.push(
    pres('attached', 'del', { ...common, ...(channel ? {} : { src: actor.uid }), needs: R }),
    pres('watchers', 'del', {
      ...common,
      ...(channel ? {} : { act: actor.uid }),
      needs: J | R | P,
    }),
  )
}
