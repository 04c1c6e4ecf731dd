import type { ChatLimits } from './entity.ts'
import { clearMark } from './json-merge.ts'

/** Namespaces that only the server writes (8.7). */
const immutable = ['basic:', 'email:', 'tel:'] as const
const aliasPrefix = 'alias:'
const firstCharacter = /^[\p{L}\p{N}]/u
const wholeTag = /^(?:[a-z][a-z0-9_]{1,15}:)?[\p{L}\p{N}\-_+.!?#@]{1,96}$/u
const aliasValue = /^[a-z0-9][a-z0-9\-_]{3,23}$/

/**
 * A list of tags as it is stored: the first so many, trimmed, lower-cased, sorted, without those
 * that are too short, too long or no tags, and without repeats. The mark anywhere: no tags.
 */
export function normalTags(said: readonly string[], limits: ChatLimits): string[] {
  if (said.includes(clearMark)) return []
  const kept = new Set<string>()
  for (const raw of said.slice(0, limits.maxTagCount)) {
    const tag = raw.trim().toLowerCase()
    if (tag.length < limits.minTagLength || tag.length > limits.maxTagLength) continue
    if (firstCharacter.test(tag) && wholeTag.test(tag)) kept.add(tag)
  }
  return [...kept].sort()
}

export function isImmutable(tag: string): boolean {
  return immutable.some((prefix) => tag.startsWith(prefix))
}

/** Unique tags: each is a name whose own entity decides who has it. */
export function aliasesOf(tags: readonly string[]): string[] {
  return tags.filter((tag) => tag.startsWith(aliasPrefix))
}

export function isAlias(tag: string): boolean {
  return tag.startsWith(aliasPrefix) && aliasValue.test(tag.slice(aliasPrefix.length))
}

/** What a list of tags becomes, and who must be told. */
export interface TagChange {
  readonly tags: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** `{set tags}`: null when immutable ones were added or left out. */
export function changeTags(
  now: readonly string[],
  said: readonly string[],
  limits: ChatLimits,
): TagChange | null {
  const asked = normalTags(said, limits)
  const fixed = now.filter(isImmutable)
  const cleared = said.includes(clearMark)
  const tags = cleared ? fixed : asked
  const kept = tags.filter(isImmutable)
  if (kept.length !== fixed.length || kept.some((tag) => !fixed.includes(tag))) return null
  return {
    tags,
    added: tags.filter((tag) => !now.includes(tag)),
    removed: now.filter((tag) => !tags.includes(tag)),
  }
}
