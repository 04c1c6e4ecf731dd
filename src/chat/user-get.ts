import { limits } from '../limits.ts'
import { modeText, selfTopicMode } from './access-mode.ts'
import type { GetQuery, GetWord, Json } from './command.ts'
import { atMost } from './evaluate-get.ts'
import { put } from './json-merge.ts'
import { acs, nothing, replies } from './replies.ts'
import type { MeTurn } from './user-set.ts'

type Fields = { [key: string]: Json }

const getOrder: readonly GetWord[] = ['desc', 'sub', 'data', 'del', 'tags', 'cred', 'aux']
const subOrder: readonly GetWord[] = ['desc', 'sub', 'tags', 'cred', 'aux', 'data', 'del']

/** `{get me}` (5.6). */
export function getMe(t: MeTurn, query: GetQuery): void {
  const { actor, d } = t
  if (isMalformed(query)) return void d.parts.push(replies.malformed)
  if (actor.attached) return answer(t, query, getOrder)
  if (query.what.includes('desc')) asOthersSee(t)
  if (query.what.includes('sub')) ownRow(t)
  if (query.what.some((word) => word !== 'desc' && word !== 'sub')) d.parts.push(replies.denied)
}

export function getMeAfterSub(t: MeTurn, query: GetQuery): void {
  if (query.what.length === 0) return
  if (isMalformed(query)) t.d.parts.push(replies.malformed)
  else answer(t, query, subOrder)
}

function answer(t: MeTurn, query: GetQuery, order: readonly GetWord[]): void {
  for (const word of order) if (query.what.includes(word)) one(t, query, word)
}

function one(t: MeTurn, query: GetQuery, word: GetWord): void {
  const { account, d } = t
  switch (word) {
    case 'desc':
      return desc(t, query.desc?.ims)
    case 'sub':
      return list(t, query)
    case 'data':
      return void d.parts.push(replies.denied)
    case 'del':
      return void d.parts.push(nothing('del'))
    case 'tags':
      if (account.tags.length === 0) d.parts.push(nothing('tags'))
      else d.parts.push({ kind: 'meta', part: 'tags', value: account.tags })
      return
    case 'cred':
      return void d.parts.push(nothing('creds'))
    case 'aux':
      return void d.parts.push(replies.notAllowed)
  }
}

function desc({ account, actor, d }: MeTurn, ims: number | undefined): void {
  const updated = Math.max(account.updated, account.privateUpdated)
  const value: Fields = {}
  if (ims === undefined) value['created'] = account.created
  value['updated'] = updated
  if (actor.level === 'root') value['state'] = account.state
  value['defacs'] = {
    auth: modeText(account.defaults.auth),
    anon: modeText(account.defaults.anon),
  }
  value['acs'] = acs(account.want, selfTopicMode)
  if (ims === undefined || ims < updated) {
    put(value, 'public', account.public)
    put(value, 'trusted', account.trusted)
    put(value, 'private', account.private)
  }
  d.parts.push({ kind: 'meta', part: 'desc', value })
}

function asOthersSee({ account, d }: MeTurn): void {
  const value: Fields = {
    created: account.created,
    updated: account.updated,
    acs: { mode: modeText(account.defaults.auth) },
  }
  put(value, 'public', account.public)
  put(value, 'trusted', account.trusted)
  d.parts.push({ kind: 'meta', part: 'desc', value })
}

function ownRow({ uid, account, d }: MeTurn): void {
  const value: Fields = {
    user: uid,
    updated: Math.max(account.updated, account.privateUpdated),
    acs: acs(account.want, selfTopicMode),
  }
  put(value, 'private', account.private)
  d.parts.push({ kind: 'meta', part: 'sub', value: [value] })
}

/** Names only: each topic's owner knows the row, and the edge asks there. */
function list({ record, d }: MeTurn, query: GetQuery): void {
  const { ims, topic: only, limit } = query.sub ?? {}
  const topics = []
  for (const [topic, { updated, left }] of record.list) {
    if (only !== undefined && topic !== only) continue
    if (left === 0) topics.push({ topic, updated })
    else if (ims !== undefined && left > ims) topics.push({ topic, updated, deleted: left })
  }
  if (topics.length === 0) return void d.parts.push(nothing('sub'))
  topics.sort((a, b) => b.updated - a.updated || (a.topic < b.topic ? -1 : 1))
  const since = ims === undefined ? {} : { ims }
  d.parts.push({ kind: 'list', topics, ...since, limit: atMost(limit, limits.maxListRows) })
}

function isMalformed({ what, sub }: GetQuery): boolean {
  return what.length === 0 || sub?.user !== undefined
}
