/** Messages as they are on the wire (tinode-wire.md 2). Only what this library looks into is typed. */

export interface Ctrl {
  readonly id?: string
  readonly topic?: string
  readonly code: number
  readonly text: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly ts?: string
}

/** A stored message of a topic. */
export interface Data {
  readonly topic: string
  readonly from?: string
  readonly ts: string
  readonly seq: number
  readonly head?: Readonly<Record<string, unknown>>
  readonly content: unknown
}

export interface TopicDesc {
  readonly seq?: number
  readonly public?: unknown
  readonly private?: unknown
  readonly acs?: { readonly mode?: string; readonly want?: string; readonly given?: string }
  readonly [key: string]: unknown
}

export interface SubRow {
  readonly topic?: string
  readonly user?: string
  readonly online?: boolean
  readonly public?: unknown
  readonly seq?: number
  readonly read?: number
  readonly recv?: number
  readonly [key: string]: unknown
}

export interface Meta {
  readonly id?: string
  readonly topic: string
  readonly ts?: string
  readonly desc?: TopicDesc
  readonly sub?: readonly SubRow[]
  readonly tags?: readonly string[]
  readonly cred?: readonly unknown[]
  readonly del?: {
    readonly clear?: number
    /** Half-open; without `hi` the one number. */
    readonly delseq?: readonly { readonly low: number; readonly hi?: number }[]
  }
  readonly aux?: unknown
}

export interface Pres {
  readonly topic: string
  readonly src?: string
  readonly what: string
  readonly seq?: number
  readonly act?: string
  readonly tgt?: string
  readonly [key: string]: unknown
}

export interface Info {
  readonly topic: string
  readonly src?: string
  readonly from?: string
  readonly what: string
  readonly seq?: number
  readonly [key: string]: unknown
}

export interface ServerObject {
  readonly ctrl?: Ctrl
  readonly data?: Data
  readonly meta?: Meta
  readonly pres?: Pres
  readonly info?: Info
}

export type Verb = 'hi' | 'acc' | 'login' | 'sub' | 'leave' | 'pub' | 'get' | 'set' | 'del'

/** The parts of a `{meta}`, each of which answers one word of a `{get}`. */
export const metaParts = ['desc', 'sub', 'tags', 'cred', 'del', 'aux'] as const

/** Credentials that the library keeps to log in again after a reconnect. */
export type Secret =
  | { readonly scheme: 'basic'; readonly login: string; readonly password: string }
  | { readonly scheme: 'token'; readonly token: string }

/** The fields of `{login}` and `{acc}` for a secret. */
export function secretFields(secret: Secret): { scheme: string; secret: string } {
  if (secret.scheme === 'token') return { scheme: 'token', secret: secret.token }
  const text = `${secret.login}:${secret.password}`
  return { scheme: 'basic', secret: Buffer.from(text).toString('base64') }
}
