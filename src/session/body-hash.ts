/**
 * FNV-1a over the UTF-16 code units of both texts, unsigned 32 bits. Tells a retry of a publish from
 * another body under the same key; it is no defence against somebody who wants two bodies to collide
 * in his own conversation.
 */
export function bodyHash(head: string | null, content: string): number {
  let hash = mix(offsetBasis, head ?? '')
  hash = Math.imul(hash ^ separator, prime)
  return mix(hash, content) >>> 0
}

function mix(start: number, text: string): number {
  let hash = start
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), prime)
  return hash
}

const offsetBasis = 0x811c9dc5 | 0
const prime = 0x01000193
/** No code unit, so that moving text from head to content is another body. */
const separator = 0x1_0000
