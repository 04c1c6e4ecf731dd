import { getWords } from '../chat/command.ts'
import type { GetQuery, GetWord, SeqRange } from '../chat/command.ts'
import { parseUserId } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import { existingAddressOf } from './addressing.ts'
import { isRefusal, refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { GetBody, RangeBody } from './schema.ts'

/**
 * A `{get}` as the rules want it (tinode-wire.md 5.6): known words once, times as ms, canonical names.
 * Zero, empty and missing mean the same. A query without a known word is malformed.
 */
export function queryOf(body: GetBody, self: UserId): GetQuery | Refusal {
  const what = wordsOf(body.what ?? '')
  if (what.length === 0) return refusals.malformed
  const desc = imsOf(body.desc?.ims)
  const sub = subOf(body.sub, self)
  if (desc === null || sub === null) return refusals.malformed
  if (isRefusal(sub)) return sub
  return {
    what,
    ...(desc === undefined ? {} : { desc: { ims: desc } }),
    ...(isEmpty(sub) ? {} : { sub }),
    ...present('data', pageOf(body.data)),
    ...present('del', pageOf(body.del)),
  }
}

/** `hi` missing or 0: the single number `low`. */
export function rangesOf(ranges: readonly RangeBody[]): SeqRange[] {
  return ranges.map(({ low, hi }) => (hi ? { low: low ?? 0, hi } : { low: low ?? 0 }))
}

function wordsOf(what: string): GetWord[] {
  const said = new Set(what.split(' '))
  return getWords.filter((word) => said.has(word))
}

/** Undefined: not said. Null: not a time. */
function imsOf(text: string | null | undefined): number | undefined | null {
  if (text === undefined || text === null || text === '') return undefined
  const ms = timePattern.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(ms) ? null : ms
}

const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/

type SubQuery = NonNullable<GetQuery['sub']>

function subOf(body: GetBody['sub'], self: UserId): SubQuery | Refusal | null {
  const ims = imsOf(body?.ims)
  if (ims === null) return null
  const user = body?.user ? parseUserId(body.user) : undefined
  if (user === null) return null
  const address = body?.topic ? existingAddressOf(body.topic, self) : undefined
  if (address !== undefined && isRefusal(address)) return address
  return {
    ...(ims === undefined ? {} : { ims }),
    ...(user === undefined ? {} : { user }),
    ...(address === undefined ? {} : { topic: address.topic }),
    ...(body?.limit ? { limit: body.limit } : {}),
  }
}

interface PageBody {
  readonly since?: number | null | undefined
  readonly before?: number | null | undefined
  readonly limit?: number | null | undefined
  readonly ranges?: RangeBody[] | null | undefined
}

function pageOf(body: PageBody | null | undefined): NonNullable<GetQuery['data']> {
  return {
    ...(body?.since ? { since: body.since } : {}),
    ...(body?.before ? { before: body.before } : {}),
    ...(body?.limit ? { limit: body.limit } : {}),
    ...(body?.ranges ? { ranges: rangesOf(body.ranges) } : {}),
  }
}

function present<K extends string, V extends object>(key: K, value: V): { [P in K]?: V } {
  return isEmpty(value) ? {} : ({ [key]: value } as { [P in K]?: V })
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}
