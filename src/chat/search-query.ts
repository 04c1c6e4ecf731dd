/** Length of a query, in UTF-16 units. Longer: no hits. */
export const maxQueryLength = 1_024
/** Terms in a query. More: no hits. */
export const maxTerms = 32

/** A term as the tags that it may stand for, the one as written first. */
export type Term = readonly string[]

/** What somebody searches for (tinode-wire.md 8.8). */
export interface SearchQuery {
  /** Each of them must be carried. */
  readonly and: readonly Term[]
  /** One of them must be carried when `and` is empty; otherwise they only raise the rank. */
  readonly or: readonly Term[]
}

interface Token {
  readonly text: string
  /** A comma stands before it. */
  readonly afterComma: boolean
  beforeComma: boolean
}

/**
 * Terms are separated by spaces (and) or commas (or); a term beside a comma is an or-term; quotes
 * keep spaces in a term. Null: an error, or nothing to search for. `callingCode`: of the country in
 * which phone numbers without `+` are meant.
 */
export function parseSearch(text: string, callingCode = '1'): SearchQuery | null {
  if (text.length > maxQueryLength) return null
  const tokens = tokenize(text.toLowerCase())
  if (tokens === null || tokens.length === 0 || tokens.length > maxTerms) return null
  const and: Term[] = []
  const or: Term[] = []
  for (const token of tokens) {
    const list = token.afterComma || token.beforeComma ? or : and
    list.push(rewrite(token.text, callingCode))
  }
  return { and, or }
}

/** All tags that may be carried by a hit, each once. */
export function tagsOf(query: SearchQuery): string[] {
  return [...new Set([...query.and, ...query.or].flat())]
}

/** A tag that is looked up by itself, to see whether it is free: `prefix:value`. Null: it is none. */
export function uniqueTag(text: string): string | null {
  const tag = text.trim().toLowerCase()
  return prefixed.test(tag) && tag.length <= maxQueryLength ? tag : null
}

const prefixed = /^[a-z][a-z0-9_]{1,15}:[^\s:,"]+$/
const email = /^[^\s@:,"]+@[^\s@:,"]+\.[^\s@:,"]+$/
const phone = /^\+?[0-9][0-9\-().]{5,18}$/
/** E.164: at most 15 digits with the calling code; fewer than 7 are no subscriber's. */
const leastDigits = 7
const mostDigits = 15

function tokenize(text: string): Token[] | null {
  const tokens: Token[] = []
  let comma = false
  let at = 0
  while (at < text.length) {
    const char = text.charAt(at)
    if (char === ' ' || char === '\t') at++
    else if (char === ',') {
      if (comma) return null // two in a row
      comma = true
      const before = tokens[tokens.length - 1]
      if (before !== undefined) before.beforeComma = true
      at++
    } else {
      const end = char === '"' ? text.indexOf('"', at + 1) : wordEnd(text, at)
      if (end < 0) return null // a quote that is not closed
      const word = char === '"' ? text.slice(at + 1, end).trim() : text.slice(at, end)
      if (char !== '"' && word.includes('"')) return null // a quote inside a word
      at = char === '"' ? end + 1 : end
      if (char === '"' && at < text.length && !isSeparator(text.charAt(at))) return null
      if (word !== '') tokens.push({ text: word, afterComma: comma, beforeComma: false })
      comma = false
    }
  }
  return tokens
}

function wordEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && !isSeparator(text.charAt(at))) at++
  return at
}

function isSeparator(char: string): boolean {
  return char === ' ' || char === '\t' || char === ','
}

/** Plain words may be a login or an alias; addresses and numbers may be somebody's. */
function rewrite(term: string, callingCode: string): Term {
  if (prefixed.test(term)) return [term]
  if (email.test(term)) return [term, `email:${term}`]
  const number = phone.test(term) ? e164(term, callingCode) : null
  if (number !== null) return [term, `tel:${number}`]
  return term.includes(' ') ? [term] : [term, `basic:${term}`, `alias:${term}`]
}

function e164(term: string, callingCode: string): string | null {
  const digits = term.replaceAll(/[^0-9]/g, '')
  const whole = term.startsWith('+') ? digits : callingCode + digits.replace(/^0/, '')
  return whole.length >= leastDigits && whole.length <= mostDigits ? `+${whole}` : null
}
