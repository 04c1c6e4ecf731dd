import type { Json } from '../chat/command.ts'
import type { HistoryPart, ReplyPart } from '../chat/outcome.ts'
import { errors } from '../errors.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { AskEntity, Cards } from './cards.ts'
import { meList } from './me-list.ts'
import type { PageMessage } from './messages.ts'
import type { Addressee } from './render.ts'
import { ctrlFrame, dataFrame, metaFrame } from './render.ts'
import type { Subscriber } from './topics.ts'

/** Gives the page of history that belongs to the answer; undefined when it never came. */
export type NextPage = () => Promise<readonly PageMessage[] | undefined>

/** Writes an answer as frames, part by part and in order, fetching what other owners must add. */
export class Answering {
  readonly #cards: Cards
  readonly #ask: AskEntity

  constructor(cards: Cards, ask: AskEntity) {
    this.#cards = cards
    this.#ask = ask
  }

  /** The parts that need nothing more go at once; returns those that are left. */
  writeNow(
    to: Subscriber,
    addressee: Addressee,
    ts: number,
    parts: readonly ReplyPart[],
  ): readonly ReplyPart[] {
    for (const [i, part] of parts.entries()) {
      if (part.kind === 'ctrl') {
        to.deliver(ctrlFrame(addressee, part.code, ts, part.params, part.text))
      } else if (part.kind === 'meta' && part.peer === undefined && part.cards !== true) {
        to.deliver(metaFrame(addressee, part.part, part.value, ts))
      } else return parts.slice(i)
    }
    return []
  }

  /** `until`: when the request must be answered, monotonic ms. */
  async writeRest(
    to: Subscriber,
    addressee: Addressee,
    topic: TopicName,
    ts: number,
    parts: readonly ReplyPart[],
    page: NextPage,
    until: number,
  ): Promise<void> {
    for (const part of parts) {
      if (part.kind === 'ctrl')
        to.deliver(ctrlFrame(addressee, part.code, ts, part.params, part.text))
      else if (part.kind === 'history') await this.#history(to, addressee, ts, part, page)
      else if (part.kind === 'list') {
        const rows = await meList(part, to.uid, this.#ask, this.#cards, until)
        if (rows === undefined) to.deliver(unreachable(addressee, ts))
        else if (rows.length > 0) to.deliver(metaFrame(addressee, 'sub', rows, ts))
        else to.deliver(ctrlFrame(addressee, 204, ts, { what: 'sub' }))
      } else await this.#meta(to, addressee, ts, part, until)
    }
  }

  async #history(
    to: Subscriber,
    addressee: Addressee,
    ts: number,
    part: HistoryPart,
    page: NextPage,
  ): Promise<void> {
    const messages = await page()
    if (messages === undefined) return void to.deliver(unreachable(addressee, ts))
    for (const [seq, from, at, head, content] of messages) {
      to.deliver(
        dataFrame(addressee.topic ?? '', { seq, from, ts: at, head, content }, part.anonymous),
      )
    }
    const count = messages.length
    to.deliver(
      count === 0
        ? ctrlFrame(addressee, 204, ts, { what: 'data' })
        : ctrlFrame(addressee, 208, ts, { what: 'data', count }),
    )
  }

  async #meta(
    to: Subscriber,
    addressee: Addressee,
    ts: number,
    part: Extract<ReplyPart, { kind: 'meta' }>,
    until: number,
  ): Promise<void> {
    const value =
      part.cards === true
        ? await this.#rows(part.value, part.ims, until)
        : await this.#face(part, until)
    if (value === undefined) to.deliver(unreachable(addressee, ts))
    else to.deliver(metaFrame(addressee, part.part, value, ts))
  }

  /** desc of a p2p: what the peer shows of himself. */
  async #face(
    part: Extract<ReplyPart, { kind: 'meta' }>,
    until: number,
  ): Promise<Json | undefined> {
    if (part.peer === undefined) return part.value
    const card = await this.#cards.card(part.peer, until)
    if (card === undefined) return undefined
    if (card === null) return part.value
    const value = { ...(part.value as { [key: string]: Json }) }
    if (part.ims === undefined || card.updated > part.ims) {
      if (card.public !== undefined) value['public'] = card.public
      if (card.trusted !== undefined) value['trusted'] = card.trusted
    }
    const updated = value['updated']
    value['updated'] = Math.max(typeof updated === 'number' ? updated : 0, card.updated)
    if (card.seen !== undefined && value['online'] !== true && value['acs'] !== undefined) {
      value['seen'] = { when: card.seen.when, ua: card.seen.ua }
    }
    return value
  }

  /** sub rows of a group: what each member shows of himself. */
  async #rows(value: Json, ims: number | undefined, until: number): Promise<Json | undefined> {
    const rows = value as readonly { readonly [key: string]: Json }[]
    const users = rows
      .map((row) => row['user'])
      .filter((user) => typeof user === 'string') as UserId[]
    const facts = await this.#cards.facts(users, until)
    if (facts === undefined) return undefined
    return rows.map((row) => {
      const card = facts[row['user'] as UserId]
      if (card === null || card === undefined || row['deleted'] !== undefined) return row
      if (ims !== undefined && card.updated <= ims) return row
      const updated = row['updated']
      return {
        ...row,
        updated: Math.max(typeof updated === 'number' ? updated : 0, card.updated),
        ...(card.public === undefined ? {} : { public: card.public }),
        ...(card.trusted === undefined ? {} : { trusted: card.trusted }),
      }
    })
  }
}

/** Part of an answer could not be had before its deadline. It was only read, so nothing happened. */
function unreachable(addressee: Addressee, ts: number): ReturnType<typeof ctrlFrame> {
  return ctrlFrame(addressee, errors['no-owner'].ctrl, ts, { error: 'no-owner' })
}
