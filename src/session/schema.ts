import { Ajv } from 'ajv'
import type { Json } from '../chat/command.ts'

/**
 * What each verb of a client looks like (tinode-wire.md 2.3 to 2.12). Known fields must have their
 * type; null means "not there"; unknown fields are let pass and never read. Compiled once; `pub`, the
 * hot one, is checked by hand below.
 */
type Maybe<T> = T | null | undefined

export interface HiBody {
  id?: Maybe<string>
  ver?: Maybe<string>
  ua?: Maybe<string>
  dev?: Maybe<string>
  lang?: Maybe<string>
}
export interface CredBody {
  meth?: Maybe<string>
  val?: Maybe<string>
  resp?: Maybe<string>
}
export interface LoginBody {
  id?: Maybe<string>
  scheme?: Maybe<string>
  secret?: Maybe<string>
}
export interface DescBody {
  defacs?: Maybe<{ auth?: Maybe<string>; anon?: Maybe<string> }>
  public?: Json
  trusted?: Json
  private?: Json
}
export interface AccBody {
  id?: Maybe<string>
  user?: Maybe<string>
  tmpscheme?: Maybe<string>
  status?: Maybe<string>
  authlevel?: Maybe<string>
  scheme?: Maybe<string>
  secret?: Maybe<string>
  login?: Maybe<boolean>
  tags?: Maybe<Maybe<string>[]>
  cred?: Maybe<CredBody[]>
  desc?: Maybe<DescBody>
}
export interface RangeBody {
  low?: Maybe<number>
  hi?: Maybe<number>
}
export interface GetBody {
  id?: Maybe<string>
  topic?: Maybe<string>
  what?: Maybe<string>
  desc?: Maybe<{ ims?: Maybe<string> }>
  sub?: Maybe<{
    ims?: Maybe<string>
    user?: Maybe<string>
    topic?: Maybe<string>
    limit?: Maybe<number>
  }>
  data?: Maybe<{
    since?: Maybe<number>
    before?: Maybe<number>
    limit?: Maybe<number>
    ranges?: Maybe<RangeBody[]>
  }>
  del?: Maybe<{ since?: Maybe<number>; before?: Maybe<number>; limit?: Maybe<number> }>
}
export interface SetParts {
  desc?: Maybe<DescBody>
  sub?: Maybe<{ user?: Maybe<string>; mode?: Maybe<string> }>
  tags?: Maybe<Maybe<string>[]>
  cred?: Maybe<CredBody>
  aux?: Maybe<{ [key: string]: Json }>
}
export interface SetBody extends SetParts {
  id?: Maybe<string>
  topic?: Maybe<string>
}
export interface SubBody {
  id?: Maybe<string>
  topic?: Maybe<string>
  set?: Maybe<SetParts>
  get?: Maybe<GetBody>
}
export interface LeaveBody {
  id?: Maybe<string>
  topic?: Maybe<string>
  unsub?: Maybe<boolean>
}
export interface PubBody {
  id?: Maybe<string>
  topic?: Maybe<string>
  noecho?: Maybe<boolean>
  head?: Maybe<{ [key: string]: Json }>
  content?: Json
}
export interface DelBody {
  id?: Maybe<string>
  topic?: Maybe<string>
  what?: Maybe<string>
  delseq?: Maybe<RangeBody[]>
  user?: Maybe<string>
  cred?: Maybe<CredBody>
  hard?: Maybe<boolean>
}
export interface NoteBody {
  topic?: Maybe<string>
  what?: Maybe<string>
  seq?: Maybe<number>
  event?: Maybe<string>
  payload?: Json
}
export interface ExtraBody {
  obo?: Maybe<string>
  authlevel?: Maybe<string>
  producer?: Maybe<string>
  n?: Maybe<number>
  /** With `{hi}`: tell this client when its topics turn from push to pull and back. */
  notices?: Maybe<boolean>
  /** With `{sub}`: the last message that the client has. */
  cursor?: Maybe<number>
}

/** Items of a list in a request. Above: malformed. The same as ids of a delete, tag lists being shorter by rule. */
const maxItems = 1_024

const text = { type: ['string', 'null'] }
const flag = { type: ['boolean', 'null'] }
const count = { type: ['integer', 'null'], minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
const whole = { type: ['integer', 'null'] }
const list = (items: object): object => ({ type: ['array', 'null'], maxItems, items })
const part = (properties: object): object => ({ type: ['object', 'null'], properties })
const body = (properties: object): object => ({ type: 'object', properties })

const credential = part({ meth: text, val: text, resp: text })
const range = { type: 'object', properties: { low: count, hi: count } }
const desc = part({ defacs: part({ auth: text, anon: text }) })
const setParts = {
  desc,
  sub: part({ user: text, mode: text }),
  tags: list(text),
  cred: credential,
  aux: { type: ['object', 'null'] },
}
const getParts = {
  what: text,
  desc: part({ ims: text }),
  sub: part({ ims: text, user: text, topic: text, limit: count }),
  data: part({ since: count, before: count, limit: count, ranges: list(range) }),
  del: part({ since: count, before: count, limit: count }),
}

const ajv = new Ajv({ allowUnionTypes: true })
const compile = (schema: object): Check => ajv.compile(schema)

/** True: the value has the shape of the verb's body. */
export type Check = (value: unknown) => boolean

export const checks = {
  hi: compile(
    body({ id: text, ver: text, ua: text, dev: text, lang: text, platf: text, bkg: flag }),
  ),
  login: compile(body({ id: text, scheme: text, secret: text, cred: list(credential) })),
  acc: compile(
    body({
      id: text,
      user: text,
      tmpscheme: text,
      tmpsecret: text,
      status: text,
      authlevel: text,
      scheme: text,
      secret: text,
      login: flag,
      tags: list(text),
      cred: list(credential),
      desc,
    }),
  ),
  sub: compile(body({ id: text, topic: text, set: part(setParts), get: part(getParts) })),
  leave: compile(body({ id: text, topic: text, unsub: flag })),
  pub: isPub,
  get: compile(body({ id: text, topic: text, ...getParts })),
  set: compile(body({ id: text, topic: text, ...setParts })),
  del: compile(
    body({
      id: text,
      topic: text,
      what: text,
      delseq: list(range),
      user: text,
      cred: credential,
      hard: flag,
    }),
  ),
  note: compile(body({ topic: text, what: text, seq: whole, unread: whole, event: text })),
} as const satisfies Record<string, Check>

export const isExtra: Check = compile(
  body({
    attachments: list(text),
    obo: text,
    authlevel: text,
    producer: text,
    n: whole,
    notices: flag,
    cursor: count,
  }),
)

export type VerbName = keyof typeof checks

function isPub(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { id, topic, noecho, head } = value as Record<keyof PubBody, unknown>
  if (id !== undefined && id !== null && typeof id !== 'string') return false
  if (topic !== undefined && topic !== null && typeof topic !== 'string') return false
  if (noecho !== undefined && noecho !== null && typeof noecho !== 'boolean') return false
  return head === undefined || head === null || (typeof head === 'object' && !Array.isArray(head))
}
