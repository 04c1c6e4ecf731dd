import { modeText } from '../chat/access-mode.ts'
import type { FoundRow } from '../chat/ask.ts'
import type { Command, Json, SessionId } from '../chat/command.ts'
import { findHits, rankHits } from '../chat/rank.ts'
import type { Hit } from '../chat/rank.ts'
import { parseSearch, tagsOf, uniqueTag } from '../chat/search-query.ts'
import { clientTopicName, kindOf } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { limits } from '../limits.ts'
import type { Clock, Logger } from '../ports.ts'
import type { AskEntity } from './cards.ts'
import type { Addressee } from './render.ts'
import { ctrlFrame, metaFrame } from './render.ts'
import type { Subscriber, TopicRequest } from './topics.ts'

/** The whole value clears (tinode-wire.md 2.1). */
const clear = '\u2421'

/**
 * Searches of sessions on their `fnd` (tinode-wire.md 8.8). The text of a session is kept here and
 * nowhere else; a stored text is the user's `fnd` entity's. Who carries a tag is asked of the tag's
 * entity, how a hit shows of the hit's.
 */
export class SearchDesk {
  readonly #ask: AskEntity
  readonly #clock: Clock
  readonly #logger: Logger
  /** By session, for as long as it is attached to `fnd`: at most one short text each. */
  readonly #texts = new Map<SessionId, string>()

  constructor(deps: { ask: AskEntity; clock: Clock; logger: Logger }) {
    this.#ask = deps.ask
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  /** Is it a search? The rest goes to the stored state of the user's `fnd`. */
  takes({ topic, command }: TopicRequest): boolean {
    if (kindOf(topic) !== 'fnd') return false
    return textOf(command) !== undefined || wordOf(command) !== undefined
  }

  request(from: Subscriber, request: TopicRequest, done: () => void): void {
    const { command, id, said } = request
    const to: Addressee = { id, topic: said }
    const text = textOf(command)
    if (text !== undefined) {
      if (text === clear || text === '') this.#texts.delete(from.sid)
      else this.#texts.set(from.sid, text)
      from.deliver(ctrlFrame(to, 200, this.#clock.now()))
      return done()
    }
    const search =
      wordOf(command) === 'tags' ? this.#holder(from, to) : this.#search(from, request, to)
    search.then(done, (error: unknown) => {
      this.#logger.error({ error: String(error) }, 'a search broke')
      from.deliver(ctrlFrame(to, 500, this.#clock.now()))
      done()
    })
  }

  /** The session is gone, or left `fnd`. */
  forget(sid: SessionId): void {
    this.#texts.delete(sid)
  }

  async #search(from: Subscriber, request: TopicRequest, to: Addressee): Promise<void> {
    const until = this.#clock.monotonic() + limits.requestDeadlineMs
    const text =
      this.#texts.get(from.sid) ?? (await this.#ask(request.topic, { kind: 'search-text' }, until))
    if (text === undefined) return this.#unreachable(from, to)
    const query = typeof text === 'string' ? parseSearch(text) : null
    if (query === null) return this.#nothing(from, to, 'sub')
    const tags = tagsOf(query)
    const carriers = await Promise.all(
      tags.map((tag) =>
        this.#ask(`tag:${tag}`, { kind: 'tag-find', limit: limits.maxListRows }, until),
      ),
    )
    if (carriers.includes(undefined)) return this.#unreachable(from, to)
    const byTag = new Map(tags.map((tag, i) => [tag, (carriers[i] ?? []) as TopicName[]]))
    const hits = findHits(query, byTag).filter(({ topic }) => topic !== (from.uid as string))
    const rows = await this.#rows(from, hits.slice(0, limits.maxListRows), until)
    if (rows === undefined) return this.#unreachable(from, to)
    if (rows.length === 0) return this.#nothing(from, to, 'sub')
    from.deliver(metaFrame(to, 'sub', rows, this.#clock.now()))
  }

  /** Who holds the one full tag that is asked about: free tags have nobody. */
  async #holder(from: Subscriber, to: Addressee): Promise<void> {
    const tag = uniqueTag(this.#texts.get(from.sid) ?? '')
    if (tag === null) return this.#nothing(from, to, 'tags')
    const [name, carriers] = await Promise.all([
      this.#ask(`nam:${tag}`, { kind: 'name-find' }),
      this.#ask(`tag:${tag}`, { kind: 'tag-find', limit: 1 }),
    ])
    if (name === undefined || carriers === undefined) return this.#unreachable(from, to)
    const holder = name ?? (carriers as TopicName[] | null)?.[0] ?? null
    if (holder === null) return this.#nothing(from, to, 'tags')
    from.deliver(metaFrame(to, 'tags', [holder as string], this.#clock.now()))
  }

  async #rows(from: Subscriber, hits: readonly Hit[], until: number): Promise<Json[] | undefined> {
    const { uid, level } = from
    const found = await Promise.all(
      hits.map((hit) => this.#ask(hit.topic, { kind: 'found-row', uid, level }, until)),
    )
    if (found.includes(undefined)) return undefined
    const shown = hits.flatMap((hit, i) => {
      const row = found[i] as FoundRow | null
      return row === null ? [] : [{ ...hit, row, subcnt: row.subcnt }]
    })
    return rankHits(shown).map(({ topic, matched, row }) => {
      const name = kindOf(topic) === 'me' ? topic : clientTopicName(topic, uid, row.chan === true)
      return {
        topic: name as string,
        updated: row.updated,
        acs: { mode: modeText(row.mode) },
        private: [...matched],
        ...(row.public === undefined ? {} : { public: row.public }),
        ...(row.trusted === undefined ? {} : { trusted: row.trusted }),
        ...(row.subcnt === undefined || row.subcnt === 0 ? {} : { subcnt: row.subcnt }),
      }
    })
  }

  #nothing(from: Subscriber, to: Addressee, what: string): void {
    from.deliver(ctrlFrame(to, 204, this.#clock.now(), { what }))
  }

  #unreachable(from: Subscriber, to: Addressee): void {
    from.deliver(ctrlFrame(to, 503, this.#clock.now()))
  }
}

/** The text that a session sets for itself. */
function textOf(command: Command): string | undefined {
  if (command.kind !== 'set') return undefined
  const text = command.desc?.public
  return typeof text === 'string' ? text : undefined
}

function wordOf(command: Command): 'sub' | 'tags' | undefined {
  if (command.kind !== 'get') return undefined
  const { what } = command.query
  return what.includes('sub') ? 'sub' : what.includes('tags') ? 'tags' : undefined
}
