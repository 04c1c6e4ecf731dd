import { createHmac, timingSafeEqual } from 'node:crypto'
import type { AuthLevel } from '../chat/command.ts'
import { userIdBytes, userIdFromBytes } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'

/** What a login token says (tinode-wire.md 8.3). Good on every node that has the key. */
export interface TokenFacts {
  readonly uid: UserId
  /** Wall time, ms; kept in whole seconds. */
  readonly expires: number
  readonly level: AuthLevel
  /** Must equal the serial of the user's card: whoever raises that one revokes all tokens. */
  readonly serial: number
  /** Bit 1: credentials are validated. Bit 2: not for logging in. */
  readonly features: number
  /** The login name it came from, or empty: a change of password needs it and cannot look it up. */
  readonly login: string
}

export const validatedFeature = 1
export const noLoginFeature = 2

/** Fixed part, then the login name in UTF-8, then HMAC-SHA256 of all before it. */
const version = 1
const fixedBytes = 19
const macBytes = 32
/** 32 code points of a login name in UTF-8. */
const maxLoginBytes = 128
const levels: readonly AuthLevel[] = ['anon', 'auth', 'root']

/** Makes and reads tokens. */
export class TokenMint {
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = key
  }

  /** Standard base64, as clients keep and send it. */
  issue(facts: TokenFacts): string {
    const login = Buffer.from(facts.login, 'utf8').subarray(0, maxLoginBytes)
    const body = Buffer.alloc(fixedBytes + login.length)
    body[0] = version
    body.set(userIdBytes(facts.uid), 1)
    body.writeUInt32BE(Math.floor(facts.expires / 1_000), 9)
    body[13] = levels.indexOf(facts.level)
    body.writeUInt32BE(facts.serial >>> 0, 14)
    body[18] = facts.features
    body.set(login, fixedBytes)
    return Buffer.concat([body, this.#mac(body)]).toString('base64')
  }

  /** Null: not one of ours, or altered, or expired; which of them is nobody's business. */
  read(token: Buffer, now: number): TokenFacts | null {
    const bodyBytes = token.length - macBytes
    if (bodyBytes < fixedBytes || bodyBytes > fixedBytes + maxLoginBytes) return null
    const body = token.subarray(0, bodyBytes)
    if (!timingSafeEqual(this.#mac(body), token.subarray(bodyBytes))) return null
    const level = levels[body[13] as number]
    const expires = body.readUInt32BE(9) * 1_000
    if (body[0] !== version || level === undefined || expires <= now) return null
    return {
      uid: userIdFromBytes(body.subarray(1, 9)),
      expires,
      level,
      serial: body.readUInt32BE(14),
      features: body[18] as number,
      login: body.toString('utf8', fixedBytes),
    }
  }

  #mac(body: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(body).digest()
  }
}

/** The lower of two levels: a token does not outlive the loss of a rank. */
export function lowerLevel(a: AuthLevel, b: AuthLevel): AuthLevel {
  return levels.indexOf(a) < levels.indexOf(b) ? a : b
}
