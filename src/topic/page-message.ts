import type { DataEvent, TopicEvent } from '../chat/event.ts'
import type { PastMessage } from '../partition/partition-rows.ts'
import type { PageMessage } from './messages.ts'

/** A stored message as it travels in a page or a stream. */
export function pageMessage({ seq, message }: PastMessage): PageMessage {
  const skipSid = message.noecho === true ? (message.producer ?? '') : ''
  return [seq, message.from, message.ts, message.head, message.content, skipSid]
}

export function flat(event: DataEvent): PageMessage {
  return [event.seq, event.from, event.ts, event.head, event.content, event.skipSid]
}

export function expand(event: TopicEvent | PageMessage): TopicEvent {
  return Array.isArray(event) ? expandData(event as PageMessage) : (event as TopicEvent)
}

export function expandData([seq, from, ts, head, content, skipSid]: PageMessage): DataEvent {
  return { kind: 'data', seq, from, ts, head, content, skipSid }
}
