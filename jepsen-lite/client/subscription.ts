import type { ChatClient, StoredMessage } from './chat-client.ts'
import { stored } from './chat-client.ts'
import type { CallResult } from './connection.ts'
import type { DataFrame } from './server-message.ts'

/** Live messages held back while the missed ones are fetched. Above: the attach gives up. */
const maxHeldFrames = 100_000

/**
 * Attaches to a topic from a cursor: first what was missed, in order, then the live messages as
 * they come. The two overlap, because live messages count from the attach and the missed ones are
 * read after it; what the missed ones contained is not told again. From the first live message
 * beyond them on, everything is passed on untouched, so that gaps and repeats of the server show.
 */
export async function attachFrom(
  client: ChatClient,
  topic: string,
  cursor: number,
  deliver: (message: StoredMessage) => void,
): Promise<CallResult> {
  const held: DataFrame[] = []
  let caughtUp = false
  const overlap = new Overlap()
  const live = (frame: DataFrame): void => {
    if (!overlap.covers(frame.seq)) deliver(stored(frame))
  }
  client.listen(topic, (frame) => {
    if (caughtUp) live(frame)
    else if (held.length < maxHeldFrames) held.push(frame)
    else client.close()
  })
  const attached = await client.subscribe(topic)
  if (attached.outcome !== 'ok') return attached
  const missed = await client.history(topic, { since: cursor + 1 })
  if (missed.outcome !== 'ok') return missed
  for (const message of missed.messages) deliver(message)
  overlap.upTo = missed.messages.at(-1)?.seq ?? cursor
  for (const frame of held) live(frame)
  caughtUp = true
  return attached
}

/** The live messages that the missed ones contained already: at the start, rising, and no more than once. */
class Overlap {
  upTo = 0
  #last = 0
  #over = false

  covers(seq: number): boolean {
    if (this.#over || seq > this.upTo || seq <= this.#last) this.#over = true
    this.#last = seq
    return !this.#over
  }
}
