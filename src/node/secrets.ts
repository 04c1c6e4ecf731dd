import { hkdfSync, randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { Profile } from './cluster-file.ts'
import { ConfigRefused } from './cluster-file.ts'
import type { SecretSource } from './config.ts'
import { mintApiKey } from './api-key.ts'

/** Keys of a cluster, all derived from its one secret. Each serves one purpose only. */
export interface ClusterKeys {
  /** What all others are derived from; only a node that joins is given it, sealed. */
  readonly secret: Uint8Array
  /** Signs API keys: HMAC-MD5, as clients of the protocol expect (tinode-wire.md 1.2). */
  readonly apiKeySalt: Uint8Array
  /** What this cluster's clients send. Identifies an application, protects nothing. */
  readonly apiKey: string
  /** Signs login tokens, 32 bytes. */
  readonly tokenKey: Uint8Array
  /** Enciphers user ids and topic names, 16 bytes (XTEA). */
  readonly idKey: Uint8Array
  /** Nodes prove to each other that they belong here, 32 bytes. */
  readonly peerKey: Uint8Array
  /** The bearer token of admin requests that change something; base64url of 32 bytes. */
  readonly adminToken: string
}

/** Salt and key that the stock web app is built with; for development only. */
const stockApiKeySalt = Buffer.from('T713/rYYgW7g4m3vG6zGRh7+FM1t0T8j13koXScOAj4=', 'base64')
const stockApiKey = 'AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K'

const minSecretBytes = 32
const maxSecretBytes = 4_096

/** HKDF-SHA256 (RFC 5869) with the cluster's name as salt and the purpose as info. */
export function deriveKeys(secret: Uint8Array, clusterName: string, profile: Profile): ClusterKeys {
  const key = (purpose: string, bytes: number) =>
    new Uint8Array(hkdfSync('sha256', secret, clusterName, `flotilla 1 ${purpose}`, bytes))
  const own = profile === 'production'
  const apiKeySalt = own ? key('api key salt', 32) : new Uint8Array(stockApiKeySalt)
  return {
    secret,
    apiKeySalt,
    apiKey: own ? mintApiKey(apiKeySalt, 1) : stockApiKey,
    tokenKey: key('login token', 32),
    idKey: key('id cipher', 16),
    peerKey: key('peer', 32),
    adminToken: Buffer.from(key('admin token', 32)).toString('base64url'),
  }
}

/** The bytes of the secret. Throws ConfigRefused when the file is missing, short or readable by others. */
export function readSecret(source: SecretSource): Uint8Array {
  if (source.kind === 'inline') return source.bytes
  const refuse = (says: string, cure: string): never => {
    throw new ConfigRefused(source.path, [{ at: 'the secret', says, cure }])
  }
  let mode: number
  let bytes: Uint8Array
  try {
    mode = statSync(source.path).mode
    bytes = readFileSync(source.path)
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error)
    return refuse(
      says,
      `make one with: flotilla key new --secret-file ${source.path}; copy it to every node`,
    )
  }
  // Windows has no such bits; elsewhere a secret that others may read is none.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    refuse(`others may read it (mode ${(mode & 0o777).toString(8)})`, `chmod 600 ${source.path}`)
  }
  if (bytes.length < minSecretBytes || bytes.length > maxSecretBytes) {
    const cure = `it holds ${minSecretBytes} to ${maxSecretBytes} random bytes; was it copied whole?`
    refuse(`it has ${bytes.length} bytes`, cure)
  }
  return bytes
}

/**
 * Makes the file with fresh random bytes unless it is there. True: it was made. Nodes that start
 * at once on one machine end with the same file: it appears whole or not at all.
 */
export function createSecretFile(path: string): boolean {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, randomBytes(minSecretBytes), { mode: 0o600, flag: 'wx', flush: true })
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft)
  }
}
