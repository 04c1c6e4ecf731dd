import type { UserId } from '../ids/user-id.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { Claims } from './command.ts'
import { replies } from './replies.ts'
import type { CtrlPart, Draft } from './replies.ts'
import { aliasesOf, isAlias } from './tag-list.ts'
import type { TagChange } from './tag-list.ts'

/**
 * Unique tags that somebody wants and does not hold yet: at most one, well formed, and claimed
 * before it is taken on. When nobody has tried to claim it, the draft asks for that.
 */
export function refuseAliases(
  t: { readonly d: Draft },
  aliases: readonly string[],
  claimed: Claims | undefined,
  epoch = 0,
): CtrlPart | null {
  if (aliases.length > 1 || !aliases.every(isAlias)) return replies.malformed
  const isOver = claimed?.epoch !== epoch // what it claimed may be given up any moment
  const missing = aliases.filter((alias) => isOver || !claimed.tags.includes(alias))
  if (missing.length === 0) return null
  if (isOver) t.d.claims = { tags: missing, epoch }
  return replies.duplicate
}

/** The same for a change of tags: what is held already needs no claim. */
export function refuseTagChange(
  t: { readonly d: Draft },
  change: TagChange,
  claimed: Claims | undefined,
  epoch: number | undefined,
): CtrlPart | null {
  if (aliasesOf(change.tags).length > 1) return replies.malformed
  return refuseAliases(t, aliasesOf(change.added), claimed, epoch)
}

/**
 * Tells the tags' entities, and gives up unique ones that are no longer carried: that ends the
 * `epoch` of the holder. Returns the one that holds from here on.
 */
export function tellTags(
  d: Draft,
  target: TopicName | UserId,
  change: TagChange,
  epoch = 0,
): number {
  const topic = target as TopicName
  for (const [tags, gone] of [
    [change.added, false],
    [change.removed, true],
  ] as const) {
    for (const tag of tags) {
      d.outbox.push({ to: `tag:${tag}`, fact: { kind: 'tag', target: topic, gone } })
    }
  }
  const given = aliasesOf(change.removed)
  for (const alias of given) {
    d.outbox.push({ to: `nam:${alias}`, fact: { kind: 'name-free', holder: target, epoch } })
  }
  return given.length === 0 ? epoch : epoch + 1
}
