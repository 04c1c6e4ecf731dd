import type { DataFrame } from './server-message.ts'

/** Content of a message of the harness: says who it is, and proves that it is whole. */
export interface MessageBody {
  readonly id: string
  readonly sum: number
  /** Makes large messages large. */
  readonly pad?: string
}

export function messageBody(id: string, padBytes = 0): MessageBody {
  const pad = 'x'.repeat(padBytes)
  return padBytes > 0 ? { id, sum: checksum(id + pad), pad } : { id, sum: checksum(id) }
}

/** The id of a received message and whether its body is damaged. A foreign message is damaged. */
export function readBody({ seq, content }: DataFrame): { id: string; damaged: boolean } {
  const body = (
    typeof content === 'object' && content !== null ? content : {}
  ) as Partial<MessageBody>
  if (typeof body.id !== 'string') return { id: `foreign-${seq}`, damaged: true }
  return { id: body.id, damaged: body.sum !== checksum(body.id + (body.pad ?? '')) }
}

/** FNV-1a, 32 bits. */
function checksum(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
