import type { StoredMessage } from '../client/chat-client.ts'

/** A message as the history tells of it: never its body, only whether that was whole. */
export interface MessageRow {
  readonly seq: number
  readonly id: string
  readonly damaged?: true
}

export function messageRow({ seq, id, damaged }: StoredMessage): MessageRow {
  return damaged ? { seq, id, damaged } : { seq, id }
}
