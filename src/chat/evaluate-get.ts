import { limits } from '../limits.ts'
import { R } from './access-mode.ts'
import type { GetCommand, GetQuery, GetWord, Json } from './command.ts'
import { getDesc, getStrangersDesc } from './get-desc.ts'
import { getRows, getOwnRow } from './get-rows.ts'
import type { Member } from './member.ts'
import { nothing, replies } from './replies.ts'
import { clipSpans, joinSpans, wireRanges } from './seq-ranges.ts'
import type { Span } from './seq-ranges.ts'
import type { Turn } from './turn.ts'

/** Order of answers to `{get}`; after a `{sub}` data and del come last (5.6, 2.6). */
const getOrder: readonly GetWord[] = ['desc', 'sub', 'data', 'del', 'tags', 'cred', 'aux']
const subOrder: readonly GetWord[] = ['desc', 'sub', 'tags', 'cred', 'aux', 'data', 'del']

/** Ranges that one question may name. Above: malformed. */
const maxRanges = 1_024

/** `{get}` changes nothing. */
export function evaluateGet(t: Turn, command: GetCommand): void {
  const { s, actor, d } = t
  const { query } = command
  if (isMalformed(query)) return void d.parts.push(replies.malformed)
  if (actor.asChan && !s.description.channel) return void d.parts.push(replies.notFound)
  const member = s.live ? s.members.subscribed(actor.uid) : undefined
  if (!actor.attached || member === undefined) return unattached(t, command, member)
  for (const word of getOrder) if (query.what.includes(word)) one(t, member, query, word)
}

/** The words that came with a `{sub}`, after its ctrl. */
export function getAfterSub(t: Turn, query: GetQuery): void {
  const member = t.s.members.subscribed(t.actor.uid)
  if (member === undefined || query.what.length === 0) return
  if (isMalformed(query)) return void t.d.parts.push(replies.malformed)
  for (const word of subOrder) if (query.what.includes(word)) one(t, member, query, word)
}

/** Without being attached one sees the description, one's own row, and nothing else. */
function unattached(t: Turn, command: GetCommand, member: Member | undefined): void {
  const { s, d } = t
  const { what } = command.query
  if (!s.live && s.kind === 'grp') return void d.parts.push(replies.topicNotFound)
  if (what.includes('desc') && getStrangersDesc(t, command, member) === 'asks') return
  if (what.includes('sub')) getOwnRow(t, member)
  if (what.some((word) => word !== 'desc' && word !== 'sub')) d.parts.push(replies.denied)
}

function one(t: Turn, member: Member, query: GetQuery, word: GetWord): void {
  switch (word) {
    case 'desc':
      return getDesc(t, member, query.desc?.ims)
    case 'sub':
      return getRows(t, member, query)
    case 'data':
      getData(t, member, query)
      return tellTrimmed(t, member, query)
    case 'del':
      return getDeletions(t, member, query)
    case 'tags':
      return getTags(t, member)
    case 'cred':
      return void t.d.parts.push(replies.notAllowed)
    case 'aux':
      return getAux(t)
  }
}

function getData({ s, d }: Turn, member: Member, query: GetQuery): void {
  if ((member.mode & R) === 0) return void d.parts.push(replies.denied)
  const { since, before, limit, ranges } = query.data ?? {}
  const top = s.head.seq + 1
  const spans: Span[] =
    ranges === undefined
      ? [
          [
            Math.max(since ?? 1, 1),
            Math.min(before === undefined || before === 0 ? top : before, top),
          ],
        ]
      : ranges.map(({ low, hi }) => [low, hi === undefined || hi === 0 ? low + 1 : hi])
  const wanted = clipSpans(joinSpans(spans), s.head.kept, top)
  const first = wanted[0]
  const last = wanted[wanted.length - 1]
  if (first === undefined || last === undefined) return void d.parts.push(nothing('data'))
  d.parts.push({
    kind: 'history',
    ranges: wanted,
    limit: atMost(limit, limits.maxHistoryPage),
    hidden: s.hiddenFrom(member.uid, first[0], last[1]),
    anonymous: member.reader,
  })
}

/**
 * A cursor from before what is kept: the deletions are told behind the messages, as if asked for,
 * so that what was trimmed is not taken for lost.
 */
function tellTrimmed(t: Turn, member: Member, query: GetQuery): void {
  const { since, ranges } = query.data ?? {}
  const from = ranges === undefined ? since : ranges[0]?.low
  if (from === undefined || from >= t.s.head.kept || query.what.includes('del')) return
  if ((member.mode & R) !== 0) getDeletions(t, member, { what: ['del'] })
}

function getDeletions({ s, d }: Turn, member: Member, query: GetQuery): void {
  const { since, before, limit } = query.del ?? {}
  const found = s.deletedSince(
    member.uid,
    since ?? 0,
    before === undefined || before === 0 ? Infinity : before,
    atMost(limit, limits.maxListRows),
  )
  if ((member.mode & R) === 0 || found.spans.length === 0) return void d.parts.push(nothing('del'))
  const value = { clear: found.clear, delseq: wireRanges(found.spans) as Json }
  d.parts.push({ kind: 'meta', part: 'del', value })
}

function getTags({ s, d }: Turn, member: Member): void {
  const { owner, tags } = s.description
  if (s.kind !== 'grp') d.parts.push(replies.notAllowed)
  else if (owner !== member.uid) d.parts.push(replies.denied)
  else if (tags.length === 0) d.parts.push(nothing('tags'))
  else d.parts.push({ kind: 'meta', part: 'tags', value: tags })
}

function getAux({ s, d }: Turn): void {
  const { aux } = s.description
  if (s.kind === 'sys') d.parts.push(replies.notAllowed)
  else if (aux === undefined) d.parts.push(nothing('aux'))
  else d.parts.push({ kind: 'meta', part: 'aux', value: aux })
}

function isMalformed({ what, data, del, sub }: GetQuery): boolean {
  if (what.length === 0) return true
  if (sub?.topic !== undefined || (data?.ranges?.length ?? 0) > maxRanges) return true
  for (const { low, hi } of data?.ranges ?? []) {
    if (!isSeq(low) || !isSeq(hi) || (hi !== undefined && hi !== 0 && hi < low)) return true
  }
  const numbers = [data?.since, data?.before, data?.limit, del?.since, del?.before, del?.limit]
  return !numbers.every(isSeq) || !isSeq(sub?.limit)
}

function isSeq(value: number | undefined): boolean {
  return value === undefined || (Number.isSafeInteger(value) && value >= 0)
}

export function atMost(limit: number | undefined, cap: number): number {
  return limit === undefined || limit === 0 ? cap : Math.min(limit, cap)
}
