import { A, modeText, parseMode, peerMode, S } from '../chat/access-mode.ts'
import type { AuthLevel, Json } from '../chat/command.ts'
import type { NewAccount } from '../chat/fact.ts'
import type { UserId } from '../ids/user-id.ts'
import { maxTagLength, minTagLength } from './edge-options.ts'
import type { EdgeOptions } from './edge-options.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { AccBody } from './schema.ts'
import { said, tagsOf } from './set-parts.ts'

/**
 * Namespaces of tags that only the server writes (tinode-wire.md 8.7), and the one of unique tags:
 * those are taken by `{set tags}`, which asks their names first.
 */
const ownNamespaces = ['basic:', 'email:', 'tel:', 'alias:']
const clearMark = '\u2421'

/** The account that a good `{acc}` asks for, or why it cannot be had (tinode-wire.md 8.4). */
export function newAccountOf(
  body: AccBody,
  who: {
    readonly uid: UserId
    readonly level: AuthLevel
    readonly login: string
    readonly at: number
  },
  options: EdgeOptions,
): NewAccount | Refusal {
  const defacs = defacsOf(body.desc?.defacs)
  if (defacs === null) return refusals.malformed
  const tags = normalTags(tagsOf(body.tags ?? []), options.maxTagCount)
  if (tags.some((tag) => ownNamespaces.some((own) => tag.startsWith(own)))) {
    return { ...refusals.denied, params: { what: 'tags' } }
  }
  if (who.login !== '' && options.loginAsTag) tags.push('basic:' + who.login)
  return {
    uid: who.uid,
    level: who.level,
    at: who.at,
    ...(who.login === '' ? {} : { login: who.login }),
    ...said('public', withoutClears(body.desc?.public)),
    ...said('private', withoutClears(body.desc?.private)),
    defacs,
    tags,
  }
}

/** How a new account is described to the one who made it. */
export function describe(account: NewAccount): { readonly [key: string]: Json } {
  const { auth, anon } = account.defacs
  return {
    created: account.at,
    updated: account.at,
    defacs: { auth: modeText(auth), anon: modeText(anon) },
    ...said('public', account.public),
    ...said('private', account.private),
  }
}

/** Trimmed, lower case, in order, each once, of a good length, at most `maxCount` of those sent. */
export function normalTags(tags: readonly string[], maxCount: number): string[] {
  if (tags.includes(clearMark)) return []
  const kept = tags.slice(0, maxCount).map((tag) => tag.trim().toLowerCase())
  return [...new Set(kept)]
    .filter((tag) => tag.length >= minTagLength && tag.length <= maxTagLength)
    .filter((tag) => /^[\p{L}\p{N}]/u.test(tag))
    .sort()
}

/** Rights of strangers who start a chat with the user; A is part of every right but none. Null: no such letters. */
function defacsOf(
  defacs: { auth?: string | null | undefined; anon?: string | null | undefined } | null | undefined,
): NewAccount['defacs'] | null {
  const auth = parseMode(defacs?.auth ?? '')
  const anon = parseMode(defacs?.anon ?? '')
  if (auth === null || anon === null) return null
  return {
    auth: auth === undefined ? peerMode | S : masked(auth),
    anon: anon === undefined ? 0 : masked(anon),
  }
}

function masked(mode: number): number {
  const kept = mode & peerMode
  return kept === 0 ? 0 : kept | A
}

/** The web app sends "clear this" for fields that a new account does not have yet: those keys go. */
function withoutClears(value: Json | undefined): Json | undefined {
  if (value === clearMark) return undefined
  if (Array.isArray(value) || value === null || typeof value !== 'object') return value
  const kept = Object.entries(value as { readonly [key: string]: Json })
    .filter(([, inner]) => inner !== clearMark)
    .map(([key, inner]) => [key, withoutClears(inner) as Json] as const)
  return Object.fromEntries(kept)
}
