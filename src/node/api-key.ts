import { createHmac } from 'node:crypto'
import { isValidApiKey } from '../session/api-key.ts'

/**
 * API keys of the client protocol (tinode-wire.md 1.2): 24 bytes in base64url. Byte 0 is 1, bytes 1..4
 * an application id that nobody reads, 5..6 a sequence number (little-endian), 7 a root flag that has
 * no effect, 8..23 HMAC-MD5 of the first eight. MD5 is the protocol's choice; the key is no credential.
 */
export function mintApiKey(salt: Uint8Array, sequence: number): string {
  const head = Buffer.alloc(8)
  head[0] = 1
  head.writeUInt16LE(sequence, 5)
  const signature = createHmac('md5', salt).update(head).digest()
  return Buffer.concat([head, signature]).toString('base64url')
}

export type ApiKeyVerdict =
  'valid' | 'not 32 characters of base64url' | 'unknown version' | 'signed with another salt'

/** What the edge decides, and why. */
export function checkApiKey(salt: Uint8Array, key: string): ApiKeyVerdict {
  if (isValidApiKey(salt, key)) return 'valid'
  if (!/^[A-Za-z0-9_-]{32}$/.test(key)) return 'not 32 characters of base64url'
  return Buffer.from(key, 'base64url')[0] === 1 ? 'signed with another salt' : 'unknown version'
}
