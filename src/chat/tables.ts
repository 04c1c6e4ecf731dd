/**
 * Tables inside an entity, in key order. Everything below `messages` is read when the entity is
 * opened, by one scan; messages are read by seq when somebody asks for history.
 */
export const tables = {
  /** One row: the topic, user, name or tag itself. Key: empty. */
  self: 0x01,
  /** Conversation: a member. Key: user (8 bytes, big-endian). */
  member: 0x02,
  /** Conversation: a delete transaction. Key: its number (8 bytes). */
  deletion: 0x03,
  /** Conversation: a producer's window (P3). Key: its id, UTF-8. */
  producer: 0x04,
  /** User: a topic in his list. Key: topic (17 bytes). */
  list: 0x05,
  /** Tag: who carries it. Key: topic (17 bytes). */
  carrier: 0x06,
  /** Conversation: a message. Key: seq (8 bytes). */
  messages: 0x80,
} as const
