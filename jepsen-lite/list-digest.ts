import { createHash } from 'node:crypto'

/** Stands for a list of messages and their order: 16 hex digits. That of no messages is empty. */
export const emptyDigest = ''

/** The digest of a list with `id` put behind it. */
export function extended(digest: string, id: string): string {
  return createHash('sha256').update(`${digest}\n${id}`).digest('hex').slice(0, 16)
}
