import type { Publish, TopicLog } from './topic-log.ts'

/** A publish attempt whose place in the topic is known: by its ack, or because it was seen later. */
export interface Placed {
  readonly publish: Publish
  readonly seq: number
}

/**
 * The publishes of a topic with their seqs. An unknown outcome that shows up in a read or a
 * delivery did happen; of several attempts under one id it cannot be told which one, so such a
 * message is left out unless an ack names its seq.
 */
export function placedPublishes(log: TopicLog): Placed[] {
  const seqOf = new Map<string, number>()
  for (const { id, seq } of log.deliveries) seqOf.set(id, seq)
  for (const { messages } of log.finals) for (const { id, seq } of messages) seqOf.set(id, seq)
  const placed: Placed[] = []
  for (const [id, attempts] of log.byId) {
    const [only] = attempts
    const acked = attempts.find((attempt) => attempt.seq !== undefined)
    const seq = acked?.seq ?? seqOf.get(id)
    if (only !== undefined && seq !== undefined && attempts.length === 1)
      placed.push({ publish: only, seq })
  }
  return placed
}
