import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/**
 * The key that every client program carries (tinode-wire.md 1.2): 24 bytes in base64url. Byte 0 is 1,
 * bytes 1..7 are free, 8..23 are HMAC-MD5 of the first eight under the cluster's salt. MD5 is the
 * protocol's choice; the key keeps strangers' programs out and is no credential of a user.
 */
export function isValidApiKey(salt: Uint8Array, key: string): boolean {
  if (!keyPattern.test(key)) return false
  const bytes = Buffer.from(key, 'base64url')
  if (bytes[0] !== 1) return false
  const good = createHmac('md5', salt).update(bytes.subarray(0, 8)).digest()
  return timingSafeEqual(good, bytes.subarray(8))
}

/** Where a client may put its key; the first that is not empty counts. A form body is not read here: upgrades have none. */
export function apiKeyOf(request: IncomingMessage, query: URLSearchParams): string {
  const header = request.headers['x-tinode-apikey']
  if (typeof header === 'string' && header !== '') return header
  const inQuery = query.get('apikey')
  if (inQuery !== null && inQuery !== '') return inQuery
  return cookie(request.headers.cookie, 'apikey')
}

function cookie(header: string | undefined, name: string): string {
  for (const pair of header?.split(';') ?? []) {
    const cut = pair.indexOf('=')
    if (cut > 0 && pair.slice(0, cut).trim() === name) return pair.slice(cut + 1).trim()
  }
  return ''
}

const keyPattern = /^[A-Za-z0-9_-]{32}$/
