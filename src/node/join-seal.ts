import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import type { Admission, JoinRequest } from './administration.ts'

/**
 * The token is the only thing that a new node and the cluster share before it joins, and it never
 * travels: its SHA-256 says who asks, and a key derived from it opens the cluster's secret, which the
 * cluster keeps sealed since the token was made.
 */
export function newJoinToken(): string {
  return `${prefix}${randomBytes(tokenBytes).toString('base64url')}`
}

/** A word in front, so that no command line takes a token for a flag, and people know one when they see it. */
const prefix = 'join-'
const tokenBytes = 32
const nonceBytes = 12
const tagBytes = 16

/** Form only; a token that was not copied whole is seen here. */
export function isJoinToken(text: string): boolean {
  return /^join-[A-Za-z0-9_-]{43}$/.test(text)
}

/** AES-256-GCM: nonce, tag, ciphertext in base64url. Bound to the cluster's id. */
export function sealSecret(secret: Uint8Array, token: string, clusterId: string): string {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', sealKey(token), nonce)
  cipher.setAAD(Buffer.from(clusterId))
  const body = Buffer.concat([cipher.update(secret), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
}

/** Null: it was sealed with another token or for another cluster, or changed on the way. */
export function unsealSecret(sealed: string, token: string, clusterId: string): Uint8Array | null {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length <= nonceBytes + tagBytes) return null
  const nonce = bytes.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', sealKey(token), nonce)
  decipher.setAAD(Buffer.from(clusterId))
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
  const body = decipher.update(bytes.subarray(nonceBytes + tagBytes))
  try {
    return new Uint8Array(Buffer.concat([body, decipher.final()]))
  } catch {
    return null // the tag does not fit: `final` throws for nothing else
  }
}

/** HMAC-SHA256 under a key derived from the secret, over all that the new node is told and asked with. */
export function admissionProof(
  secret: Uint8Array,
  request: JoinRequest,
  admission: Omit<Admission, 'proof'>,
): string {
  const { cluster } = admission
  const text = JSON.stringify([
    [request.name, request.peer, request.client, request.zone],
    [request.bootId, request.incarnation, request.tokenHash],
    [admission.index, admission.clusterId, admission.sealed],
    [cluster.name, cluster.profile],
    [cluster.partitions, cluster.replicationFactor, cluster.virtualNodes],
    Object.entries(cluster.options).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    admission.members.map(({ index, name, peer }) => [index, name, peer]),
  ])
  const key = hkdf(secret, 'flotilla 1 admission')
  return createHmac('sha256', key).update(text).digest('base64url')
}

export function isAdmissionProven(
  secret: Uint8Array,
  request: JoinRequest,
  admission: Admission,
): boolean {
  const given = Buffer.from(admission.proof)
  const right = Buffer.from(admissionProof(secret, request, admission))
  return given.length === right.length && timingSafeEqual(given, right)
}

function sealKey(token: string): Buffer {
  return hkdf(Buffer.from(token), 'flotilla 1 join seal')
}

function hkdf(secret: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', info, 32))
}
