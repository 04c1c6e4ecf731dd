import { endOfTopic, stored } from './chat-client.ts'
import type { ChatClient, StoredMessage } from './chat-client.ts'
import type { CallResult } from './connection.ts'
import type { DataFrame } from './server-message.ts'

/** Live messages held back while the missed ones are fetched. Above: the attach gives up. */
const maxHeldFrames = 100_000

type Deliver = (message: StoredMessage) => void

/**
 * Attaches to a topic from a cursor: what was missed and the live messages come in one stream, and
 * all of it is passed on untouched.
 */
export function attachFrom(
  client: ChatClient,
  topic: string,
  cursor: number,
  deliver: Deliver,
): Promise<CallResult> {
  client.listen(topic, (frame) => deliver(stored(frame)))
  return client.subscribeFrom(topic, cursor)
}

/**
 * The same as clients do it that know no cursors: first what was missed, in pages, then the live
 * messages as they come. The two overlap, because live messages count from the attach and the missed
 * ones are read after it; what the missed ones contained is not told again. Everything else is passed
 * on untouched, so that gaps and repeats of the server show. The pages are fetched over `pager`, a session that is opened after the attach, so that
 * everything that comes over `client` is live, and none of it can pass for a part of a page.
 */
export async function attachByPages(
  client: ChatClient,
  topic: string,
  cursor: number,
  { pager, deliver }: { pager: () => Promise<ChatClient | undefined>; deliver: Deliver },
): Promise<CallResult> {
  const held: DataFrame[] = []
  let overlap: Overlap | undefined
  const live = (frame: DataFrame): void => {
    for (const told of overlap?.take(frame) ?? []) deliver(stored(told))
  }
  client.listen(topic, (frame) => {
    if (overlap) live(frame)
    else if (held.length < maxHeldFrames) held.push(frame)
    else client.close()
  })
  const attached = await client.subscribe(topic)
  if (attached.outcome !== 'ok') return attached
  const reader = await pager()
  if (!reader) return { outcome: 'fail', error: 'no session to read pages', params: {}, metas: [] }
  const entered = await reader.subscribeFrom(topic, endOfTopic)
  const missed =
    entered.outcome === 'ok'
      ? await reader.history(topic, { since: cursor + 1 })
      : { ...entered, messages: [] }
  reader.close()
  if (missed.outcome !== 'ok') return missed
  for (const message of missed.messages) deliver(message)
  overlap = new Overlap(cursor, missed.messages.at(-1)?.seq ?? cursor)
  for (const frame of held) live(frame)
  return attached
}

/**
 * The live messages that the missed ones contained already: a run from wherever we were let in to the
 * end of the missed ones. They are held until it has come to that end; one that breaks it is told
 * with all that was held.
 */
class Overlap {
  readonly #from: number
  readonly #upTo: number
  readonly #held: DataFrame[] = []
  #isOver = false

  constructor(cursor: number, upTo: number) {
    this.#from = cursor
    this.#upTo = upTo
  }

  /** What is to be told of it. */
  take(frame: DataFrame): readonly DataFrame[] {
    if (this.#isOver) return [frame]
    const last = this.#held.at(-1)?.seq
    const due =
      last === undefined ? Math.max(this.#from + 1, Math.min(frame.seq, this.#upTo + 1)) : last + 1
    this.#isOver = frame.seq !== due || frame.seq > this.#upTo
    if (frame.seq !== due) return [...this.#held, frame]
    if (this.#isOver) return [frame]
    this.#held.push(frame)
    return []
  }
}
