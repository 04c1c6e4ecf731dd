/**
 * Tables inside an entity, in key order. Everything below `messages` is read when the entity is
 * opened, by one scan; messages are read by seq when somebody asks for history.
 */
export const tables = {
  /** The topic, user, name or tag itself. Key: empty for what changes most, else one byte (topic-rows.ts, user-record.ts). */
  self: 0x01,
  /** Conversation: a member. Key: user (8 bytes, big-endian); one byte more: his private data. */
  member: 0x02,
  /** Conversation: a delete transaction. Key: its number (8 bytes). */
  deletion: 0x03,
  /** Conversation: a page of a producer's window (P3). Key: user, id, page; shorter: floors (producers.ts). */
  producer: 0x04,
  /** User: a topic in his list. Key: topic (17 bytes). */
  list: 0x05,
  /** Tag: who carries it. Key: topic (17 bytes). */
  carrier: 0x06,
  /** Conversation: a message. Key: seq (8 bytes). */
  messages: 0x80,
} as const
