import type { ChatClient, StoredMessage } from './chat-client.ts'
import { stored } from './chat-client.ts'
import type { CallResult } from './connection.ts'
import type { DataFrame } from './server-message.ts'

/** Live messages held back while the missed ones are fetched. Above: the attach gives up. */
const maxHeldFrames = 100_000

/**
 * Attaches to a topic from a cursor: first what was missed, in order, then the live messages as
 * they come. A live message that the missed ones already contained is not told again; otherwise
 * live messages are passed on untouched, so that gaps and repeats of the server show.
 */
export async function attachFrom(
  client: ChatClient,
  topic: string,
  cursor: number,
  deliver: (message: StoredMessage) => void,
): Promise<CallResult> {
  let held: DataFrame[] | undefined = []
  client.listen(topic, (frame) => {
    if (!held) deliver(stored(frame))
    else if (held.length < maxHeldFrames) held.push(frame)
    else client.close()
  })
  const attached = await client.subscribe(topic)
  if (attached.outcome !== 'ok') return attached
  const missed = await client.history(topic, cursor + 1)
  if (missed.outcome !== 'ok') return missed
  for (const message of missed.messages) deliver(message)
  const last = missed.messages.at(-1)?.seq ?? cursor
  for (const frame of held) if (frame.seq > last) deliver(stored(frame))
  held = undefined
  return attached
}
