import { limits } from '../limits.ts'
import { A, J, O, P, R, S, isAdmin } from './access-mode.ts'
import type { GetQuery, Json } from './command.ts'
import { put } from './json-merge.ts'
import type { Member } from './member.ts'
import { acs, nothing, replies } from './replies.ts'
import type { TopicState } from './topic-state.ts'
import type { Turn } from './turn.ts'

type Fields = { [key: string]: Json }

/** Rows of members, for a member (2.15). */
export function getRows(t: Turn, asker: Member, query: GetQuery): void {
  const { s, d } = t
  const { user, ims, limit } = query.sub ?? {}
  if (s.kind === 'slf' || s.kind === 'sys') return void d.parts.push(nothing('sub'))
  const cap = Math.min(
    limit === undefined || limit === 0 ? limits.maxListRows : limit,
    limits.maxListRows,
  )
  const found: Member[] = []
  for (const member of s.members.all()) {
    if (user !== undefined && member.uid !== user) continue
    if (member !== asker && (asker.reader || member.reader)) continue
    if (member.subscribed || (ims !== undefined && member.left > ims)) found.push(member)
  }
  found.sort(byArrival)
  const rows = found
    .slice(0, cap)
    .map((member) => (member.subscribed ? row(t, asker, member) : goneRow(member)))
  if (rows.length === 0) return void d.parts.push(nothing('sub'))
  const cards = s.kind === 'grp' ? { cards: true } : {}
  const since = ims === undefined ? {} : { ims }
  d.parts.push({ kind: 'meta', part: 'sub', value: rows, ...cards, ...since })
}

/** One's own row, for who is not attached. */
export function getOwnRow({ s, d }: Turn, member: Member | undefined): void {
  if (member === undefined) return void d.parts.push(replies.notFound)
  const value: Fields = {
    user: member.uid,
    updated: Math.max(member.updated, member.marked),
    acs: acs(member.want, member.given),
  }
  put(value, 'private', member.private)
  marks(s, value, member)
  d.parts.push({ kind: 'meta', part: 'sub', value: [value] })
}

function row({ s, env }: Turn, asker: Member, member: Member): Fields {
  const own = member === asker
  const mode = asker.mode
  const shows = own || isAdmin(member.mode) || (mode & (S | A | O)) !== 0
  const value: Fields = {
    user: member.uid,
    updated: Math.max(member.updated, member.marked),
    acs: shows ? acs(member.want, member.given) : {}, // the key must be there (12.4)
  }
  if (s.kind === 'grp' && (mode & P) !== 0) put(value, 'online', env.online(member.uid))
  marks(s, value, member)
  if (own) {
    put(value, 'clear', member.clear)
    put(value, 'private', member.private)
  }
  return value
}

function byArrival(a: Member, b: Member): number {
  return a.created - b.created || (a.uid < b.uid ? -1 : 1)
}

function goneRow(member: Member): Fields {
  return { user: member.uid, updated: member.updated, deleted: member.left, acs: {} }
}

function marks(s: TopicState, value: Fields, member: Member): void {
  if ((member.mode & (R | J)) !== (R | J)) return
  put(value, 'read', s.readOf(member))
  put(value, 'recv', s.recvOf(member))
}
