import type { DataFrame } from './server-message.ts'

/** Content of a message of the harness: says who it is, and proves that it is whole. */
export interface MessageBody {
  readonly id: string
  readonly sum: number
  /** Makes large messages large: text that differs from message to message and from place to place. */
  readonly pad?: string
}

export function messageBody(id: string, padBytes = 0): MessageBody {
  if (padBytes === 0) return { id, sum: checksum(id) }
  const pad = padOf(id, padBytes)
  return { id, sum: checksum(id + pad), pad }
}

/** The id of a received message and whether its body is damaged. A foreign message is damaged. */
export function readBody({ seq, content }: DataFrame): { id: string; damaged: boolean } {
  const body = (
    typeof content === 'object' && content !== null ? content : {}
  ) as Partial<MessageBody>
  if (typeof body.id !== 'string') return { id: `foreign-${seq}`, damaged: true }
  return { id: body.id, damaged: body.sum !== checksum(body.id + (body.pad ?? '')) }
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
const blockLength = 1 << 16
/** Every eighth character has two bytes, so that whoever cuts text between bytes shows. */
const block = Array.from({ length: blockLength }, (_, i) =>
  i % 8 === 7 ? 'ü' : letters[checksum(`block ${i}`) % letters.length],
).join('')

/** At most `bytes` long in UTF-8, and at most one shorter. It begins elsewhere in the block for each id, and says every round which one it is. */
function padOf(id: string, bytes: number): string {
  let pad = block.slice(checksum(id) % blockLength)
  for (let round = 1; pad.length < bytes; round++) pad += `#${round}` + block
  return Buffer.from(pad)
    .subarray(0, bytes)
    .toString('utf8')
    .replace(/\uFFFD$/, '')
}

/** FNV-1a, 32 bits. */
function checksum(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
