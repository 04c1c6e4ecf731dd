import type { MeRow } from '../chat/ask.ts'
import { J, P, R, modeText } from '../chat/access-mode.ts'
import type { Json, UserCard } from '../chat/command.ts'
import type { ListPart } from '../chat/outcome.ts'
import { clientTopicName, kindOf, otherUser } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { AskEntity, Cards } from './cards.ts'

/**
 * The rows of `{get sub}` on `me` (tinode-wire.md 2.15): the list is the user's, the row is the
 * topic's, the face of a p2p is the peer's; each is asked of its own owner. Undefined: one of them
 * could not be had in time; `until`: monotonic ms.
 */
export async function meList(
  part: ListPart,
  uid: UserId,
  ask: AskEntity,
  cards: Cards,
  until: number,
): Promise<Json[] | undefined> {
  const rows = await Promise.all(
    part.topics.map((item) => row(item, part.ims, uid, ask, cards, until)),
  )
  if (rows.some((found) => found === undefined)) return undefined
  const present = rows.filter((found): found is Found => found !== null && found !== undefined)
  if (part.ims !== undefined) present.sort((a, b) => a.changed - b.changed)
  return present.slice(0, part.limit).map((found) => found.row)
}

interface Found {
  readonly row: Json
  readonly changed: number
}

async function row(
  item: ListPart['topics'][number],
  ims: number | undefined,
  uid: UserId,
  ask: AskEntity,
  cards: Cards,
  until: number,
): Promise<Found | null | undefined> {
  const { topic } = item
  if (item.deleted !== undefined) {
    const gone = {
      topic: clientTopicName(topic, uid),
      deleted: item.deleted,
      updated: item.deleted,
    }
    return ims !== undefined && item.deleted > ims ? { row: gone, changed: item.deleted } : null
  }
  const peer = kindOf(topic) === 'p2p' ? otherUser(topic, uid) : null
  const [answer, card] = await Promise.all([
    ask(topic, { kind: 'row', uid }, until),
    peer === null ? null : cards.card(peer, until),
  ])
  if (answer === undefined || card === undefined) return undefined
  const me = answer as MeRow | null
  if (me === null) return null // left meanwhile; the fact that says so is on its way
  const updated = Math.max(me.updated, card?.updated ?? 0)
  const changed = Math.max(updated, me.touched)
  if (ims !== undefined && changed <= ims) {
    if (!me.online) return null
    return { row: { topic: clientTopicName(topic, uid, me.chan), online: true }, changed }
  }
  return { row: full(topic, me, card, updated, ims, uid), changed }
}

function full(
  topic: TopicName,
  me: MeRow,
  card: UserCard | null,
  updated: number,
  ims: number | undefined,
  uid: UserId,
): Json {
  const mode = me.acs.want & me.acs.given
  const acs = { want: modeText(me.acs.want), given: modeText(me.acs.given), mode: modeText(mode) }
  const out: { [key: string]: Json } = {
    topic: clientTopicName(topic, uid, me.chan),
    updated,
    acs,
  }
  const face = card ?? me
  const fresh = ims === undefined || updated > ims
  if (fresh && face.public !== undefined) out['public'] = face.public
  if ((mode & J) === 0) return out // blocked: the row shrinks to this
  if (fresh && face.trusted !== undefined) out['trusted'] = face.trusted
  if (me.private !== undefined) out['private'] = me.private
  if (me.online && (mode & P) !== 0) out['online'] = true
  if ((mode & (R | J)) === (R | J)) {
    for (const [key, value] of [
      ['touched', me.touched],
      ['seq', me.seq],
      ['clear', me.clear],
      ['read', me.read],
      ['recv', me.recv],
    ] as const) {
      if (value > 0) out[key] = value
    }
  }
  if (me.subcnt !== undefined && me.subcnt > 0) out['subcnt'] = me.subcnt
  if (card?.seen !== undefined && !me.online)
    out['seen'] = { when: card.seen.when, ua: card.seen.ua }
  return out
}
