import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** What is committed instead of the token. Tokens are long and random, so a plain hash is enough. */
export function joinTokenHash(token: string): string {
  return bytesToHex(sha256(utf8ToBytes(token)))
}
