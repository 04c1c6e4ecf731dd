import { crc32 } from 'node:zlib'

/**
 * CRC-32 of the UTF-8 of head and content, unsigned. Tells a retry of a publish from another body under
 * the same key; it is no defence against somebody who wants two bodies to collide in his own
 * conversation. Head is an object or nothing and content one JSON value, so text cannot move unseen
 * from one to the other. Native: a loop over the characters took four times as long per publish.
 */
export function bodyHash(head: string | null, content: string): number {
  return crc32(content, head === null ? 0 : crc32(head))
}
